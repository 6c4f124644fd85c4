import { getPublicKey, hashes, Point, sign } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { expectBytes } from './cid.ts'
import { KEY_BYTES } from './keys.ts'

/**
 * Ed25519 as MIP means it (MIP 4.2, 2.5): RFC 8032 without cofactor, S < L, and A and R canonical encodings of points that are not of
 * small order. Verifiers of the platforms disagree on signatures made for that purpose; each ANDed with passesPrecheck gives this rule.
 */
export interface Ed25519 {
  sign(message: Uint8Array, seed: Uint8Array): Promise<Uint8Array>
  /** Several may run at once. Never rejects. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): Promise<boolean>
}

export const SIGNATURE_BYTES = 64

// The synchronous half of @noble/ed25519 has no hash of its own.
hashes.sha512 = sha512

/** Order of the base point, L = 2^252 + 27742317777372353535851937790883648493 (RFC 8032 section 5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const ORDER_BYTES = littleEndian(ORDER)
const FIELD_BYTES = littleEndian(2n ** 255n - 19n)
// y of the eight points of small order: 0, 1, -1 and the two of order eight. With either sign bit these are 10 of the 14 encodings; the
// other four are y + p, which no canonical encoding is ("Taming the many EdDSAs", table 1).
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(hexToBytes)

/** Says whether a native verifier may be asked: lengths, S < L, A and R canonical and not of small order. Never throws. */
export function passesPrecheck(signature: Uint8Array, publicKey: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    publicKey.length === KEY_BYTES &&
    isBelow(signature, 32, ORDER_BYTES, 0xff) &&
    isUsablePoint(signature) &&
    isUsablePoint(publicKey)
  )
}

/** The MIP rule in JavaScript, for runtimes without Ed25519 and to check native verifiers against. Never throws. */
export function verifyPortable(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (!passesPrecheck(signature, publicKey)) return false
  const r = signature.subarray(0, 32)
  const s = fromLittleEndian(signature.subarray(32))
  const k = fromLittleEndian(sha512(concatBytes(r, publicKey, message))) % ORDER
  try {
    const kA = multiply(Point.fromBytes(publicKey), k)
    const found = multiply(Point.BASE, s).subtract(kA).toBytes()
    return found.every((byte, i) => byte === r[i])
  } catch {
    // Not the encoding of a point of the curve.
    return false
  }
}

/** Signature of a message (RFC 8032 section 5.1.6). `seed`: 32 bytes. */
export function signPortable(message: Uint8Array, seed: Uint8Array): Uint8Array {
  return sign(message, expectBytes(seed, KEY_BYTES, 'seed'))
}

/** Public key of a 32-byte seed (RFC 8032 section 5.1.5). */
export function publicKeyOfSeed(seed: Uint8Array): Uint8Array {
  return getPublicKey(expectBytes(seed, KEY_BYTES, 'seed'))
}

/** Ed25519 without any help of the platform: about 16 times slower than native (MIP 2.3). */
export const portableEd25519: Ed25519 = {
  sign: async (message, seed) => signPortable(message, seed),
  verify: async (signature, message, publicKey) => verifyPortable(signature, message, publicKey),
}

// The library refuses to multiply by zero.
const multiply = (point: Point, scalar: bigint) => (scalar === 0n ? Point.ZERO : point.multiply(scalar, false))

/** The first 32 bytes as encoding of a point: canonical y, and not of small order. Bit 255 is the sign of x. */
function isUsablePoint(bytes: Uint8Array): boolean {
  return isBelow(bytes, 0, FIELD_BYTES, 0x7f) && !SMALL_ORDER_Y.some((y) => isSameY(bytes, y))
}

function isSameY(bytes: Uint8Array, y: Uint8Array): boolean {
  if ((bytes[31]! & 0x7f) !== y[31]) return false
  for (let i = 0; i < 31; i++) if (bytes[i] !== y[i]) return false
  return true
}

/** Compares the little-endian number of 32 bytes at `from` with a bound; `topMask` is laid over the highest byte. */
function isBelow(bytes: Uint8Array, from: number, bound: Uint8Array, topMask: number): boolean {
  for (let i = 31; i >= 0; i--) {
    const byte = i === 31 ? bytes[from + i]! & topMask : bytes[from + i]!
    if (byte !== bound[i]) return byte < bound[i]!
  }
  return false
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
