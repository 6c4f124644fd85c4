import { hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { type Ed25519, portableEd25519, publicKeyOfSeed, signPortable } from '../core/ed25519-rule.ts'
import { nodeEd25519, webCryptoEd25519 } from './native-ed25519.ts'

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const le = (value: bigint) => Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
const big = (bytes: Uint8Array) => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
const seedOf = (i: number) => new Uint8Array(32).fill(i)
const messageOf = (i: number) => new Uint8Array(i).fill(i)

const DRIVERS: [string, Ed25519][] = [
  ['node:crypto', nodeEd25519()],
  ['WebCrypto', webCryptoEd25519()],
]

describe.each(DRIVERS)('Ed25519 of %s', (_, driver) => {
  it('signs what JavaScript signs, and verifies it', async () => {
    for (let i = 0; i < 20; i++) {
      const signature = await driver.sign(messageOf(i), seedOf(i))
      expect(signature).toEqual(signPortable(messageOf(i), seedOf(i)))
      expect(await driver.verify(signature, messageOf(i), publicKeyOfSeed(seedOf(i)))).toBe(true)
    }
  })

  it('says the same as JavaScript of every signature with one bit changed', async () => {
    const [key, message] = [publicKeyOfSeed(seedOf(1)), messageOf(9)]
    const signature = signPortable(message, seedOf(1))
    for (let bit = 0; bit < 512; bit += 7) {
      const changed = Uint8Array.from(signature)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(await driver.verify(changed, message, key)).toBe(false)
      expect(await portableEd25519.verify(changed, message, key)).toBe(false)
    }
  })

  it('refuses what verifiers disagree on: small order, S from L up, encodings that are not canonical', async () => {
    const identity = le(1n)
    const anything = Uint8Array.of(...identity, ...le(0n))
    expect(await driver.verify(anything, messageOf(3), identity)).toBe(false)
    const torsion = hexToBytes('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
    expect(await driver.verify(anything, messageOf(3), torsion)).toBe(false)
    const signature = signPortable(messageOf(3), seedOf(1))
    const again = Uint8Array.of(...signature.subarray(0, 32), ...le(big(signature.subarray(32)) + ORDER))
    expect(await driver.verify(again, messageOf(3), publicKeyOfSeed(seedOf(1)))).toBe(false)
    expect(await driver.verify(signature, messageOf(3), le(2n ** 255n - 19n + 2n))).toBe(false)
  })

  it('refuses bytes that are no point, and other lengths, without throwing', async () => {
    const signature = signPortable(messageOf(3), seedOf(1))
    for (let y = 2n; y < 12n; y++) expect(await driver.verify(signature, messageOf(3), le(y))).toBe(false)
    expect(await driver.verify(signature.subarray(1), messageOf(3), publicKeyOfSeed(seedOf(1)))).toBe(false)
    expect(await driver.verify(signature, messageOf(3), new Uint8Array(31))).toBe(false)
  })

  it('keeps no more keys than it may, and still knows the first', async () => {
    const signature = signPortable(messageOf(1), seedOf(1))
    for (let i = 0; i < 1100; i++)
      await driver.verify(signature, messageOf(1), le(big(publicKeyOfSeed(seedOf(1))) ^ BigInt(i)))
    expect(await driver.verify(signature, messageOf(1), publicKeyOfSeed(seedOf(1)))).toBe(true)
  })

  it('refuses a seed of another length', async () => {
    await expect(driver.sign(messageOf(1), new Uint8Array(31))).rejects.toThrow('32 bytes')
  })
})
