import { describe, expect, it } from 'vitest'
import { MASK_TERMS_MAX } from '../../../schemas/limits.ts'
import { idf, planTerms } from './plan.ts'
import { DEFAULT_WEIGHTS, lengthNormalisation } from './weights.ts'

const plan = (counts: Record<string, number>, postingsMax?: number) =>
  planTerms({
    terms: Object.keys(counts),
    frequencies: new Map(Object.entries(counts)),
    documents: 100,
    weights: DEFAULT_WEIGHTS,
    ...(postingsMax === undefined ? {} : { postingsMax }),
  })

describe('planTerms', () => {
  it('orders terms by rarity, gives each a bit and skips unknown ones', () => {
    const terms = plan({ b: 5, unknown: 0, a: 1 })
    expect(terms.map(({ term, bit }) => [term, bit])).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    expect(terms[0]?.idf).toBeCloseTo(Math.log(1 + 99.5 / 1.5))
  })
  it('leaves common terms out of a long query only', () => {
    expect(plan({ a: 1, b: 2, c: 3, common: 60 }).map(({ term }) => term)).toEqual(['a', 'b', 'c'])
    expect(plan({ a: 1, common: 60 }).map(({ term }) => term)).toEqual(['a', 'common'])
    expect(plan({ a: 60, b: 70, c: 80, d: 90 })).toHaveLength(4)
  })
  it('lets terms beyond the postings budget score but not find', () => {
    expect(plan({ a: 10, b: 10, c: 10 }, 20).map(({ finds }) => finds)).toEqual([true, true, false])
    expect(plan({ a: 10 }, 1)[0]?.finds).toBe(true)
  })
  it('keeps the sum of all bits an exact number', () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`t${i}`, 1]))
    const bits = plan(many).map(({ bit }) => bit)
    expect(bits.filter((bit) => bit > 0)).toHaveLength(MASK_TERMS_MAX)
    expect(Number.isSafeInteger(bits.reduce((sum, bit) => sum + bit, 0))).toBe(true)
  })
})

describe('idf', () => {
  it('falls with frequency and never below zero', () => {
    expect(idf(10, 1)).toBeGreaterThan(idf(10, 5))
    expect(idf(10, 10)).toBeGreaterThan(0)
  })
})

describe('lengthNormalisation', () => {
  it('rises with the mean length within its bounds', () => {
    expect(lengthNormalisation(0, DEFAULT_WEIGHTS)).toBe(0.2)
    expect(lengthNormalisation(40, DEFAULT_WEIGHTS)).toBe(0.5)
    expect(lengthNormalisation(1e6, DEFAULT_WEIGHTS)).toBe(0.75)
  })
})
