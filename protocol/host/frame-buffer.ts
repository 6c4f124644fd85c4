import { MipRemoteError } from '../core/mip-remote-error.ts'
import { framePool } from './buffer-pool.ts'

const LENGTH_BYTES_MAX = 4

/** What stands before a frame: its length as unsigned varint (LEB128, shortest form). */
export function framePrefix(bytes: number): Uint8Array {
  const length: number[] = []
  for (let rest = bytes; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80)
    if (rest < 0x80) return Uint8Array.from(length)
  }
}

/** A frame in one piece. */
export function frameOf(payload: Uint8Array): Uint8Array {
  const prefix = framePrefix(payload.length)
  const frame = new Uint8Array(prefix.length + payload.length)
  frame.set(prefix)
  frame.set(payload, prefix.length)
  return frame
}

/**
 * Takes bytes as they arrive, gives frames. A length beyond the bound is refused before a byte of the frame is kept. Large frames lie in buffers
 * of `framePool`.
 */
export class FrameBuffer {
  readonly #bytesMax: number
  readonly #frames: Uint8Array[] = []
  /** Length that is being read: what is known of it, and the bits read so far. */
  #length = 0
  #lengthBytes = 0
  #payload: Uint8Array | null = null
  #filled = 0
  #waitingBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes of whole frames that nobody took yet. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Says whether the bytes so far end where a frame ends. */
  get isAtBoundary(): boolean {
    return this.#payload === null && this.#lengthBytes === 0
  }

  /** @throws MipRemoteError `too_large` for a frame beyond the bound, `bad_answer` for a length that is no varint. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#payload === null) this.#readLength(bytes[at++]!)
      else at += this.#fill(this.#payload, bytes.subarray(at))
    }
  }

  shift(): Uint8Array | undefined {
    const frame = this.#frames.shift()
    if (frame) this.#waitingBytes -= frame.length
    return frame
  }

  #readLength(byte: number): void {
    this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes)
    this.#lengthBytes += 1
    if (byte >= 0x80) {
      if (this.#lengthBytes < LENGTH_BYTES_MAX) return
      throw new MipRemoteError('too_large', `a frame of more than ${this.#bytesMax} bytes`)
    }
    if (byte === 0) throw new MipRemoteError('bad_answer', 'the length of a frame is empty or not in its shortest form')
    if (this.#length > this.#bytesMax)
      throw new MipRemoteError('too_large', `a frame of more than ${this.#bytesMax} bytes`)
    this.#payload = framePool.take(this.#length)
    this.#filled = 0
  }

  #fill(payload: Uint8Array, bytes: Uint8Array): number {
    const taken = Math.min(payload.length - this.#filled, bytes.length)
    payload.set(bytes.subarray(0, taken), this.#filled)
    this.#filled += taken
    if (this.#filled === payload.length) this.#finish(payload)
    return taken
  }

  #finish(payload: Uint8Array): void {
    this.#frames.push(payload)
    this.#waitingBytes += payload.length
    this.#payload = null
    this.#length = 0
    this.#lengthBytes = 0
  }
}
