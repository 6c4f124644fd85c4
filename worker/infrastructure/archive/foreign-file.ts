import { MemosError } from '../../../schemas/errors.ts'
import { FOREIGN_FILE_BYTES_MAX } from '../../../schemas/limits.ts'
import { invalidArchive } from './archive-format.ts'
import { type ForeignItem, fromMem0, fromTextual } from './foreign-memory.ts'
import { fromShortPaper } from './foreign-short-paper.ts'

export type ForeignFormat = 'memos-textual' | 'mem0' | 'short-paper'

const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
/** First bytes of files that are not text. A pickle of protocol 2 and later starts with 0x80. */
const BINARY = new Set([0x80, 0x1f, 0x50, 0x00])

/**
 * The memories of a file of another system.
 * @throws MemosError invalid_archive, payload_too_large
 */
export async function readForeign(stream: ReadableStream<Uint8Array>, format: ForeignFormat): Promise<ForeignItem[]> {
  const bytes = await readBounded(stream)
  if (BINARY.has(bytes[0] ?? 0))
    throw invalidArchive(
      'body',
      'JSON. Pickle and other binary files are refused: reading a pickle can run code that hides in it',
    )
  const text = textOf(bytes)
  const { find, expected, toItem } = SHAPES[format]
  const items = find(format === 'short-paper' ? jsonOrLines(text) : parse(text))
  if (!Array.isArray(items)) throw invalidArchive('body', expected)
  return items.map((item, at) => toItem(item, at + 1))
}

interface Shape {
  find(value: unknown): unknown
  expected: string
  toItem(item: unknown, line: number): ForeignItem
}

const listOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

const SHAPES: Record<ForeignFormat, Shape> = {
  'memos-textual': { find: (value) => value, expected: 'a list of memories', toItem: fromTextual },
  mem0: {
    find: (value) => listOf(value, 'results') ?? listOf(value, 'memories') ?? value,
    expected: 'a list of memories, or one under "results" or "memories"',
    toItem: fromMem0,
  },
  'short-paper': {
    find: (value) => (listOf(value, 'meta') === undefined ? value : [value]),
    expected: 'a list of cubes, or one cube on each line',
    toItem: fromShortPaper,
  },
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8.decode(bytes)
  } catch (cause) {
    throw invalidArchive('body', 'JSON in UTF-8', cause)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalidArchive('body', 'JSON in UTF-8', cause)
  }
}

/** One JSON value, or one on each line. */
function jsonOrLines(text: string): unknown {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const isLines =
    lines.length > 1 && lines.every((line) => line.trimStart().startsWith('{') && line.trimEnd().endsWith('}'))
  return isLines ? lines.map(parse) : parse(text)
}

async function readBounded(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > FOREIGN_FILE_BYTES_MAX) {
      await reader.cancel().catch(() => undefined)
      throw new MemosError('payload_too_large', { field: 'body', expected: `at most ${FOREIGN_FILE_BYTES_MAX} bytes` })
    }
    parts.push(value)
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}
