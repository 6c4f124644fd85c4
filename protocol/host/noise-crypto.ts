import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import type { noise } from '@libp2p/noise'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'

type NoiseCrypto = NonNullable<NonNullable<Parameters<typeof noise>[0]>['crypto']>
type Bytes = Parameters<NoiseCrypto['hashSHA256']>[0]

/** Below this a call into the platform costs more than the cipher in JavaScript (measured on workerd). */
const NATIVE_BYTES_MIN = 1200
const TAG_BYTES = 16
const KEY_BYTES = 32
/**
 * Ciphers of noise for workerd, where libp2p takes those in JavaScript for lack of anything else: hashes and long messages by `node:crypto`.
 * Key agreement stays in JavaScript: `diffieHellman` of workerd 1.20260918 refuses X25519. About half the time per byte of a large stream (design of the edge peer).
 */
export const hybridNoiseCrypto: NoiseCrypto = {
  hashSHA256: (data) => new Uint8Array(createHash('sha256').update(flat(data)).digest()),
  getHKDF(chainingKey, material) {
    const bytes = expand(sha256, extract(sha256, material, chainingKey), undefined, 3 * KEY_BYTES)
    return [bytes.subarray(0, 32), bytes.subarray(32, 64), bytes.subarray(64, 96)]
  },
  generateX25519KeyPair() {
    const privateKey = x25519.utils.randomSecretKey()
    return { publicKey: x25519.getPublicKey(privateKey), privateKey }
  },
  generateX25519KeyPairFromSeed: (seed) => ({ publicKey: x25519.getPublicKey(seed), privateKey: seed }),
  generateX25519SharedKey: (privateKey, publicKey) => x25519.getSharedSecret(flat(privateKey), flat(publicKey)),
  chaCha20Poly1305Encrypt(plaintext, nonce, ad, key) {
    if (plaintext.byteLength < NATIVE_BYTES_MIN) return chacha20poly1305(key, nonce, ad).encrypt(flat(plaintext))
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(ad, { plaintextLength: plaintext.byteLength })
    const body = cipher.update(flat(plaintext))
    return joined(body, cipher.final(), cipher.getAuthTag())
  },
  chaCha20Poly1305Decrypt(ciphertext, nonce, ad, key, into) {
    if (ciphertext.byteLength < NATIVE_BYTES_MIN)
      return chacha20poly1305(key, nonce, ad).decrypt(flat(ciphertext), into)
    const bytes = flat(ciphertext)
    const length = bytes.length - TAG_BYTES
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(ad, { plaintextLength: length })
    decipher.setAuthTag(bytes.subarray(length))
    return joined(decipher.update(bytes.subarray(0, length)), decipher.final())
  },
}

const flat = (bytes: Bytes): Uint8Array => (bytes instanceof Uint8Array ? bytes : bytes.subarray())

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
