/** Why a message is none of the protocol. */
export type ReconReason = 'bad_version' | 'bad_varint' | 'bad_bound' | 'bad_mode' | 'cut_short' | 'too_many'

/** A message that cannot be read. */
export class ReconError extends Error {
  override name = 'ReconError'
  readonly reason: ReconReason

  constructor(reason: ReconReason) {
    super(`reconciliation: ${reason}`)
    this.reason = reason
  }
}

export const ID_BYTES = 32
export const FINGERPRINT_BYTES = 16
/** Behind every item. */
export const INFINITY_TS = Number.POSITIVE_INFINITY

/** Where a range ends, exclusive: before the items at or behind a time and a prefix of an id. */
export interface Bound {
  ts: number
  prefix: Uint8Array
}

const NOTHING = new Uint8Array()
export const END: Bound = { ts: INFINITY_TS, prefix: NOTHING }

/** Bytes of a message that grows. Times are written as differences, from message to message anew. */
export class ReconWriter {
  readonly #bytes: number[] = []
  #lastTs = 0

  get length(): number {
    return this.#bytes.length
  }

  byte(value: number): void {
    this.#bytes.push(value)
  }

  bytes(value: Uint8Array): void {
    for (const byte of value) this.#bytes.push(byte)
  }

  /** Base 128, the highest digit first; all but the last have their high bit set. */
  varint(value: number): void {
    const digits = [value % 128]
    for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.push((rest % 128) + 128)
    this.#bytes.push(...digits.reverse())
  }

  bound({ ts, prefix }: Bound): void {
    // 0 stands for the end, so that everything else is one more than the difference.
    if (ts === INFINITY_TS) this.varint(0)
    else this.varint(ts - this.#lastTs + 1)
    this.#lastTs = ts
    this.varint(prefix.length)
    this.bytes(prefix)
  }

  take(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}

/** Reads a message from its start. @throws ReconError */
export class ReconReader {
  readonly #message: Uint8Array
  #at = 0
  #lastTs = 0

  constructor(message: Uint8Array) {
    this.#message = message
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#message.length
  }

  byte(): number {
    const byte = this.#message[this.#at++]
    if (byte === undefined) throw new ReconError('cut_short')
    return byte
  }

  bytes(length: number): Uint8Array {
    if (length > this.#message.length - this.#at) throw new ReconError('cut_short')
    this.#at += length
    return this.#message.subarray(this.#at - length, this.#at)
  }

  varint(): number {
    let value = 0
    for (let byte = 128; byte >= 128; ) {
      byte = this.byte()
      value = value * 128 + (byte % 128)
      if (value > Number.MAX_SAFE_INTEGER) throw new ReconError('bad_varint')
    }
    return value
  }

  bound(): Bound {
    const said = this.varint()
    const ts = said === 0 ? INFINITY_TS : this.#lastTs + said - 1
    if (ts !== INFINITY_TS && ts > Number.MAX_SAFE_INTEGER) throw new ReconError('bad_bound')
    this.#lastTs = ts
    const length = this.varint()
    if (length > ID_BYTES) throw new ReconError('bad_bound')
    return { ts, prefix: this.bytes(length) }
  }
}
