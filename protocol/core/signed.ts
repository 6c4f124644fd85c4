import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Cid } from '../../schemas/cid.ts'
import { bytesOfCid, cidOf, expectBytes } from './cid.ts'
import { type Ed25519, SIGNATURE_BYTES } from './ed25519-rule.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { MipCborError } from './mip-cbor-error.ts'
import { MipError } from './mip-error.ts'
import { BASE64URL, fromObject, HEX, toObject, type ViewFields } from './object-view.ts'

/** What a signature is for. One made in a domain never verifies in another (MIP 4.2). */
export const SIGNATURE_DOMAINS = ['entry', 'head', 'delegation', 'label', 'proof', 'erase', 'hello'] as const
export type SignatureDomain = (typeof SIGNATURE_DOMAINS)[number]

/** A signed object as it travels: canonical bytes, their address, the signature over both domain and address. Not yet verified. */
export interface Signed {
  bytes: Uint8Array
  cid: Cid
  signature: Uint8Array
}

const PREFIXES = Object.fromEntries(
  SIGNATURE_DOMAINS.map((domain) => [domain, utf8ToBytes(`mip/1/${domain}\0`)]),
) as Record<SignatureDomain, Uint8Array>

/** What is signed: `mip/1/DOMAIN`, a zero byte, and the 36 bytes of the CID (MIP 4.2). */
export function signingInput(domain: SignatureDomain, cid: Cid): Uint8Array {
  return concatBytes(PREFIXES[domain], bytesOfCid(cid))
}

/** Signs canonical bytes. `seed`: 32 bytes. */
export async function signBytes(
  domain: SignatureDomain,
  bytes: Uint8Array,
  seed: Uint8Array,
  ed25519: Ed25519,
): Promise<Signed> {
  const cid = cidOf(bytes, 'object')
  return { bytes, cid, signature: await ed25519.sign(signingInput(domain, cid), seed) }
}

/** Says whether `publicKey` signed the object in this domain. */
export function verifySigned(
  domain: SignatureDomain,
  signed: Signed,
  publicKey: Uint8Array,
  ed25519: Ed25519,
): Promise<boolean> {
  return ed25519.verify(signed.signature, signingInput(domain, signed.cid), publicKey)
}

const ARRAY_OF_TWO = 0x82
// 0x58 0x40: a byte string of 64 bytes.
const SIGNATURE_HEAD = [0x58, SIGNATURE_BYTES]

/** The pair `[bytes, signature]` as MIP-CBOR. */
export function toWire({ bytes, signature }: Pick<Signed, 'bytes' | 'signature'>): Uint8Array {
  const head = byteStringHead(bytes.length)
  return concatBytes(
    Uint8Array.of(ARRAY_OF_TWO, ...head),
    bytes,
    Uint8Array.of(...SIGNATURE_HEAD),
    expectBytes(signature, SIGNATURE_BYTES, 'signature'),
  )
}

/**
 * Takes the pair `[bytes, signature]` apart: the one canonical encoding of it, read by hand because logs are made of these.
 * @throws MipError `too_large` when the bytes are over `bytesMax`, `not_canonical` for anything but such a pair.
 */
export function fromWire(wire: Uint8Array, bytesMax: number): { bytes: Uint8Array; signature: Uint8Array } {
  const overhead = 1 + SIGNATURE_HEAD.length + SIGNATURE_BYTES
  // A head is 1 to 3 bytes up to 65,535.
  if (wire.length > bytesMax + overhead + 5) throw new MipError('too_large')
  const width = wire[1] === 0x58 ? 2 : wire[1] === 0x59 ? 3 : 1
  const length = wire.length - overhead - width
  if (length < 0 || wire[0] !== ARRAY_OF_TWO) throw new MipError('not_canonical')
  const tail = 1 + width + length
  const matches = (expected: readonly number[], at: number) => expected.every((byte, i) => wire[at + i] === byte)
  if (!matches(byteStringHead(length), 1) || !matches(SIGNATURE_HEAD, tail)) throw new MipError('not_canonical')
  if (length > bytesMax) throw new MipError('too_large')
  return { bytes: wire.slice(1 + width, tail), signature: wire.slice(tail + SIGNATURE_HEAD.length) }
}

/** Head of a byte string (RFC 8949 section 3): the shortest is the only one. */
function byteStringHead(length: number): number[] {
  if (length < 24) return [0x40 + length]
  return length < 0x100 ? [0x58, length] : [0x59, (length >> 8) & 0xff, length & 0xff]
}

/** Fields of entries, heads and delegations that are links or bytes in the object and text in the view. */
const FIELDS: ViewFields = {
  links: new Set(['prev', 'dlg', 'body', 'delegation', 'survivor', 'cid', 'prf', 'revoke']),
  bytes: new Map([
    ['next', HEX],
    ['agreement', BASE64URL],
    ['nonce', BASE64URL],
  ]),
  refuse: (field, expected) => {
    throw new MipError('invalid_entry', `"${field}" expected ${expected}`)
  },
}

/** What this needs of a zod schema. */
interface Schema<T> {
  safeParse(
    view: unknown,
  ): { success: true; data: T } | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } }
}

/** Canonical bytes of a view. @throws MipError `invalid_entry` or `too_large`. */
export function encodeView<T>(schema: Schema<T>, view: T, bytesMax: number): Uint8Array {
  const bytes = refusing(() => encodeMipCbor(toObject(FIELDS, checkView(schema, view))))
  if (bytes.length > bytesMax) throw new MipError('too_large')
  return bytes
}

/** The map that canonical bytes hold. @throws MipError `too_large`, `not_canonical`, `invalid_entry`. */
export function decodeFields(bytes: Uint8Array, bytesMax: number): { [key: string]: MipValue } {
  if (bytes.length > bytesMax) throw new MipError('too_large')
  const value = refusing(() => decodeMipCbor(bytes))
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new MipError('invalid_entry', 'expected a map')
  return value as { [key: string]: MipValue }
}

/** The view of those fields of a map that a schema names. @throws MipError `invalid_entry` naming the field. */
export function viewOf<T>(schema: Schema<T> & { shape: object }, map: { [key: string]: MipValue }): T {
  const view: { [key: string]: unknown } = {}
  for (const key of Object.keys(schema.shape)) {
    const value = map[key]
    if (value !== undefined) view[key] = fromObject(FIELDS, value, key)
  }
  return checkView(schema, view)
}

/** The view, when it is of the shape. @throws MipError `invalid_entry` naming the field. */
export function checkView<T>(schema: Schema<T>, view: unknown): T {
  const result = schema.safeParse(view)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new MipError('invalid_entry', `"${issue.path.join('.')}" ${issue.message}`)
}

function refusing<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof MipCborError)) throw cause
    throw new MipError(cause.reason === 'size' ? 'too_large' : 'not_canonical', cause.message, { cause })
  }
}
