import { describe, expect, it } from 'vitest'
import { neighbourGain, neighbourKeys, termScores } from './neighbours.ts'

const TERMS = [
  { term: 'a', idf: 3, finds: true, bit: 1 },
  { term: 'b', idf: 1, finds: true, bit: 2 },
  { term: 'c', idf: 1, finds: true, bit: 2 ** 51 },
]

describe('termScores', () => {
  it('splits a score over the matched terms by idf', () => {
    expect(termScores({ bm25: 8, matched: 3 }, TERMS)).toEqual(
      new Map([
        [0, 6],
        [1, 2],
      ]),
    )
  })
  it('reads bits above 32', () => {
    expect([...termScores({ bm25: 4, matched: 1 + 2 ** 51 }, TERMS).keys()]).toEqual([0, 2])
  })
  it('is empty for a row that did not match', () => {
    expect(termScores({ bm25: 0, matched: 0 }, TERMS).size).toBe(0)
  })
})

describe('neighbourGain', () => {
  it('counts only what a neighbour has beyond the turn itself', () => {
    const own = new Map([[0, 5]])
    const scores = new Map([
      [0, 6],
      [1, 2],
    ])
    expect(neighbourGain(own, [{ scores, share: 0.5 }])).toBeCloseTo(1.5)
    expect(neighbourGain(scores, [{ scores: own, share: 0.5 }])).toBe(0)
  })
})

describe('neighbourKeys', () => {
  const candidates = [
    { session: 's', pos: 0, bm25: 1 },
    { session: 's', pos: 5, bm25: 2 },
    { session: 's', pos: 6, bm25: 1 },
  ]
  it('names missing places, those beside the strongest first, each once', () => {
    expect(neighbourKeys(candidates).map(({ pos }) => pos)).toEqual([4, 7, 3, 1, 2, 8])
  })
  it('stays within its limit', () => {
    expect(neighbourKeys(candidates, 2)).toHaveLength(2)
  })
})
