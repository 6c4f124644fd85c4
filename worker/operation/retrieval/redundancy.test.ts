import { describe, expect, it } from 'vitest'
import { sayOfVectors } from './redundancy.ts'

const near = (...pairs: [vector: number, words: number][]) => pairs.map(([vector, words]) => ({ vector, words }))

describe('sayOfVectors', () => {
  it('leaves all to vectors that find what no word finds', () => {
    expect(sayOfVectors(near([1, 0], [0.5, 0], [0, 0]), 1000)).toBe(1)
  })
  it('leaves nothing to vectors that repeat the words', () => {
    expect(sayOfVectors(near([1, 1], [0.5, 0.5], [0, 0]), 1000)).toBeCloseTo(0)
  })
  it('leaves little to vectors that favour what words have found, in whatever order', () => {
    expect(sayOfVectors(near([1, 0.5], [0.9, 0.5], [0, 0.5]), 1000)).toBeCloseTo(0.5 ** 4)
  })
  it('falls as the two agree more', () => {
    const says = [0, 0.2, 0.4, 0.6].map((words) => sayOfVectors(near([1, words], [0.6, 0.2], [0.3, 0.3], [0, 0]), 1000))
    expect(says).toEqual(says.toSorted((a, b) => b - a))
    expect(new Set(says).size).toBe(says.length)
  })
  it('takes words that contradict the vectors for independent', () => {
    expect(sayOfVectors(near([1, 0], [0.5, 0], [0, 1]), 1000)).toBe(1)
  })
  it('stays within bounds for one document, or none', () => {
    expect(sayOfVectors([], 1000)).toBe(1)
    expect(sayOfVectors(near([1, 1]), 1000)).toBe(0)
    expect(sayOfVectors(near([0, 1]), 1000)).toBe(1)
  })

  it('falls as there are more documents, among which more are near by chance', () => {
    const says = [10, 1000, 10_000, 100_000].map((documents) => sayOfVectors(near([1, 0], [0.5, 0]), documents))
    expect(says[0]).toBe(1)
    expect(says[1]).toBe(1)
    expect(says[2]).toBeCloseTo(0.75 ** 1.5)
    expect(says[3]).toBeCloseTo(0.6 ** 1.5)
  })
})
