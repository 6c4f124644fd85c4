import { CID } from 'multiformats/cid'
import { Digest } from 'multiformats/hashes/digest'
import { isCanonicalText } from '../../schemas/canonical-text.ts'
import { MIP_OBJECT_DEPTH_MAX } from '../../schemas/limits-mip.ts'
import type { MipValue } from './mip-cbor.ts'

// Major types of CBOR (RFC 8949 section 3.1).
const UNSIGNED = 0
const NEGATIVE = 1
const BYTES = 2
const TEXT = 3
const LIST = 4
const MAP = 5
const TAG = 6
/** A link: tag 42, a byte string of 37, 0x00, then CIDv1, codec, sha2-256, 32. The codec stands at its place as 0. */
const LINK_HEAD = [0xd8, 0x2a, 0x58, 0x25, 0x00, 0x01, 0x00, 0x12, 0x20]
const LINK_CODEC_AT = 6
const LINK_CID_AT = 5
const LINK_BYTES = 41
const SHA2_256 = 0x12
const DIGEST_BYTES = 32
/** Texts up to this length are put together from their characters; longer ones are left to the platform. */
const SHORT_TEXT = 96
/** Byte strings below this size, that of the smallest chunk, are always copied. */
const VIEWED_BYTES_MIN = 64 * 1024
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Ends the walk; never leaves this file. */
const UNUSUAL = Symbol('unusual')

/**
 * The value of bytes that are MIP-CBOR beyond doubt, in one pass: every head in its shortest form, keys in order, texts canonical, links of
 * the known kind. Undefined for everything else; the caller then finds out what is wrong. What this accepts has this one encoding, so
 * nothing has to be encoded again to be sure.
 */
export function decodeCanonical(bytes: Uint8Array): MipValue | undefined {
  try {
    const walk = new Walk(bytes)
    const value = walk.value(0)
    return walk.isAtEnd ? value : undefined
  } catch (error) {
    if (error === UNUSUAL || error instanceof TypeError) return undefined
    throw error
  }
}

class Walk {
  readonly #bytes: Uint8Array
  #at = 0
  #major = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  value(depth: number): MipValue {
    const initial = this.#bytes[this.#at]
    if (initial === 0xf6) return this.#simple(null)
    if (initial === 0xf5) return this.#simple(true)
    if (initial === 0xf4) return this.#simple(false)
    if (initial === 0xd8) return this.#link()
    const argument = this.#head()
    if (this.#major === TEXT) return this.#text(argument)
    if (this.#major === UNSIGNED && argument <= Number.MAX_SAFE_INTEGER) return argument
    if (this.#major === NEGATIVE && argument < Number.MAX_SAFE_INTEGER) return -1 - argument
    if (this.#major === BYTES) return this.#byteString(argument)
    if (this.#major === MAP && depth < MIP_OBJECT_DEPTH_MAX) return this.#map(argument, depth + 1)
    if (this.#major === LIST && depth < MIP_OBJECT_DEPTH_MAX) return this.#list(argument, depth + 1)
    throw UNUSUAL
  }

  #simple<T>(value: T): T {
    this.#at += 1
    return value
  }

  /** Reads a head; the major type is kept aside. */
  #head(): number {
    const bytes = this.#bytes
    const initial = bytes[this.#at] ?? 0xff
    this.#major = initial >> 5
    const info = initial & 0x1f
    if (this.#major >= TAG || info > 27) throw UNUSUAL
    this.#at += 1
    if (info < 24) return info
    const width = 1 << (info - 24)
    let argument = 0
    const end = this.#advance(width)
    for (let i = end - width; i < end; i++) argument = argument * 256 + bytes[i]!
    if (argument < (width === 1 ? 24 : 2 ** (width * 4))) throw UNUSUAL
    return argument
  }

  /** Steps over bytes that are there; the offset behind them. */
  #advance(length: number): number {
    if (length > this.#bytes.length - this.#at) throw UNUSUAL
    this.#at += length
    return this.#at
  }

  /** A copy, but for what is most of the input and more than a page: a frame with a chunk of a blob is not held twice. */
  #byteString(length: number): Uint8Array {
    const from = this.#at
    const to = this.#advance(length)
    const isMost = length >= VIEWED_BYTES_MIN && length > this.#bytes.length / 2
    return isMost ? this.#bytes.subarray(from, to) : this.#bytes.slice(from, to)
  }

  #text(length: number): string {
    const from = this.#at
    const to = this.#advance(length)
    if (isAscii(this.#bytes, from, to)) {
      const part = this.#bytes.subarray(from, to)
      return length <= SHORT_TEXT ? String.fromCharCode.apply(null, part as unknown as number[]) : utf8.decode(part)
    }
    const text = utf8.decode(this.#bytes.subarray(from, to))
    if (!isCanonicalText(text)) throw UNUSUAL
    return text
  }

  #list(count: number, depth: number): MipValue[] {
    const items: MipValue[] = []
    for (let i = 0; i < count; i++) items.push(this.value(depth))
    return items
  }

  #map(count: number, depth: number): { [key: string]: MipValue } {
    const fields: { [key: string]: MipValue } = {}
    let from = 0
    let to = 0
    for (let i = 0; i < count; i++) {
      const length = this.#head()
      if (this.#major !== TEXT) throw UNUSUAL
      const keyFrom = this.#at
      const keyTo = this.#advance(length)
      if (i > 0 && !this.#isBefore(from, to, keyFrom, keyTo)) throw UNUSUAL
      from = keyFrom
      to = keyTo
      fields[this.#key(from, to)] = this.value(depth)
    }
    return fields
  }

  /** Keys are [a-z][A-Za-z0-9]*. */
  #key(from: number, to: number): string {
    const bytes = this.#bytes
    if (from === to || !isLower(bytes[from]!)) throw UNUSUAL
    for (let i = from + 1; i < to; i++) if (!isLower(bytes[i]!) && !isUpperOrDigit(bytes[i]!)) throw UNUSUAL
    if (to - from > SHORT_TEXT) throw UNUSUAL
    return String.fromCharCode.apply(null, bytes.subarray(from, to) as unknown as number[])
  }

  /** Order of keys in DAG-CBOR: shorter first, then by their bytes. */
  #isBefore(from: number, to: number, keyFrom: number, keyTo: number): boolean {
    const bytes = this.#bytes
    const longer = keyTo - keyFrom - (to - from)
    if (longer !== 0) return longer > 0
    for (let i = 0; i < to - from; i++) {
      const difference = bytes[keyFrom + i]! - bytes[from + i]!
      if (difference !== 0) return difference > 0
    }
    return false
  }

  #link(): CID {
    const bytes = this.#bytes
    const at = this.#at
    const end = this.#advance(LINK_BYTES)
    const codec = bytes[at + LINK_CODEC_AT]!
    for (let i = 0; i < LINK_HEAD.length; i++) if (i !== LINK_CODEC_AT && bytes[at + i] !== LINK_HEAD[i]) throw UNUSUAL
    if (codec !== 0x71 && codec !== 0x55) throw UNUSUAL
    const cid = bytes.slice(at + LINK_CID_AT, end)
    const multihash = cid.subarray(2)
    return new CID(1, codec, new Digest(SHA2_256, DIGEST_BYTES, cid.subarray(4), multihash), cid)
  }
}

function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i]! >= 0x80) return false
  return true
}

const isLower = (byte: number) => byte >= 0x61 && byte <= 0x7a
const isUpperOrDigit = (byte: number) => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39)
