import { CID } from 'multiformats/cid'
import type { Cid } from '../../schemas/cid.ts'
import { cidOfLink } from './cid.ts'
import type { MipValue } from './mip-cbor.ts'

/** A message of another shape than was agreed. The text names the field, never a value. */
export class WireShapeError extends Error {
  override name = 'WireShapeError'

  constructor(field: string, expected: string) {
    super(`"${field}" expected ${expected}`)
  }
}

/** Reads the fields of a decoded MIP-CBOR map. Fields that nobody asks for are left alone: later versions may add some (MIP 4.11). */
export class WireReader {
  readonly #fields: { [key: string]: MipValue }

  /** @throws WireShapeError when `value` is no map. */
  constructor(value: MipValue | undefined, title: string) {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      throw new WireShapeError(title, 'a map')
    this.#fields = value as { [key: string]: MipValue }
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#fields, name)
  }

  value(name: string): MipValue | undefined {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined
  }

  integer(name: string, min: number, max: number): number {
    const value = this.value(name)
    if (typeof value === 'number' && value >= min && value <= max) return value
    throw new WireShapeError(name, `an integer between ${min} and ${max}`)
  }

  text(name: string, pattern: RegExp): string {
    const value = this.value(name)
    if (typeof value === 'string' && pattern.test(value)) return value
    throw new WireShapeError(name, `a text like ${pattern.source}`)
  }

  flag(name: string): boolean {
    const value = this.value(name)
    if (typeof value === 'boolean') return value
    throw new WireShapeError(name, 'true or false')
  }

  bytes(name: string, bytesMax: number): Uint8Array {
    return expectWireBytes(this.value(name), name, bytesMax)
  }

  cid(name: string): Cid {
    return expectWireCid(this.value(name), name)
  }

  list<T>(name: string, itemsMax: number, read: (item: MipValue, title: string) => T): T[] {
    const value = this.value(name)
    if (!Array.isArray(value) || value.length > itemsMax)
      throw new WireShapeError(name, `a list of at most ${itemsMax} items`)
    return value.map((item) => read(item, name))
  }
}

/** @throws WireShapeError when the value is not bytes of at most that size. */
export function expectWireBytes(value: MipValue | undefined, title: string, bytesMax: number): Uint8Array {
  if (value instanceof Uint8Array && value.length <= bytesMax) return value
  throw new WireShapeError(title, `at most ${bytesMax} bytes`)
}

/** @throws WireShapeError when the value is no link that MIP knows. */
export function expectWireCid(value: MipValue | undefined, title: string): Cid {
  const link = CID.asCID(value)
  const cid = link && cidOfLink(link)
  if (cid) return cid
  throw new WireShapeError(title, 'a link')
}
