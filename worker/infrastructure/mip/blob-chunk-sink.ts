import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { addChunk, type Bitfield, bitfieldFor, countChunks } from '../../../protocol/core/bitfield.ts'
import { type BlobShape, chunkCount, chunkLength } from '../../../protocol/core/manifest.ts'
import type { ChunkSink } from '../../../protocol/host/chunk-sink.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_BLOB_RANGE_BYTES_MAX, MIP_BLOB_SEGMENT_BYTES } from '../../../schemas/limits-mip.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { allKeys, reserveRoom, type Segment, segmentKey, segmentOf, segmentsOf } from './download-area.ts'

export interface BlobChunkSinkInit extends BlobShape {
  blobs: BlobStore
  /** Where the finished blob is read. */
  key: string
  /** Prefix of everything that is under way, ending with `/`; its downloads share `bytesMax`. */
  area: string
  /** The manifest: chunks of different ones never meet. */
  cid: Cid
  /** Digest of the whole, as the reference says it: 64 hexadecimal digits. */
  sha256: string
  /** Bytes that all downloads of the area may come to, finished or not. */
  bytesMax: number
}

/**
 * A sink in a blob store, R2 above all, that survives the end of its process anywhere.
 *
 * Neither a sparse object nor one that grows exists there. Chunks are collected up to MIP_BLOB_SEGMENT_BYTES and written as segments: an object
 * for each run of neighbours, whose name says which chunks it holds. A put is whole or not at all, so the names are the bitfield, and never say
 * more than is there. Why not otherwise:
 * - a multipart upload for the download itself: its parts are of one length and 5 MiB at least, so that twenty chunks of 256 KiB would have to
 *   come before the first is safe, and its parts cannot be listed, so that their tags would have to be kept elsewhere;
 * - an object for each chunk: a blob of 64 MiB would take 256 puts and as many gets, and an invocation has 1,000 calls in all;
 * - a bitfield as an object of its own: R2 takes one write a second for one key. As a row of D1: one writer serves the whole organisation.
 *
 * `complete` puts the segments together into the blob, a few MiB in memory, and checks the digest of the whole before it can be read.
 */
export class BlobChunkSink implements ChunkSink {
  readonly #init: BlobChunkSinkInit
  readonly #have: Bitfield
  #segments: Segment[] = []
  #waiting = new Map<number, Uint8Array>()
  #waitingBytes = 0
  #flushing: Promise<void> = Promise.resolve()
  #failure: { cause: unknown } | null = null
  #isReserved = false
  #isStored = false

  constructor(init: BlobChunkSinkInit) {
    this.#init = init
    this.#have = bitfieldFor(chunkCount(init))
  }

  /** @throws MemosError `storage_full` when it is too much beside what else is under way. */
  async reserve(size: number): Promise<void> {
    const { blobs, key, area, cid, bytesMax } = this.#init
    // An earlier run came to its end and was cut off before it had cleaned up.
    this.#isStored = (await blobs.size(key)) === size
    if (!this.#isStored) await reserveRoom(blobs, { area, cid, size, bytesMax })
    this.#segments = await segmentsOf(blobs, this.#init)
    for (const { from, to } of this.#isStored ? [{ from: 0, to: chunkCount(this.#init) }] : this.#segments)
      for (let index = from; index < to; index++) addChunk(this.#have, index)
    this.#isReserved = true
  }

  async bitfield(): Promise<Bitfield> {
    return this.#have.slice()
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    if (!this.#isReserved) throw new RangeError('"sink" expected reserve() first')
    // A copy: it waits for its neighbours, and the caller may use its bytes again.
    this.#waiting.set(index, bytes.slice())
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes >= MIP_BLOB_SEGMENT_BYTES) await this.flush()
  }

  flush(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = new Map()
    this.#waitingBytes = 0
    const next = this.#flushing.then(() => this.#store(waiting))
    // Chunks of a put that failed are gone: whoever asks later is told why they are missing.
    this.#flushing = next.catch((cause: unknown) => {
      this.#failure ??= { cause }
    })
    return next
  }

  /** @throws MemosError `data_corrupt` when the whole is not what the reference names; everything is fetched again then. */
  async complete(): Promise<void> {
    await this.flush()
    if (countChunks(this.#have) !== chunkCount(this.#init)) throw new RangeError('"sink" expected every chunk')
    const { blobs, key, size } = this.#init
    if (!this.#isStored) await blobs.putPieces(key, size, this.#checked())
    this.#isStored = true
    await this.#cleanUp()
  }

  async close(): Promise<void> {
    await this.#flushing
    this.#waiting.clear()
    this.#waitingBytes = 0
  }

  async #store(waiting: ReadonlyMap<number, Uint8Array>): Promise<void> {
    if (this.#failure) throw this.#failure.cause
    const { blobs } = this.#init
    const write = async (segment: Segment) => {
      const pieces = Array.from({ length: segment.to - segment.from }, (_, i) => waiting.get(segment.from + i)!)
      await blobs.put(segmentKey(this.#init, segment), joined(pieces))
      this.#segments.push(segment)
      for (let index = segment.from; index < segment.to; index++) addChunk(this.#have, index)
    }
    // All are waited for, so that none is still under way when whoever asked hears of the one that failed.
    const results = await Promise.allSettled(runsOf([...waiting.keys()]).map(write))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async *#checked(): AsyncGenerator<Uint8Array, void> {
    const digest = sha256.create()
    for await (const piece of this.#pieces()) {
      digest.update(piece)
      yield piece
    }
    if (bytesToHex(digest.digest()) === this.#init.sha256) return
    await this.#cleanUp()
    throw new MemosError('data_corrupt', { detail: `The blob ${this.#init.cid} does not match its digest.` })
  }

  /** The bytes in order. Two runs at once may have stored the same chunk; it is taken from one of them. */
  async *#pieces(): AsyncGenerator<Uint8Array, void> {
    const { blobs, chunk } = this.#init
    for (let index = 0; index < chunkCount(this.#init); ) {
      const segment = segmentOf(this.#segments, index)
      const step = Math.max(1, Math.floor(MIP_BLOB_RANGE_BYTES_MAX / chunk))
      const to = Math.min(segment.to, index + step)
      const length = (to - index - 1) * chunk + chunkLength(this.#init, to - 1)
      const key = segmentKey(this.#init, segment)
      const part = await blobs.slice(key, (index - segment.from) * chunk, length)
      if (part?.bytes.length !== length) {
        // What is there instead is of no use: the next run fetches these chunks again.
        await blobs.delete([key])
        throw new MemosError('blob_missing', { detail: 'A segment of a download is damaged.' })
      }
      yield part.bytes
      index = to
    }
  }

  /** The reservation last: what is cut off in between still counts as under way. */
  async #cleanUp(): Promise<void> {
    const { blobs, area, cid } = this.#init
    await blobs.delete(await allKeys(blobs, `${area}parts/${cid}/`))
    await blobs.delete(await allKeys(blobs, `${area}reserved/${cid}/`))
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function runsOf(indexes: readonly number[]): Segment[] {
  const runs: Segment[] = []
  for (const index of indexes.toSorted((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last?.to === index) last.to = index + 1
    else runs.push({ from: index, to: index + 1 })
  }
  return runs
}
