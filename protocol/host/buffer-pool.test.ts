import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { BufferPool } from './buffer-pool.ts'

const KIB = 1024

describe('BufferPool', () => {
  it('lends a buffer again for another length of about the same size', () => {
    const pool = new BufferPool(1024 * KIB)
    const one = pool.take(256 * KIB + 37)
    pool.give(one.subarray(37))
    const two = pool.take(256 * KIB + 40)
    expect([two.length, two.buffer]).toEqual([256 * KIB + 40, one.buffer])
  })

  it('does not take the same twice, nor what it did not lend', () => {
    const pool = new BufferPool(1024 * KIB)
    const one = pool.take(100 * KIB)
    for (const bytes of [one, one, new Uint8Array(128 * KIB)]) pool.give(bytes)
    expect(pool.take(100 * KIB).buffer).toBe(one.buffer)
    expect(pool.take(100 * KIB).buffer).not.toBe(one.buffer)
  })

  it('keeps no more than it may, and nothing small', () => {
    const pool = new BufferPool(128 * KIB)
    const lent = [pool.take(128 * KIB), pool.take(128 * KIB)]
    for (const bytes of lent) pool.give(bytes)
    const again = [pool.take(128 * KIB), pool.take(128 * KIB)]
    expect(again.filter(({ buffer }) => lent.some((one) => one.buffer === buffer))).toHaveLength(1)
    const small = pool.take(10)
    pool.give(small)
    expect(pool.take(10).buffer).not.toBe(small.buffer)
  })

  const seed = startSeed()
  it(`never lends a buffer to two at once (SEED=${seed})`, () => {
    const random = seededRandom(seed)
    const pool = new BufferPool(4096 * KIB)
    const lent: Uint8Array[] = []
    for (let i = 0; i < 5000; i++) {
      if (random(2) === 0 && lent.length < 50) {
        const bytes = pool.take(1 + random(500 * KIB))
        expect(
          lent.some(({ buffer }) => buffer === bytes.buffer),
          `SEED=${seed}`,
        ).toBe(false)
        lent.push(bytes)
      } else if (lent.length > 0) pool.give(lent.splice(random(lent.length), 1)[0]!.subarray(0, 1))
    }
  })
})
