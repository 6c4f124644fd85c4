/** Why bytes are no safetensors header. The codes are stable: conformance vectors use them. */
export type SafetensorsReason =
  | 'truncated' // fewer bytes than the header says, or than its length takes
  | 'size' // a header above 1 MiB, or longer than the file
  | 'json' // not the JSON that a header consists of
  | 'utf8'
  | 'name' // an empty name, one with an escape, or longer than 512 bytes
  | 'duplicate' // a name, or a field of one tensor, that comes twice
  | 'dtype'
  | 'shape' // more than 8 dimensions, or a product that is no exact number
  | 'offsets' // an end before its start, or beyond the file
  | 'mismatch' // type and shape make another number of bytes than the offsets
  | 'hole' // bytes that belong to no tensor
  | 'overlap' // bytes that belong to two

/** A safetensors header that is refused. The message carries no content. */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError'
  readonly reason: SafetensorsReason

  constructor(reason: SafetensorsReason, at: number) {
    super(`not a safetensors header: ${reason} at byte ${at}`)
    this.reason = reason
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SIMPLE_ESCAPES = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)))

export interface Span {
  start: number
  end: number
}

/**
 * Reads JSON (RFC 8259) token by token where it lies and makes nothing out of it, so what a hostile header costs is what its reader keeps.
 */
export class JsonScanner {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  fail(reason: SafetensorsReason = 'json'): never {
    throw new SafetensorsError(reason, this.at)
  }

  skipSpace(): void {
    for (let byte = this.bytes[this.at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; )
      byte = this.bytes[++this.at]
  }

  /** Says whether the character comes next, and steps over it. */
  take(character: string): boolean {
    this.skipSpace()
    if (this.bytes[this.at] !== character.charCodeAt(0)) return false
    this.at += 1
    return true
  }

  expect(character: string): void {
    if (!this.take(character)) this.fail()
  }

  /** Calls `item` for each item of a list that has just been opened, up to `close`. */
  list(close: string, item: () => void): void {
    if (this.take(close)) return
    do item()
    while (this.take(','))
    this.expect(close)
  }

  /** A string; the span is what stands between its quotes. Escapes are refused unless `escapes` allows them. */
  string(escapes: boolean): Span {
    this.expect('"')
    const start = this.at
    for (let byte = this.bytes[this.at]; byte !== QUOTE; byte = this.bytes[this.at]) {
      if (byte === undefined || byte < 0x20) this.fail()
      if (byte === BACKSLASH) this.#escape(escapes)
      else this.at += 1
    }
    const span = { start, end: this.at }
    this.at += 1
    this.#checkUtf8(span)
    return span
  }

  /** A whole number from 0 to 2^53 - 1, without sign, fraction, exponent or leading zero. */
  number(): number {
    this.skipSpace()
    const start = this.at
    let value = 0
    for (let digit = this.#digit(); digit >= 0; digit = this.#digit()) {
      value = value * 10 + digit
      this.at += 1
      if (value > Number.MAX_SAFE_INTEGER) this.fail()
    }
    if (this.at === start || (this.at > start + 1 && this.bytes[start] === 0x30)) this.fail()
    return value
  }

  /** The span as text; its bytes have been checked. */
  text({ start, end }: Span): string {
    return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(this.bytes.subarray(start, end))
  }

  #digit(): number {
    const byte = this.bytes[this.at] ?? 0
    return byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : -1
  }

  #escape(allowed: boolean): void {
    if (!allowed) this.fail('name')
    const kind = this.bytes[this.at + 1] ?? 0
    const isUnit = kind === 0x75 && /^[0-9a-fA-F]{4}$/.test(this.text({ start: this.at + 2, end: this.at + 6 }))
    if (!isUnit && !SIMPLE_ESCAPES.has(kind)) this.fail()
    this.at += isUnit ? 6 : 2
  }

  #checkUtf8({ start, end }: Span): void {
    let isAscii = true
    for (let i = start; i < end && isAscii; i++) isAscii = this.bytes[i]! < 0x80
    if (isAscii) return
    try {
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes.subarray(start, end))
    } catch {
      this.fail('utf8')
    }
  }
}
