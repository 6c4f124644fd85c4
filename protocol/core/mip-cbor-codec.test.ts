/**
 * Goal: the fast encoder and decoder say exactly what the general ones say.
 * Method: random values and damaged bytes through both.
 */
import * as general from '@ipld/dag-cbor'
import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { cidOf, linkOf } from './cid.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { decodeCanonical } from './mip-cbor-decode.ts'
import { encodeChecked, encodedSize } from './mip-cbor-encode.ts'
import { MipCborError } from './mip-cbor-error.ts'

const seed = startSeed()
type Random = (below: number) => number
const BYTES_MAX = 1_000_000

describe(`the codec (SEED=${seed})`, () => {
  it('writes the bytes that the general encoder writes, and reads back the value without it', () => {
    const random = seededRandom(seed)
    for (let i = 0; i < 3000; i++) {
      const value = randomValue(random, 0)
      const bytes = encodeChecked(value, BYTES_MAX)
      expect(bytes, `case ${i}`).toEqual(Uint8Array.from(general.encode(value)))
      expect(decodeCanonical(bytes as Uint8Array), `case ${i}`).toEqual(value)
      expect(encodedSize(value), `case ${i}`).toBe(bytes?.length)
    }
  })

  it('accepts damaged bytes only where they are canonical, with the value that the general decoder finds', () => {
    const random = seededRandom(seed)
    let accepted = 0
    for (let i = 0; i < 4000; i++) {
      const bytes = Uint8Array.from(general.encode(randomValue(random, 0)))
      for (let flips = 1 + random(2); flips > 0; flips--) bytes[random(bytes.length)]! ^= 1 << random(8)
      const value = decodeCanonical(bytes)
      if (value === undefined) continue
      accepted += 1
      expect(value, `case ${i}`).toEqual(general.decode(bytes))
      expect(Uint8Array.from(general.encode(value)), `case ${i}`).toEqual(bytes)
      expect(encodeMipCbor(value), `case ${i}`).toEqual(bytes)
    }
    expect(accepted).toBeGreaterThan(0)
  })

  it('leaves nothing that is canonical to the general decoder', () => {
    const random = seededRandom(seed)
    for (let i = 0; i < 5000; i++) {
      const bytes = Uint8Array.from({ length: 1 + random(12) }, () => random(256))
      if (accepts(bytes)) expect(decodeCanonical(bytes), `case ${i}`).toBeDefined()
    }
  })
})

it('copies byte strings, but for one that is most of a large input', () => {
  const small = encodeMipCbor([new Uint8Array(1000)])
  const [copy] = decodeMipCbor(small) as [Uint8Array]
  expect(copy.buffer).not.toBe(small.buffer)
  const large = encodeMipCbor([new Uint8Array(100_000)], BYTES_MAX)
  const [view] = decodeMipCbor(large, BYTES_MAX) as [Uint8Array]
  expect(view).toHaveLength(100_000)
  expect(view.buffer).toBe(large.buffer)
})

function accepts(bytes: Uint8Array): boolean {
  try {
    decodeMipCbor(bytes)
    return true
  } catch (error) {
    if (error instanceof MipCborError) return false
    throw error
  }
}

const TEXTS = ['', 'a', 'café', '東京', '𝄞𝄞', 'x'.repeat(63), 'x'.repeat(97), 'é'.repeat(64), '\u0000', 'a\uFEFF']
const INTEGERS = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]
const KEYS = ['a', 'b', 'aa', 'zZ9', 'constructor', 'toString', 'bytes', 'asCID', 'cid', 'length', 'k'.repeat(70)]

function randomValue(random: Random, depth: number): MipValue {
  const pick = random(depth > 8 ? 6 : 8)
  if (pick === 0) return TEXTS[random(TEXTS.length)]!
  if (pick === 1) return INTEGERS[random(INTEGERS.length)]!
  if (pick === 2) return -INTEGERS[1 + random(INTEGERS.length - 1)]!
  if (pick === 3) return [null, true, false][random(3)]!
  if (pick === 4) return linkOf(cidOf(Uint8Array.of(random(256)), random(2) ? 'object' : 'raw'))
  if (pick === 5) return Uint8Array.from({ length: random(300) }, () => random(256))
  const items = Array.from({ length: random(5) }, () => randomValue(random, depth + 1))
  if (pick === 6) return items
  return Object.fromEntries(items.map((item) => [KEYS[random(KEYS.length)]!, item]))
}
