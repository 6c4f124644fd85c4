import type { Cid } from '../../schemas/cid.ts'
import { type BlobShape, chunkLength } from '../core/manifest.ts'
import type { BlobPart } from '../core/wire-types.ts'
import type { ChunkProvider } from './blob-transfer.ts'
import { framePool } from './buffer-pool.ts'
import type { MipRemote } from './mip-remote.ts'

/** Calls that one request for chunks keeps under way: a download makes two requests at once, and a peer serves four calls. */
const CALLS_AHEAD = 2

/**
 * A peer or mirror as provider of the chunks of one blob. Each chunk is a call of its own, so that silence is noticed after one chunk, and the
 * next is asked for before the last one is here.
 */
export class RemoteChunks implements ChunkProvider {
  readonly id: string
  readonly #remote: MipRemote
  readonly #shape: BlobShape

  /** `shape`: what the manifest says of the blob. */
  constructor(remote: MipRemote, shape: BlobShape) {
    this.id = remote.name
    this.#remote = remote
    this.#shape = shape
  }

  /** @throws MipRemoteError when the peer cannot be asked or answers nonsense; the signal's reason. */
  async *chunks(
    cid: Cid,
    indexes: readonly number[],
    signal: AbortSignal,
  ): AsyncGenerator<readonly [number, Uint8Array], void> {
    const leaving = new AbortController()
    const options = { signal: AbortSignal.any([signal, leaving.signal]) }
    const waiting: Promise<BlobPart | null>[] = []
    let asked = 0
    try {
      for (const index of indexes) {
        for (; asked < indexes.length && waiting.length < CALLS_AHEAD; asked++)
          waiting.push(quiet(this.#remote.blobChunk(cid, this.#rangeOf(indexes[asked]!), options)))
        const part = await waiting.shift()
        if (!part) continue
        // Bytes of another length than the manifest's are passed on: whoever checks them knows whom to blame.
        try {
          yield [index, part.bytes]
        } finally {
          framePool.give(part.bytes)
        }
      }
    } finally {
      leaving.abort()
    }
  }

  #rangeOf(index: number) {
    return { offset: index * this.#shape.chunk, length: chunkLength(this.#shape, index) }
  }
}

/** A promise whose failure may come while nobody waits for it yet. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
