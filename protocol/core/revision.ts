import { decode } from '@ipld/dag-cbor'
import type { Cid } from '../../schemas/cid.ts'
import { MemosError } from '../../schemas/errors.ts'
import { Revision } from '../../schemas/revision.ts'
import { cidOf, expectBytes } from './cid.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { MipCborError } from './mip-cbor-error.ts'
import { BASE64URL, fromObject, HEX, toObject, type ViewFields } from './object-view.ts'

const FIELDS: ViewFields = {
  links: new Set(['prev', 'cid']),
  bytes: new Map([
    ['salt', BASE64URL],
    ['sha256', HEX],
    ['modelFingerprint', HEX],
  ]),
  refuse: (field, expected) => {
    throw new MemosError('invalid_revision', { field, expected })
  },
}

const SALT_BYTES = 16

/**
 * The canonical bytes of a revision and their CID. Optional fields that are undefined are left out.
 * @throws MemosError `invalid_revision` naming the field, or that the object is over 64 KiB.
 */
export function encodeRevision(view: Revision): { cid: Cid; bytes: Uint8Array } {
  const object = toObject(FIELDS, checkRevision(view))
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
      FIELDS,
      refusing(() => decodeMipCbor(bytes)),
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
  return fromObject(FIELDS, decode<MipValue>(bytes)) as Revision
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
  return BASE64URL.toText(expectBytes(bytes, SALT_BYTES, 'salt'))
}
