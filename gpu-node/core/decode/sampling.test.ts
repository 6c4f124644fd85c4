/**
 * Goal: tokens are drawn by their shares, within the bounds, and alike for one seed.
 * Method: many draws from small vocabularies.
 */
import { describe, expect, it } from 'vitest'
import { startSeed } from '../../../test/conformance/seeded-random.ts'
import { seededDice } from './random.ts'
import { likeliest, type Sampling, samplerOf } from './sampling.ts'

const SEED = startSeed()
const LOGITS = Float32Array.from([Math.log(4), Math.log(1), Math.log(3), Math.log(2)])

function shares(settings: Sampling, draws = 20_000): number[] {
  const sample = samplerOf({ seed: SEED, ...settings })
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < draws; i++) counts[sample(LOGITS)]! += 1
  return counts.map((count) => count / draws)
}

describe('sampling', () => {
  it('takes the likeliest at temperature 0, the first of equal ones', () => {
    expect(samplerOf({})(LOGITS)).toBe(0)
    expect(likeliest(Float32Array.from([1, 3, 3]))).toBe(1)
  })

  it(`draws every token by its share (seed ${SEED})`, () => {
    for (const [i, share] of shares({ temperature: 1 }).entries())
      expect(share).toBeCloseTo([0.4, 0.1, 0.3, 0.2][i]!, 1)
    const flat = shares({ temperature: 100 })
    for (const share of flat) expect(share).toBeCloseTo(0.25, 1)
    expect(shares({ temperature: 0.01 })).toEqual([1, 0, 0, 0])
  })

  it(`keeps to the k likeliest and to the likeliest that have the share p (seed ${SEED})`, () => {
    const [first = 0, , third = 0] = shares({ temperature: 1, topK: 2 })
    expect(first + third).toBe(1)
    expect(first).toBeCloseTo(4 / 7, 1)
    expect(shares({ temperature: 1, topP: 0.39 })).toEqual([1, 0, 0, 0])
    expect(shares({ temperature: 1, topP: 0.6 })[3]).toBe(0)
    expect(shares({ temperature: 1, topP: 0.8 })[3]).toBeGreaterThan(0)
    expect(shares({ temperature: 1, topP: 0.8 })[1]).toBe(0)
  })

  it('is the same for one seed and another for another', () => {
    const draw = (seed: number) => {
      const sample = samplerOf({ temperature: 1, seed })
      return Array.from({ length: 50 }, () => sample(LOGITS)).join()
    }
    expect(draw(1)).toBe(draw(1))
    expect(draw(1)).not.toBe(draw(2))
    expect(Array.from({ length: 3 }, seededDice(7))).toEqual(Array.from({ length: 3 }, seededDice(7)))
  })

  it('refuses logits that are no numbers', () => {
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY])
      for (const temperature of [0, 1])
        expect(() => samplerOf({ temperature })(new Float32Array(4).fill(value))).toThrow(
          expect.objectContaining({ code: 'invalid_tensor' }),
        )
    expect(() => likeliest(Float32Array.from([1, Number.POSITIVE_INFINITY]))).toThrow('no numbers')
  })
})
