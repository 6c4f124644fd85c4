import { describe, expect, it } from 'vitest'
import { MMR_CANDIDATES_MAX } from '../../../schemas/limits.ts'
import { diversify, similarity } from './mmr.ts'

const hit = (score: number, ...terms: string[]) => ({ score, terms: new Set(terms) })

describe('diversify', () => {
  const first = hit(3, 'tea', 'green')
  const same = hit(2.9, 'tea', 'green')
  const other = hit(2, 'coffee')
  it('puts a new thing before a repetition', () => {
    expect(diversify([first, same, other], { lambda: 0.5, limit: 3 })).toEqual([first, other, same])
  })
  it('keeps the ranking at lambda 1 and beyond the limit', () => {
    expect(diversify([first, same, other], { lambda: 1, limit: 3 })).toEqual([first, same, other])
    expect(diversify([first, same, other], { lambda: 0.5, limit: 1 })).toEqual([first, same, other])
  })
  it('returns every hit once, however many there are', () => {
    const many = Array.from({ length: MMR_CANDIDATES_MAX + 50 }, (_, i) => hit(1000 - i, `t${i % 7}`))
    const result = diversify(many, { lambda: 0.3, limit: 200 })
    expect(new Set(result).size).toBe(many.length)
    expect(result.slice(MMR_CANDIDATES_MAX)).toEqual(many.slice(MMR_CANDIDATES_MAX))
  })
  it('refuses a lambda out of range', () => {
    expect(() => diversify([first], { lambda: 1.1, limit: 1 })).toThrow(RangeError)
    expect(() => diversify([first], { lambda: Number.NaN, limit: 1 })).toThrow(RangeError)
  })
})

describe('similarity', () => {
  it('is the overlap of terms, or the cosine where vectors are there', () => {
    expect(similarity(hit(1, 'a', 'b'), hit(1, 'b', 'c'))).toBeCloseTo(1 / 3)
    expect(similarity(hit(1), hit(1))).toBe(0)
    const vector = Float32Array.of(1, 0)
    expect(similarity({ ...hit(1, 'a'), vector }, { ...hit(1, 'b'), vector })).toBe(1)
    expect(similarity({ ...hit(1, 'a'), vector }, hit(1, 'b'))).toBe(0)
  })
})
