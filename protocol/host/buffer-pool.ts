/** Buffers below this are cheaper to make than to keep. */
const POOLED_BYTES_MIN = 64 * 1024
/** Lengths are rounded up to this, so that frames with a few bytes around the same chunk share their buffers. */
const STEP_BYTES = 64 * 1024

/**
 * Large buffers that are used again: making and collecting one for every frame of a blob costs the reader as much as decrypting it. Who forgets
 * to give one back loses nothing but that.
 */
export class BufferPool {
  readonly #bytesMax: number
  readonly #free = new Map<number, ArrayBuffer[]>()
  readonly #lent = new WeakSet<ArrayBufferLike>()
  #freeBytes = 0

  /** `bytesMax`: bytes that wait for use. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes of that length with anything in them: the caller fills all of them before it shows them to anybody. */
  take(length: number): Uint8Array {
    if (length < POOLED_BYTES_MIN) return new Uint8Array(length)
    const capacity = Math.ceil(length / STEP_BYTES) * STEP_BYTES
    const free = this.#free.get(capacity)?.pop()
    if (free) this.#freeBytes -= capacity
    const buffer = free ?? new ArrayBuffer(capacity)
    this.#lent.add(buffer)
    return new Uint8Array(buffer, 0, length)
  }

  /** Takes back what a view from here shows; nobody may look at it after. Bytes from elsewhere, or given back already, are left alone. */
  give({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer)) return
    if (this.#freeBytes + buffer.byteLength > this.#bytesMax) return
    this.#freeBytes += buffer.byteLength
    const same = this.#free.get(buffer.byteLength)
    if (same) same.push(buffer as ArrayBuffer)
    else this.#free.set(buffer.byteLength, [buffer as ArrayBuffer])
  }
}

/** Buffers of frames, and of chunks that come in several: about two providers with all their calls under way. */
export const framePool = new BufferPool(16 * 1024 * 1024)
