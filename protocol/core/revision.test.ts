import { describe, expect, it } from 'vitest'
import { MemosError } from '../../schemas/errors.ts'
import type { Revision } from '../../schemas/revision.ts'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { cidOf } from './cid.ts'
import { decodeMipCbor } from './mip-cbor.ts'
import { decodeRevision, encodeRevision, saltText, verifyRevision } from './revision.ts'

const view: Revision = {
  v: 1,
  cubeId: '01J8Z3K4M5N6P7Q8R9S0T1V2W3',
  number: 2,
  prev: cidOf(Uint8Array.of(1), 'object'),
  semanticType: 'fact',
  memoryType: 'plaintext',
  tags: ['travel'],
  renditions: [{ kind: 'text', mime: 'text/plain', text: 'Ana prefers the night train to Vienna.' }],
  lineage: [{ cid: cidOf(Uint8Array.of(2), 'object'), relation: 'derived', shareMicros: 1000 }],
  salt: saltText(new Uint8Array(16).fill(7)),
}

describe('encodeRevision', () => {
  it('writes CIDs as links and the salt as bytes', () => {
    const object = decodeMipCbor(encodeRevision(view).bytes) as Record<string, unknown>
    expect(String(object.prev)).toBe(view.prev)
    expect(object.prev).not.toBeTypeOf('string')
    expect(object.salt).toEqual(new Uint8Array(16).fill(7))
  })

  it('leaves out optional fields that are undefined', () => {
    expect(encodeRevision({ ...view, title: undefined })).toEqual(encodeRevision(view))
  })

  it('does not depend on the order of fields', () => {
    const reversed = Object.fromEntries(Object.entries(view).reverse()) as Revision
    expect(encodeRevision(reversed)).toEqual(encodeRevision(view))
  })

  it('gives other salts other CIDs', () => {
    const salted = { ...view, salt: saltText(new Uint8Array(16)) }
    expect(encodeRevision(salted).cid).not.toBe(encodeRevision(view).cid)
  })

  it('refuses a revision whose parts each fit but together exceed 64 KiB', () => {
    const modules = (index: number) => Array.from({ length: 512 }, (_, i) => `layers.${index}.${'m'.repeat(60)}.${i}`)
    const lora = (index: number) => ({
      kind: 'lora' as const,
      modelFingerprint: '1f'.repeat(32),
      blob: { cid: cidOf(Uint8Array.of(3), 'raw'), bytes: 1 },
      dtype: 'fp16' as const,
      rank: 1,
      alphaMicros: 1,
      modules: modules(index),
    })
    const big: Revision = { ...view, renditions: [...view.renditions, lora(0), lora(1)] }
    expect(() => encodeRevision(big)).toThrow(
      expect.objectContaining({ code: 'invalid_revision', cause: expect.objectContaining({ reason: 'size' }) }),
    )
  })
})

describe('decodeRevision', () => {
  it('is the inverse of encodeRevision', () => {
    expect(decodeRevision(encodeRevision(view).bytes)).toEqual(view)
  })

  it('says why bytes are not MIP-CBOR', () => {
    expect(() => decodeRevision(Uint8Array.of(0xf9, 0x3c, 0x00))).toThrow(
      expect.objectContaining({ code: 'invalid_revision', cause: expect.objectContaining({ reason: 'float' }) }),
    )
  })

  it('never accepts damaged bytes as anything but themselves, and never shows content in the error', () => {
    const seed = startSeed()
    const random = seededRandom(seed)
    const { bytes } = encodeRevision(view)
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes)
      damaged[at]! ^= 1 << random(8)
      try {
        expect(encodeRevision(decodeRevision(damaged)).bytes, `SEED=${seed} byte ${at}`).toEqual(damaged)
      } catch (error) {
        if (!(error instanceof MemosError)) throw new Error(`SEED=${seed} byte ${at}`, { cause: error })
        expect(error.code).toBe('invalid_revision')
        expect(error.message).not.toMatch(/Ana|Vienna/)
      }
    }
  })
})

describe('verifyRevision', () => {
  it('accepts the bytes that the CID names', () => {
    const { cid, bytes } = encodeRevision(view)
    expect(verifyRevision(cid, bytes)).toEqual(view)
  })

  it('refuses other bytes, though they are a revision too', () => {
    const { cid } = encodeRevision(view)
    const other = encodeRevision({ ...view, tags: [] })
    expect(() => verifyRevision(cid, other.bytes)).toThrow(
      expect.objectContaining({ code: 'invalid_revision', facts: expect.objectContaining({ field: 'cid' }) }),
    )
  })
})

it('saltText takes 16 bytes', () => {
  expect(saltText(new Uint8Array(16))).toBe('A'.repeat(22))
  expect(() => saltText(new Uint8Array(15))).toThrow(RangeError)
})
