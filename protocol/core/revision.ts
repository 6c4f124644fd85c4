import { decode } from '@ipld/dag-cbor'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import type { Cid } from '../../schemas/cid.ts'
import { MemosError } from '../../schemas/errors.ts'
import { Revision } from '../../schemas/revision.ts'
import { cidOf, cidOfLink, expectBytes, linkOf } from './cid.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { MipCborError } from './mip-cbor-error.ts'

/** Fields that are links in the object and CID text in the view. No other field may hold a link. */
const LINK_FIELDS: ReadonlySet<string> = new Set(['prev', 'cid'])

interface BytesText {
  toBytes(text: string): Uint8Array
  toText(bytes: Uint8Array): string
}
const HEX: BytesText = { toBytes: hexToBytes, toText: bytesToHex }
const BASE64URL: BytesText = { toBytes: base64url.baseDecode, toText: base64url.baseEncode }

/** Fields that are bytes in the object and text in the view. No other field may hold bytes. */
const BYTES_FIELDS: ReadonlyMap<string, BytesText> = new Map([
  ['salt', BASE64URL],
  ['sha256', HEX],
  ['modelFingerprint', HEX],
])

const SALT_BYTES = 16

/**
 * The canonical bytes of a revision and their CID. Optional fields that are undefined are left out.
 * @throws MemosError `invalid_revision` naming the field, or that the object is over 64 KiB.
 */
export function encodeRevision(view: Revision): { cid: Cid; bytes: Uint8Array } {
  const object = toObject(checkRevision(view), '')
  const bytes = refusing(() => encodeMipCbor(object))
  return { cid: cidOf(bytes, 'object'), bytes }
}

/**
 * The view of a revision. Inverse of encodeRevision: encoding the view gives the same bytes.
 * @throws MemosError `invalid_revision` when the bytes are not MIP-CBOR (cause: MipCborError) or not a revision (field named).
 */
export function decodeRevision(bytes: Uint8Array): Revision {
  return checkRevision(
    fromObject(
      refusing(() => decodeMipCbor(bytes)),
      '',
    ),
  )
}

/**
 * The view of bytes that are what `cid` names.
 * @throws MemosError `invalid_revision` when they are other bytes or no revision.
 */
export function verifyRevision(cid: Cid, bytes: Uint8Array): Revision {
  if (cidOf(bytes, 'object') !== cid)
    throw new MemosError('invalid_revision', { field: 'cid', expected: 'the CID of the bytes' })
  return decodeRevision(bytes)
}

/**
 * The view of bytes that this deployment has stored: they were a valid revision when they were written, and the hash proves that they are
 * the same, so the schema is not asked again. For bytes from anywhere else use verifyRevision.
 * @throws MemosError `invalid_revision` when they are other bytes.
 */
export function readStoredRevision(cid: Cid, bytes: Uint8Array): Revision {
  if (cidOf(bytes, 'object') !== cid)
    throw new MemosError('invalid_revision', { field: 'cid', expected: 'the CID of the bytes' })
  return fromObject(decode<MipValue>(bytes), '') as Revision
}

function checkRevision(view: unknown): Revision {
  const result = Revision.safeParse(view)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new MemosError('invalid_revision', { field: issue.path.join('.'), expected: issue.message })
}

function refusing<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof MipCborError)) throw cause
    throw new MemosError('invalid_revision', { detail: cause.message }, { cause })
  }
}

/** Text of a salt in the view. `bytes`: 16 random bytes. @throws TypeError or RangeError for anything else. */
export function saltText(bytes: Uint8Array): string {
  return base64url.baseEncode(expectBytes(bytes, SALT_BYTES, 'salt'))
}

/** View to object, by the name of the field a value stands in. */
function toObject(value: unknown, field: string): MipValue {
  if (Array.isArray(value)) return value.map((item) => toObject(item, ''))
  if (typeof value === 'object' && value !== null) {
    const object: { [key: string]: MipValue } = {}
    for (const [key, inside] of Object.entries(value)) if (inside !== undefined) object[key] = toObject(inside, key)
    return object
  }
  if (typeof value !== 'string') return value as number | boolean | null
  if (LINK_FIELDS.has(field)) return linkOf(value as Cid)
  return BYTES_FIELDS.get(field)?.toBytes(value) ?? value
}

/** Object to view. Refuses text where a link or bytes belong, and the reverse: else two encodings would share one view. */
function fromObject(value: MipValue, field: string): unknown {
  if (Array.isArray(value)) return value.map((item) => fromObject(item, ''))
  if (value instanceof Uint8Array) return (BYTES_FIELDS.get(field) ?? wrongKind(field)).toText(value)
  const link = CID.asCID(value)
  if (link) return LINK_FIELDS.has(field) ? cidOfLink(link) : wrongKind(field)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, fromObject(inside, key)]))
  }
  if (typeof value === 'string' && (LINK_FIELDS.has(field) || BYTES_FIELDS.has(field))) wrongKind(field)
  return value
}

function wrongKind(field: string): never {
  const expected = LINK_FIELDS.has(field) ? 'a link' : BYTES_FIELDS.has(field) ? 'bytes' : 'no link and no bytes'
  throw new MemosError('invalid_revision', { field, expected })
}
