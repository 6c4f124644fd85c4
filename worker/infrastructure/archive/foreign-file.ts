import { MemosError } from '../../../schemas/errors.ts'
import { invalidArchive } from './archive-format.ts'
import { FOREIGN_FILE_BYTES_MAX } from './archive-limits.ts'
import { type ForeignItem, fromMem0, fromTextual } from './foreign-memory.ts'

export type ForeignFormat = 'memos-textual' | 'mem0'

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
  const value = parse(bytes)
  const items = format === 'memos-textual' ? value : (listOf(value, 'results') ?? listOf(value, 'memories') ?? value)
  if (!Array.isArray(items))
    throw invalidArchive(
      'body',
      format === 'memos-textual' ? 'a list of memories' : 'a list of memories, or one under "results" or "memories"',
    )
  return items.map((item, at) => (format === 'memos-textual' ? fromTextual(item, at + 1) : fromMem0(item, at + 1)))
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8.decode(bytes))
  } catch (cause) {
    throw invalidArchive('body', 'JSON in UTF-8', cause)
  }
}

const listOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

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
