import { describe, expect, it } from 'vitest'
import type { Cid } from '../../schemas/cid.ts'
import { bytesOfCid, cidOf, cidOfDigest, cidOfLink, codecOf, expectBytes, linkOf, matchesCid, parseCid } from './cid.ts'

const ABC = Uint8Array.of(0x61, 0x62, 0x63)
// sha2-256 of "abc", FIPS 180-4 example.
const ABC_DIGEST = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('cid', () => {
  it('holds version, codec, hash, length and digest', () => {
    expect(hex(bytesOfCid(cidOf(ABC, 'raw')))).toBe(`01551220${ABC_DIGEST}`)
    expect(hex(bytesOfCid(cidOf(ABC, 'object')))).toBe(`01711220${ABC_DIGEST}`)
  })

  it('is made of its digest and names its codec', () => {
    const cid = cidOf(ABC, 'object')
    expect(codecOf(cid)).toBe('object')
    expect(codecOf(cidOf(ABC, 'raw'))).toBe('raw')
    expect(cidOfDigest(new Uint8Array(Buffer.from(ABC_DIGEST, 'hex')), 'object')).toBe(cid)
  })

  it('survives being a link', () => {
    for (const codec of ['object', 'raw'] as const) {
      const cid = cidOf(ABC, codec)
      expect(linkOf(cid).toString()).toBe(cid)
      expect(cidOfLink(linkOf(cid))).toBe(cid)
    }
  })

  it('matches its bytes and no others', () => {
    expect(matchesCid(cidOf(ABC, 'raw'), ABC)).toBe(true)
    expect(matchesCid(cidOf(ABC, 'raw'), ABC.subarray(1))).toBe(false)
  })

  it('refuses text that is no CID', () => {
    expect(() => parseCid('bafy')).toThrow(RangeError)
    expect(() => linkOf('bafy' as Cid)).toThrow(RangeError)
  })
})

describe('expectBytes', () => {
  it('lets exact bytes through', () => {
    expect(expectBytes(ABC, 3, 'abc')).toBe(ABC)
  })

  it('names the field, what was expected and what came', () => {
    expect(() => expectBytes('abc', 3, 'salt')).toThrow(new TypeError('"salt" expected Uint8Array, got string'))
    expect(() => expectBytes(ABC, 16, 'salt')).toThrow(new RangeError('"salt" expected 16 bytes, got 3'))
  })
})
