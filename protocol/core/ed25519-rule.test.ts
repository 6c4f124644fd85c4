import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { passesPrecheck, portableEd25519, publicKeyOfSeed, signPortable, verifyPortable } from './ed25519-rule.ts'

const P = 2n ** 255n - 19n
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const le = (value: bigint) => Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
const big = (bytes: Uint8Array) => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
const der = (head: string, bytes: Uint8Array) => Buffer.concat([Buffer.from(head, 'hex'), bytes])
const nativeKey = (key: Uint8Array) =>
  createPublicKey({ key: der('302a300506032b6570032100', key), format: 'der', type: 'spki' })

const SEED = new Uint8Array(32).fill(9)
const KEY = publicKeyOfSeed(SEED)
const MESSAGE = new TextEncoder().encode('what is signed')
const SIGNATURE = signPortable(MESSAGE, SEED)

/** The 14 encodings of points of small order ("Taming the many EdDSAs", table 1). */
const TORSION_Y = [
  0n,
  1n,
  P - 1n,
  big(hexToBytes('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')),
  big(hexToBytes('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')),
]
const SMALL_ORDER = TORSION_Y.flatMap((y) => (y + P < 2n ** 255n ? [y, y + P] : [y])).flatMap((y) => [
  le(y),
  le(y | (1n << 255n)),
])

describe('passesPrecheck', () => {
  it('lets an honest signature through', () => {
    expect(passesPrecheck(SIGNATURE, KEY)).toBe(true)
  })

  it('refuses the 14 encodings of small order, as key and as R', () => {
    expect(SMALL_ORDER).toHaveLength(14)
    for (const point of SMALL_ORDER) {
      expect(passesPrecheck(SIGNATURE, point)).toBe(false)
      expect(passesPrecheck(Uint8Array.of(...point, ...SIGNATURE.subarray(32)), KEY)).toBe(false)
    }
  })

  it('refuses every y from p up, and S from L up', () => {
    for (let more = 0n; more < 19n; more++) expect(passesPrecheck(SIGNATURE, le(P + more))).toBe(false)
    const withS = (s: bigint) => Uint8Array.of(...SIGNATURE.subarray(0, 32), ...le(s))
    expect(passesPrecheck(withS(ORDER - 1n), KEY)).toBe(true)
    for (const s of [ORDER, ORDER + 1n, big(SIGNATURE.subarray(32)) + ORDER, 2n ** 256n - 1n])
      expect(passesPrecheck(withS(s), KEY)).toBe(false)
  })

  it('refuses other lengths', () => {
    expect(passesPrecheck(SIGNATURE.subarray(1), KEY)).toBe(false)
    expect(passesPrecheck(SIGNATURE, KEY.subarray(1))).toBe(false)
    expect(passesPrecheck(new Uint8Array(65), KEY)).toBe(false)
  })
})

describe('verifyPortable', () => {
  it('agrees with the platform on honest and on damaged signatures', () => {
    const seed = startSeed()
    const random = seededRandom(seed)
    const bytes = (length: number) => Uint8Array.from({ length }, () => random(256))
    for (let round = 0; round < 24; round++) {
      const secret = bytes(32)
      const message = bytes(random(80))
      const privateKey = createPrivateKey({
        key: der('302e020100300506032b657004220420', secret),
        format: 'der',
        type: 'pkcs8',
      })
      const signature = new Uint8Array(sign(null, message, privateKey))
      const key = publicKeyOfSeed(secret)
      expect(signPortable(message, secret), `SEED=${seed}`).toEqual(signature)
      expect(verifyPortable(signature, message, key), `SEED=${seed}`).toBe(true)
      signature[random(64)]! ^= 1 << random(8)
      expect(verifyPortable(signature, message, key), `SEED=${seed}`).toBe(false)
      expect(passesPrecheck(signature, key) && verify(null, message, nativeKey(key), signature)).toBe(false)
    }
  })

  it('never throws: zero scalars and bytes that are no point are just wrong', () => {
    const zeroS = Uint8Array.of(...SIGNATURE.subarray(0, 32), ...new Uint8Array(32))
    expect(verifyPortable(zeroS, MESSAGE, KEY)).toBe(false)
    // 2 is not the y of a point of the curve.
    expect(verifyPortable(SIGNATURE, MESSAGE, le(2n))).toBe(false)
    expect(verifyPortable(Uint8Array.of(...le(2n), ...SIGNATURE.subarray(32)), MESSAGE, KEY)).toBe(false)
    expect(verifyPortable(new Uint8Array(0), MESSAGE, KEY)).toBe(false)
  })
})

it('portableEd25519 signs and verifies', async () => {
  const signature = await portableEd25519.sign(MESSAGE, SEED)
  expect(signature).toEqual(SIGNATURE)
  expect(await portableEd25519.verify(signature, MESSAGE, KEY)).toBe(true)
})
