import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import type { Cid } from '../../schemas/cid.ts'
import { cidOfLink, linkOf } from './cid.ts'
import type { MipValue } from './mip-cbor.ts'

export interface BytesText {
  toBytes(text: string): Uint8Array
  toText(bytes: Uint8Array): string
}
export const HEX: BytesText = { toBytes: hexToBytes, toText: bytesToHex }
export const BASE64URL: BytesText = { toBytes: base64url.baseDecode, toText: base64url.baseEncode }

/** By name of the field: what is a link in the object and CID text in the view, and what is bytes and text. No other field may hold either. */
export interface ViewFields {
  links: ReadonlySet<string>
  bytes: ReadonlyMap<string, BytesText>
  /** Refuses a value of the wrong kind. */
  refuse(field: string, expected: string): never
}

/** View to object, by the name of the field a value stands in. Fields that are undefined are left out. */
export function toObject(fields: ViewFields, value: unknown, field = ''): MipValue {
  if (Array.isArray(value)) return value.map((item) => toObject(fields, item))
  if (typeof value === 'object' && value !== null) {
    const object: { [key: string]: MipValue } = {}
    for (const [key, inside] of Object.entries(value))
      if (inside !== undefined) object[key] = toObject(fields, inside, key)
    return object
  }
  if (typeof value !== 'string') return value as number | boolean | null
  if (fields.links.has(field)) return linkOf(value as Cid)
  return fields.bytes.get(field)?.toBytes(value) ?? value
}

/** Object to view. Refuses text where a link or bytes belong, and the reverse: else two encodings would share one view. */
export function fromObject(fields: ViewFields, value: MipValue, field = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => fromObject(fields, item))
  if (value instanceof Uint8Array) return (fields.bytes.get(field) ?? wrongKind(fields, field)).toText(value)
  if (typeof value === 'object' && value !== null) {
    const link = CID.asCID(value)
    if (link) return fields.links.has(field) ? cidOfLink(link) : wrongKind(fields, field)
    const view: { [key: string]: unknown } = {}
    for (const [key, inside] of Object.entries(value)) view[key] = fromObject(fields, inside, key)
    return view
  }
  if (typeof value === 'string' && (fields.links.has(field) || fields.bytes.has(field))) wrongKind(fields, field)
  return value
}

function wrongKind(fields: ViewFields, field: string): never {
  const expected = fields.links.has(field) ? 'a link' : fields.bytes.has(field) ? 'bytes' : 'no link and no bytes'
  return fields.refuse(field, expected)
}
