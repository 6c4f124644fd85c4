import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { COLD, type Heat, heatAfter, heatAt } from './heat.ts'

const HALF_LIFE_MS = 1000
const uses = (moments: readonly number[]): Heat =>
  moments.reduce((heat, atMs) => heatAfter(heat, 1, atMs, HALF_LIFE_MS), COLD)

describe('heat', () => {
  it('is the number of uses at the moment of use, and half of it after a half-life', () => {
    const used = heatAfter(COLD, 3, 5000, HALF_LIFE_MS)
    expect(used).toEqual({ heat: 3, lastUsedAtMs: 5000 })
    expect(heatAt(used, 6000, HALF_LIFE_MS)).toBeCloseTo(1.5, 12)
    expect(heatAt(used, 8000, HALF_LIFE_MS)).toBeCloseTo(0.375, 12)
  })

  it('is nothing for what was never used, and does not grow when the clock goes back', () => {
    expect(heatAt(COLD, 1_000_000, HALF_LIFE_MS)).toBe(0)
    expect(heatAt(heatAfter(COLD, 1, 5000, HALF_LIFE_MS), 0, HALF_LIFE_MS)).toBe(1)
  })

  it('does not depend on the order in which uses arrive', () => {
    const seed = Date.now() % 1e9
    const random = seededRandom(seed)
    for (let round = 0; round < 200; round++) {
      const moments = Array.from({ length: 1 + random(12) }, () => 1 + random(10_000))
      const sorted = uses(moments.toSorted((a, b) => a - b))
      const shuffled = uses(moments)
      expect(shuffled.lastUsedAtMs, `seed ${seed}`).toBe(sorted.lastUsedAtMs)
      expect(shuffled.heat, `seed ${seed}`).toBeCloseTo(sorted.heat, 9)
    }
  })
})
