import { describe, expect, it } from 'vitest'
import { MIP_OBJECT_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { cidOf, linkOf } from './cid.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { MipCborError } from './mip-cbor-error.ts'

const reasonOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (error instanceof MipCborError) return error.reason
    throw error
  }
  return 'accepted'
}
const encodingReason = (value: unknown) => reasonOf(() => encodeMipCbor(value as MipValue))

const circle: { next?: unknown } = {}
circle.next = circle
const holes: unknown[] = []
holes.length = 2

describe('encodeMipCbor', () => {
  it.each([
    ['a fraction', 0.5, 'float'],
    ['NaN', Number.NaN, 'float'],
    ['infinity', Number.POSITIVE_INFINITY, 'float'],
    ['negative zero', -0, 'float'],
    ['2^53', 2 ** 53, 'big_int'],
    ['a bigint', 1n, 'big_int'],
    ['an undefined field', { a: undefined }, 'undefined'],
    ['a hole in an array', holes, 'undefined'],
    ['a Date', new Date(0), 'type'],
    ['a Map', new Map(), 'type'],
    ['a Float32Array', new Float32Array(1), 'type'],
    ['a function', () => 1, 'type'],
    ['a symbol', Symbol.iterator, 'type'],
    ['an object in a circle', circle, 'depth'],
    ['a key with a dollar sign', { $link: 'x' }, 'key'],
    ['an upper-case key', { A: 1 }, 'key'],
    ['a lone surrogate', 'a\ud800', 'utf8'],
    ['a leading byte order mark', '\uFEFFa', 'utf8'],
    ['text that is not NFC', 'e\u0301', 'non_nfc'],
  ])('refuses %s', (_, value, reason) => {
    expect(encodingReason(value)).toBe(reason)
    expect(encodingReason({ a: [value] })).toBe(reason)
  })

  it('answers with a plain Uint8Array that owns its memory, whatever the length', () => {
    for (let length = 0; length < 2000; length += 7) {
      const bytes = encodeMipCbor('a'.repeat(length))
      expect(bytes.constructor).toBe(Uint8Array)
      expect(bytes.buffer.byteLength).toBe(bytes.length)
    }
  })

  it('names the place of what it refuses and not the content', () => {
    expect(() => encodeMipCbor({ outer: [1, { inner: 'e\u0301' }] })).toThrow('not MIP-CBOR: non_nfc at outer.1.inner')
  })

  it('accepts an object of exactly the largest size and refuses one byte more, both ways', () => {
    const head = 3
    const largest = new Uint8Array(MIP_OBJECT_BYTES_MAX - head)
    const bytes = encodeMipCbor(largest)
    expect(bytes.length).toBe(MIP_OBJECT_BYTES_MAX)
    expect(decodeMipCbor(bytes)).toEqual(largest)
    expect(encodingReason(new Uint8Array(largest.length + 1))).toBe('size')
    expect(reasonOf(() => decodeMipCbor(new Uint8Array(MIP_OBJECT_BYTES_MAX + 1)))).toBe('size')
  })

  it('treats what is no Uint8Array as a mistake of the programmer', () => {
    expect(() => decodeMipCbor('a0' as unknown as Uint8Array)).toThrow(TypeError)
  })
})

describe('with random input', () => {
  const seed = startSeed()

  it(`gives every value back and encodes it again to the same bytes (SEED=${seed})`, () => {
    const random = seededRandom(seed)
    for (let i = 0; i < 2000; i++) {
      const value = randomValue(random, 0)
      const bytes = encodeMipCbor(value)
      const back = decodeMipCbor(bytes)
      expect(back, `SEED=${seed} case ${i}`).toEqual(value)
      expect(encodeMipCbor(back), `SEED=${seed} case ${i}`).toEqual(bytes)
    }
  })

  it(`accepts random or damaged bytes only when they are the canonical ones, and fails in no other way (SEED=${seed})`, () => {
    const random = seededRandom(seed)
    for (let i = 0; i < 20_000; i++) {
      const bytes = i % 2 ? randomBytes(random, random(64)) : damaged(encodeMipCbor(randomValue(random, 0)), random)
      try {
        expect(encodeMipCbor(decodeMipCbor(bytes)), `SEED=${seed} case ${i}`).toEqual(bytes)
      } catch (error) {
        if (!(error instanceof MipCborError)) throw new Error(`SEED=${seed} case ${i}`, { cause: error })
      }
    }
  })
})

type Random = (below: number) => number
const randomBytes = (random: Random, length: number) => Uint8Array.from({ length }, () => random(256))

function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (let flips = 1 + random(3); flips > 0; flips--) copy[random(copy.length)]! ^= 1 << random(8)
  return random(4) === 0 ? copy.subarray(0, random(copy.length)) : copy
}

const TEXTS = ['', 'a', 'café', '東京', '𝄞𝄞', 'x'.repeat(300), '\u0000', 'a\uFEFF']
const INTEGERS = [
  0,
  23,
  24,
  255,
  256,
  65536,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  -1,
  -25,
  -(2 ** 40),
  Number.MIN_SAFE_INTEGER,
]
const KEYS = ['a', 'b', 'aa', 'zZ9', 'constructor', 'toString', 'bytes', 'asCID', 'cid', 'length']

function randomValue(random: Random, depth: number): MipValue {
  const pick = random(depth > 8 ? 6 : 8)
  if (pick === 0) return TEXTS[random(TEXTS.length)]!
  if (pick === 1) return INTEGERS[random(INTEGERS.length)]!
  if (pick === 2) return randomBytes(random, random(40))
  if (pick === 3) return [null, true, false][random(3)]!
  if (pick === 4) return linkOf(cidOf(randomBytes(random, 4), random(2) ? 'object' : 'raw'))
  if (pick === 5) return random(2 ** 31) - 2 ** 30
  const items = Array.from({ length: random(5) }, () => randomValue(random, depth + 1))
  if (pick === 6) return items
  return Object.fromEntries(items.map((item) => [KEYS[random(KEYS.length)]!, item]))
}
