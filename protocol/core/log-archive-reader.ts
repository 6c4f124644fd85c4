import { asyncIterableReader, createDecoder } from '@ipld/car/decoder'
import { CID } from 'multiformats/cid'
import type { Cid } from '../../schemas/cid.ts'
import { LOG_ARCHIVE_BLOCK_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { cidOfLink, matchesCid } from './cid.ts'
import { type ArchivedBlock, type LogArchiveItem, LogArchiveParser } from './log-archive.ts'
import { LogArchiveError } from './log-archive-error.ts'

type BytesReader = ReturnType<typeof asyncIterableReader>

/** Bytes of a varint at most, as the decoder looks ahead for one. */
const VARINT_BYTES_MAX = 9

/**
 * Reads an archive as it arrives; what is kept at a time is one block and one piece of the source. Each block is checked against its CID.
 * Signatures and the chain of the log are for the caller to check, entry by entry.
 * @throws LogArchiveError; whatever the source throws comes through as it is.
 */
export async function* readLogArchive(source: AsyncIterable<Uint8Array>): AsyncGenerator<LogArchiveItem> {
  const input = new Input(source)
  try {
    const decoder = createDecoder(bounded(asyncIterableReader(input)))
    const header = await input.decoding(() => decoder.header())
    const root = header.roots.length === 1 ? addressOf(header.roots[0]) : null
    if (header.version !== 1 || !root) throw new LogArchiveError('header')
    const parser = new LogArchiveParser(root)
    const blocks = decoder.blocks()
    const nextBlock = () => input.decoding(() => blocks.next())
    for (let next = await nextBlock(); !next.done; next = await nextBlock()) {
      const item = parser.push(checked(next.value))
      if (item) yield item
    }
    parser.end()
  } finally {
    await input.close()
  }
}

/** The source, with its own failures told from those of the decoder, which says both in plain errors. */
class Input implements AsyncIterable<Uint8Array> {
  readonly #iterator: AsyncIterator<Uint8Array>
  #failure: { cause: unknown } | null = null

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next() }
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#iterator.next()
    } catch (cause) {
      this.#failure = { cause }
      throw cause
    }
  }

  async decoding<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (this.#failure) throw this.#failure.cause
      if (cause instanceof LogArchiveError) throw cause
      throw new LogArchiveError('malformed', { cause })
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

function checked({ cid: link, bytes: borrowed }: { cid: CID; bytes: Uint8Array }): ArchivedBlock {
  const cid = addressOf(link)
  if (!cid) throw new LogArchiveError('block')
  if (!matchesCid(cid, borrowed)) throw new LogArchiveError('hash')
  // The decoder lends a part of the piece that it read; a small object must not keep that alive.
  return { cid, bytes: borrowed.slice() }
}

function addressOf(value: unknown): Cid | null {
  const link = CID.asCID(value)
  return link && cidOfLink(link)
}

/** The decoder believes lengths: one beyond the block limit is read to the end of memory, and a negative one goes back in the file. */
function bounded(reader: BytesReader): BytesReader {
  const within = (length: number, max: number) => {
    if (!(length >= 0 && length <= max)) throw new LogArchiveError('block')
    return length
  }
  return {
    upTo: (length) => reader.upTo(length),
    exactly: (length, seek) => reader.exactly(within(length, LOG_ARCHIVE_BLOCK_BYTES_MAX), seek),
    seek: (length) => reader.seek(within(length, VARINT_BYTES_MAX)),
    get pos() {
      return reader.pos
    },
  }
}
