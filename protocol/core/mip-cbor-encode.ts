import type { CID } from 'multiformats/cid'
import { utf8Length } from '../../schemas/canonical-text.ts'
import type { MipValue } from './mip-cbor.ts'

// Major types of CBOR (RFC 8949 section 3.1), in the place they have in the initial byte.
const UNSIGNED = 0x00
const NEGATIVE = 0x20
const BYTES = 0x40
const TEXT = 0x60
const LIST = 0x80
const MAP = 0xa0
/** Tag 42 and the head of 37 bytes of which the first is zero (DAG-CBOR specification, "Links"). */
const LINK_HEAD = [0xd8, 0x2a, 0x58, 0x25, 0x00]
const LINK_BYTES = 41
/** Texts up to this length are written character by character while they are ASCII. */
const SHORT_TEXT = 64
const utf8 = new TextEncoder()

/**
 * The DAG-CBOR bytes of a value that is known to be within the profile of MIP-CBOR, or null when they are more than `bytesMax`. The size is
 * found first, so the bytes are written once and into memory of exactly that size.
 */
export function encodeChecked(value: MipValue, bytesMax: number): Uint8Array | null {
  const plan = new Plan()
  plan.add(value)
  return plan.size > bytesMax ? null : new Writer(plan).write(value)
}

/** Bytes that `encodeChecked` would write. */
export function encodedSize(value: MipValue): number {
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value === 'number') return headBytes(value < 0 ? -1 - value : value)
  if (typeof value === 'string') return sizeWithHead(utf8Length(value))
  if (value instanceof Uint8Array) return sizeWithHead(value.length)
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + encodedSize(item), headBytes(value.length))
  if (isLink(value)) return LINK_BYTES
  const keys = Object.keys(value)
  return keys.reduce((sum, key) => sum + sizeWithHead(key.length) + encodedSize(value[key]!), headBytes(keys.length))
}

const sizeWithHead = (length: number) => headBytes(length) + length

/** What is found while measuring and needed again while writing, in the order of the walk. */
class Plan {
  size = 0
  readonly keys: string[][] = []
  readonly texts: Uint8Array[] = []

  add(value: MipValue): void {
    if (value === null || typeof value === 'boolean') this.size += 1
    else if (typeof value === 'number') this.size += headBytes(value < 0 ? -1 - value : value)
    else if (typeof value === 'string') this.#addText(value)
    else if (value instanceof Uint8Array) this.size += headBytes(value.length) + value.length
    else if (Array.isArray(value)) this.#addList(value)
    else if (isLink(value)) this.size += LINK_BYTES
    else this.#addMap(value)
  }

  #addText(text: string): void {
    if (isShortAscii(text)) this.size += headBytes(text.length) + text.length
    else {
      const bytes = utf8.encode(text)
      this.texts.push(bytes)
      this.size += headBytes(bytes.length) + bytes.length
    }
  }

  #addList(items: readonly MipValue[]): void {
    this.size += headBytes(items.length)
    for (const item of items) this.add(item)
  }

  #addMap(fields: { [key: string]: MipValue }): void {
    const keys = Object.keys(fields).sort(byLengthThenBytes)
    this.keys.push(keys)
    this.size += headBytes(keys.length)
    for (const key of keys) {
      this.size += headBytes(key.length) + key.length
      this.add(fields[key]!)
    }
  }
}

class Writer {
  readonly #bytes: Uint8Array
  readonly #plan: Plan
  #at = 0
  #maps = 0
  #texts = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#bytes = new Uint8Array(plan.size)
  }

  write(value: MipValue): Uint8Array {
    this.#put(value)
    return this.#bytes
  }

  #put(value: MipValue): void {
    if (value === null) this.#bytes[this.#at++] = 0xf6
    else if (typeof value === 'boolean') this.#bytes[this.#at++] = value ? 0xf5 : 0xf4
    else if (typeof value === 'number') this.#head(value < 0 ? NEGATIVE : UNSIGNED, value < 0 ? -1 - value : value)
    else if (typeof value === 'string') this.#text(value)
    else if (value instanceof Uint8Array) this.#raw(BYTES, value)
    else if (Array.isArray(value)) this.#list(value)
    else if (isLink(value)) this.#link(value)
    else this.#map(value)
  }

  #raw(major: number, bytes: Uint8Array): void {
    this.#head(major, bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #text(text: string): void {
    if (isShortAscii(text)) this.#ascii(text)
    else this.#raw(TEXT, this.#plan.texts[this.#texts++]!)
  }

  #ascii(text: string): void {
    this.#head(TEXT, text.length)
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text.charCodeAt(i)
  }

  #list(items: readonly MipValue[]): void {
    this.#head(LIST, items.length)
    for (const item of items) this.#put(item)
  }

  #map(fields: { [key: string]: MipValue }): void {
    const keys = this.#plan.keys[this.#maps++]!
    this.#head(MAP, keys.length)
    for (const key of keys) {
      this.#ascii(key)
      this.#put(fields[key]!)
    }
  }

  #link({ bytes }: CID): void {
    this.#bytes.set(LINK_HEAD, this.#at)
    this.#bytes.set(bytes, this.#at + LINK_HEAD.length)
    this.#at += LINK_BYTES
  }

  #head(major: number, argument: number): void {
    const width = headBytes(argument) - 1
    this.#bytes[this.#at++] = major | (width === 0 ? argument : 24 + Math.log2(width))
    let rest = argument
    for (let i = width - 1; i >= 0; i--) {
      this.#bytes[this.#at + i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.#at += width
  }
}

/** What stands before the bytes of a byte string, for whoever writes them himself. `length` is below 2^32. */
export function byteStringHead(length: number): Uint8Array {
  const width = headBytes(length) - 1
  if (width === 0) return Uint8Array.of(BYTES | length)
  const head = new Uint8Array(1 + width)
  head[0] = BYTES | (24 + Math.log2(width))
  for (let i = width, rest = length; i > 0; i--, rest >>>= 8) head[i] = rest & 0xff
  return head
}

/** Bytes of a head in its shortest form (RFC 8949 section 4.2.1). */
function headBytes(argument: number): number {
  if (argument < 24) return 1
  if (argument < 0x100) return 2
  if (argument < 0x10000) return 3
  return argument < 0x1_0000_0000 ? 5 : 9
}

/** The checked value is a plain object, or a link: a link has a prototype of its own. */
function isLink(value: { [key: string]: MipValue } | CID): value is CID {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype !== Object.prototype && prototype !== null
}

function isShortAscii(text: string): boolean {
  if (text.length > SHORT_TEXT) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

/** Order of keys in DAG-CBOR. Keys are ASCII. */
const byLengthThenBytes = (a: string, b: string) => a.length - b.length || (a < b ? -1 : 1)
