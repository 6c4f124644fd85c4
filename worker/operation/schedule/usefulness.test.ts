import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { type Outcome, usefulnessAfter } from './usefulness.ts'

const OUTCOMES: Outcome[] = ['used', 'helped', 'corrected', 'ignored']

describe('usefulness', () => {
  it('rises when memory helped, falls when it was corrected, and says little of mere use', () => {
    expect(usefulnessAfter(0, ['helped'])).toBeCloseTo(0.2, 12)
    expect(usefulnessAfter(0, ['corrected'])).toBeCloseTo(-0.2, 12)
    expect(usefulnessAfter(0, Array<Outcome>(40).fill('used'))).toBeCloseTo(0.25, 3)
    expect(usefulnessAfter(0.5, ['ignored'])).toBeLessThan(0.5)
  })

  it('never leaves -1..1, and feedback together is feedback one after the other', () => {
    const seed = Date.now() % 1e9
    const random = seededRandom(seed)
    for (let round = 0; round < 200; round++) {
      const outcomes = Array.from({ length: random(60) }, () => OUTCOMES[random(4)] as Outcome)
      const start = random(2001) / 1000 - 1
      const together = usefulnessAfter(start, outcomes)
      const one = outcomes.reduce((usefulness, outcome) => usefulnessAfter(usefulness, [outcome]), start)
      expect(together, `seed ${seed}`).toBeCloseTo(one, 9)
      expect(Math.abs(together), `seed ${seed}`).toBeLessThanOrEqual(1)
    }
  })
})
