import { randomBytes } from 'node:crypto'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { describe, expect, it } from 'vitest'
import { hybridNoiseCrypto as hybrid } from './noise-crypto.ts'

describe('ciphers of noise', () => {
  it('agree with those in JavaScript, short and long', () => {
    const key = randomBytes(32)
    const nonce = randomBytes(12)
    const ad = randomBytes(32)
    for (const length of [0, 1, 1183, 1184, 1199, 1200, 1201, 65_000]) {
      const plain = new Uint8Array(randomBytes(length))
      const theirs = chacha20poly1305(key, nonce, ad).encrypt(plain)
      expect(new Uint8Array(hybrid.chaCha20Poly1305Encrypt(plain, nonce, ad, key).subarray())).toEqual(theirs)
      expect(new Uint8Array(hybrid.chaCha20Poly1305Decrypt(theirs, nonce, ad, key).subarray())).toEqual(plain)
      theirs[0]! ^= 1
      expect(() => hybrid.chaCha20Poly1305Decrypt(theirs, nonce, ad, key)).toThrow()
    }
  })

  it('agree on keys', () => {
    const ours = hybrid.generateX25519KeyPair()
    const seed = new Uint8Array(randomBytes(32))
    const seeded = hybrid.generateX25519KeyPairFromSeed(seed)
    expect(hybrid.generateX25519SharedKey(seed, ours.publicKey)).toEqual(
      hybrid.generateX25519SharedKey(ours.privateKey, seeded.publicKey),
    )
  })
})
