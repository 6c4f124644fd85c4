import { describe, expect, it } from 'vitest'
import { type Edge, personalisedPageRank } from './pagerank.ts'

const from = (...shares: number[]) => Float64Array.from(shares)
const sum = (ranks: Float64Array) => ranks.reduce((total, rank) => total + rank, 0)

describe('personalisedPageRank', () => {
  it('gives what the equation gives for two nodes', () => {
    // r0 = 1/2 + r1/2 and r1 = r0/2: 2/3 and 1/3.
    const { ranks } = personalisedPageRank(2, [[0, 1, 1]], from(1, 0))
    expect(ranks[0]).toBeCloseTo(2 / 3, 5)
    expect(ranks[1]).toBeCloseTo(1 / 3, 5)
  })

  it('falls with the distance from where it starts', () => {
    const path: Edge[] = [
      [0, 1, 1],
      [1, 2, 1],
      [2, 3, 1],
    ]
    const ranks = [...personalisedPageRank(4, path, from(1, 0, 0, 0)).ranks]
    expect(ranks).toEqual([...ranks].sort((a, b) => b - a))
  })

  it('follows the heavier edge', () => {
    const { ranks } = personalisedPageRank(
      3,
      [
        [0, 1, 3],
        [0, 2, 1],
      ],
      from(1, 0, 0),
    )
    expect((ranks[1] as number) / (ranks[2] as number)).toBeCloseTo(3, 5)
  })

  it('sums to one also with nodes that have no edge, and never reaches those', () => {
    const { ranks } = personalisedPageRank(4, [[0, 1, 1]], from(1, 0, 1, 0))
    expect(sum(ranks)).toBeCloseTo(1, 9)
    expect(ranks[3]).toBe(0)
  })

  it('tells what came over edges from what began there', () => {
    const { ranks, arrived } = personalisedPageRank(3, [[0, 1, 1]], from(1, 0, 1))
    expect(arrived[2]).toBe(0)
    expect(ranks[2]).toBeGreaterThan(0)
    expect(arrived[1]).toBe(ranks[1])
  })

  it('is zero without a start and refuses one of another length', () => {
    expect(sum(personalisedPageRank(2, [[0, 1, 1]], from(0, 0)).ranks)).toBe(0)
    expect(() => personalisedPageRank(2, [], from(1))).toThrow(RangeError)
  })
})
