import { addChunk, type Bitfield, bitfieldFor, countChunks } from '../core/bitfield.ts'
import { type BlobShape, chunkCount } from '../core/manifest.ts'

/**
 * Where the chunks of one blob go. Only verified chunks are written, in any order and several at once; nothing can be read under the name
 * of the blob before `complete`.
 */
export interface ChunkSink {
  /** Makes sure of room for the whole, or rejects; called before anything is requested. */
  reserve(size: number): Promise<void>
  /** Chunks that are there already and durable; asked for after `reserve`. */
  bitfield(): Promise<Bitfield>
  /** Takes a chunk; its bytes belong to the caller again afterwards. */
  write(index: number, bytes: Uint8Array): Promise<void>
  /** What was written before is durable afterwards. */
  flush(): Promise<void>
  /** Every chunk is there: the blob becomes readable. */
  complete(): Promise<void>
  /** Lets go of what it holds open; what is durable stays for the next time. */
  close(): Promise<void>
}

/** A sink in memory, for blobs that are small against it. */
export class MemoryChunkSink implements ChunkSink {
  readonly #shape: BlobShape
  readonly #have: Bitfield
  #bytes: Uint8Array | null = null
  #isComplete = false

  constructor(shape: BlobShape) {
    this.#shape = shape
    this.#have = bitfieldFor(chunkCount(shape))
  }

  /** The blob; null before it is complete. */
  get bytes(): Uint8Array | null {
    return this.#isComplete ? this.#bytes : null
  }

  async reserve(size: number): Promise<void> {
    this.#bytes ??= new Uint8Array(size)
  }

  async bitfield(): Promise<Bitfield> {
    return this.#have.slice()
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    this.#bytes!.set(bytes, index * this.#shape.chunk)
    addChunk(this.#have, index)
  }

  async flush(): Promise<void> {}

  async complete(): Promise<void> {
    if (countChunks(this.#have) !== chunkCount(this.#shape)) throw new RangeError('"sink" expected every chunk')
    this.#isComplete = true
  }

  async close(): Promise<void> {}
}
