import { describe, expect, it } from 'vitest'
import { SCHEDULE_STRATEGIES, type ScheduleStrategy } from '../../../../schemas/namespace-settings.ts'
import { chooseHot, STRATEGIES } from './choose.ts'
import type { Candidate } from './strategy.ts'

const HALF_LIFE_MS = 1000
const NOW_MS = 10_000
const cube = (seq: number, facts: Partial<Candidate> = {}): Candidate => ({
  seq,
  cubeId: `c${seq}`,
  heat: 0,
  lastUsedAtMs: null,
  tags: [],
  priority: 'mid',
  similarity: null,
  ...facts,
})
const chosen = (name: ScheduleStrategy, candidates: Candidate[], labels: string[] = [], hotMax = 10) =>
  chooseHot(STRATEGIES[name], candidates, { nowMs: NOW_MS, halfLifeMs: HALF_LIFE_MS, labels: new Set(labels) }, hotMax)
const seqs = (...args: Parameters<typeof chosen>) => chosen(...args).map(({ candidate }) => candidate.seq)

describe('strategies', () => {
  it('bear the names that policies may use', () => {
    expect(Object.entries(STRATEGIES).map(([name, strategy]) => [name, strategy.name])).toEqual(
      Object.keys(STRATEGIES).map((name) => [name, name]),
    )
    expect(Object.keys(STRATEGIES).sort()).toEqual([...SCHEDULE_STRATEGIES].sort())
  })

  it('lru keeps what was used last, whatever its heat, and nothing that was never used', () => {
    const cubes = [cube(1, { lastUsedAtMs: 9000, heat: 1 }), cube(2, { lastUsedAtMs: 8000, heat: 99 }), cube(3)]
    expect(seqs('lru', cubes)).toEqual([1, 2])
    expect(seqs('lru', cubes, [], 1)).toEqual([1])
  })

  it('lru lets priority decide between cubes of one moment', () => {
    const at = { lastUsedAtMs: 9000 }
    const cubes = [cube(1, { ...at, priority: 'low' }), cube(2, { ...at, priority: 'high' }), cube(3, at)]
    expect(seqs('lru', cubes)).toEqual([2, 3, 1])
  })

  it('heat weighs frequency against recency by the half-life', () => {
    const often = cube(1, { lastUsedAtMs: NOW_MS - 2 * HALF_LIFE_MS, heat: 8 })
    const lately = cube(2, { lastUsedAtMs: NOW_MS, heat: 1 })
    expect(chosen('heat', [lately, often]).map(({ score }) => score)).toEqual([2, 1])
    expect(seqs('heat', [cube(1, { ...often, lastUsedAtMs: NOW_MS - 4 * HALF_LIFE_MS }), lately])).toEqual([2, 1])
  })

  it('heat doubles with a high priority and halves with a low one', () => {
    const used = { lastUsedAtMs: NOW_MS, heat: 1 }
    const cubes = [cube(1, used), cube(2, { ...used, priority: 'low' }), cube(3, { ...used, priority: 'high' })]
    expect(chosen('heat', cubes).map(({ candidate, score }) => [candidate.seq, score])).toEqual([
      [3, 2],
      [1, 1],
      [2, 0.5],
    ])
  })

  it('semantic keeps what is like the need, used or not, and nothing unlike', () => {
    const cubes = [cube(1, { similarity: 0.4 }), cube(2, { similarity: 0.9 }), cube(3, { similarity: -0.2 }), cube(4)]
    expect(seqs('semantic', cubes)).toEqual([2, 1])
  })

  it('label keeps what has tags in common, more of them first', () => {
    const cubes = [cube(1, { tags: ['sea'] }), cube(2, { tags: ['sea', 'boat', 'x'] }), cube(3, { tags: ['x'] })]
    expect(chosen('label', cubes, ['sea', 'boat']).map(({ candidate, score }) => [candidate.seq, score])).toEqual([
      [2, 1],
      [1, 0.5],
    ])
    expect(seqs('label', cubes)).toEqual([])
  })

  it('settle equal scores by last use, then by the newer cube, in any order of the candidates', () => {
    const cubes = [1, 2, 3, 4].map((seq) => cube(seq, { similarity: 0.5, lastUsedAtMs: seq === 2 ? 5 : null }))
    expect(seqs('semantic', cubes)).toEqual([2, 4, 3, 1])
    expect(seqs('semantic', cubes.toReversed())).toEqual([2, 4, 3, 1])
  })
})
