import { base32 } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { Cid } from '../../schemas/cid.ts'
import { sha256 } from './sha256.ts'

/** Multicodec of a MIP-CBOR object (dag-cbor) and of raw bytes (MIP 4.2). */
export const CID_CODECS = { object: 0x71, raw: 0x55 } as const
export type CidCodec = keyof typeof CID_CODECS

/** Bytes of a CID: version, codec, hash function, digest length, digest. */
export const CID_BYTES = 36
const SHA2_256 = 0x12
const DIGEST_BYTES = 32
const HEADER_BYTES = CID_BYTES - DIGEST_BYTES

/**
 * Checks the kind and size of bytes where they enter the core.
 * @throws TypeError when `value` is no Uint8Array, RangeError when its length is not `length`.
 */
export function expectBytes(value: unknown, length: number, title: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`"${title}" expected Uint8Array, got ${typeof value}`)
  if (value.length !== length) throw new RangeError(`"${title}" expected ${length} bytes, got ${value.length}`)
  return value
}

/** CIDv1 of bytes: sha2-256, base32 (multiformats CID specification). */
export function cidOf(bytes: Uint8Array, codec: CidCodec): Cid {
  return cidOfDigest(sha256(bytes), codec)
}

/** CIDv1 of a sha2-256 digest (32 bytes) computed elsewhere, for example while streaming. */
export function cidOfDigest(digest: Uint8Array, codec: CidCodec): Cid {
  const bytes = new Uint8Array(CID_BYTES)
  bytes.set([1, CID_CODECS[codec], SHA2_256, DIGEST_BYTES])
  bytes.set(expectBytes(digest, DIGEST_BYTES, 'digest'), HEADER_BYTES)
  return base32.encode(bytes) as string as Cid
}

/** Says whether a value is the text of a CID that MIP knows. */
export function isCid(value: unknown): value is Cid {
  return Cid.safeParse(value).success
}

/** The text as Cid. @throws RangeError when it is not the one spelling of a CID that MIP knows. */
export function parseCid(text: string): Cid {
  if (!isCid(text)) throw new RangeError('"cid" expected a base32 CIDv1 with sha2-256, codec dag-cbor or raw')
  return text
}

/** Codec that a CID names. */
export function codecOf(cid: Cid): CidCodec {
  return cid.startsWith('bafy') ? 'object' : 'raw'
}

/** The 36 bytes of a CID; what entry signatures cover (MIP 4.2). @throws RangeError for a text that is no CID. */
export function bytesOfCid(cid: Cid): Uint8Array {
  return base32.decode(parseCid(cid))
}

/** Says whether bytes are what the CID names. */
export function matchesCid(cid: Cid, bytes: Uint8Array): boolean {
  return cidOf(bytes, codecOf(cid)) === cid
}

/** A CID as link inside a MIP-CBOR object (tag 42). @throws RangeError for a text that is no CID. */
export function linkOf(cid: Cid): CID {
  return CID.decode(bytesOfCid(cid))
}

/** The CID of a link, or null when the link is of a version, codec or hash that MIP does not know. */
export function cidOfLink(link: CID): Cid | null {
  if (!isKnownLink(link)) return null
  return cidOfDigest(link.multihash.digest, link.code === CID_CODECS.object ? 'object' : 'raw')
}

/** Says whether a link is of the version, a codec and the hash that MIP knows. */
export function isKnownLink({ version, code, multihash }: CID): boolean {
  const isKnownKind = version === 1 && (code === CID_CODECS.object || code === CID_CODECS.raw)
  return isKnownKind && multihash.code === SHA2_256 && multihash.size === DIGEST_BYTES
}
