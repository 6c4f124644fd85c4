import { base58btc } from 'multiformats/bases/base58'
import { Did } from '../../schemas/did.ts'
import { expectBytes } from './cid.ts'
import { MipError } from './mip-error.ts'

/** Bytes of an Ed25519 public key, and of its seed (RFC 8032 section 5.1.5). */
export const KEY_BYTES = 32
const DID_PREFIX = 'did:key:'
// Multicodec ed25519-pub, 0xed as varint.
const ED25519_PUB = [0xed, 0x01]
// A libp2p peer id of an Ed25519 key: identity multihash (0x00) of 36 bytes, the protobuf {Type: Ed25519 (1), Data: 32 bytes}.
const PEER_ID_HEADER = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20]

/** The did:key text of an Ed25519 public key, 32 bytes (did:key method, W3C CCG). */
export function didOfKey(publicKey: Uint8Array): Did {
  return `${DID_PREFIX}${base58btc.encode(prefixed(ED25519_PUB, publicKey))}` as Did
}

/** The 32 bytes of the public key that a did:key names. @throws MipError `invalid_key` for any other text. */
export function keyOfDid(did: string): Uint8Array {
  if (!Did.safeParse(did).success) throw new MipError('invalid_key')
  const bytes = base58btc.decode(did.slice(DID_PREFIX.length))
  if (bytes.length !== ED25519_PUB.length + KEY_BYTES || ED25519_PUB.some((byte, i) => bytes[i] !== byte))
    throw new MipError('invalid_key')
  return bytes.slice(ED25519_PUB.length)
}

/** The libp2p peer id (base58btc) of a node with this Ed25519 public key, 32 bytes (libp2p peer-ids specification). */
export function peerIdOfKey(publicKey: Uint8Array): string {
  return base58btc.baseEncode(prefixed(PEER_ID_HEADER, publicKey))
}

/** The did:key of the node that a libp2p peer id names; null for a peer id of another kind of key. */
export function didOfPeerId(peerId: string): Did | null {
  const length = PEER_ID_HEADER.length + KEY_BYTES
  const bytes = /^[1-9A-HJ-NP-Za-km-z]{40,64}$/.test(peerId) ? base58btc.baseDecode(peerId) : new Uint8Array()
  if (bytes.length !== length || PEER_ID_HEADER.some((byte, i) => bytes[i] !== byte)) return null
  return didOfKey(bytes.slice(PEER_ID_HEADER.length))
}

function prefixed(prefix: readonly number[], publicKey: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(prefix.length + KEY_BYTES)
  bytes.set(prefix)
  bytes.set(expectBytes(publicKey, KEY_BYTES, 'publicKey'), prefix.length)
  return bytes
}
