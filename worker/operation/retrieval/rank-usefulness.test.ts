import { expect, it } from 'vitest'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { type Candidate, rank } from './rank.ts'
import { DEFAULT_WEIGHTS } from './weights.ts'

const SEED = 7
const random = seededRandom(SEED)
const candidates = Array.from(
  { length: 50 },
  (_, seq): Candidate => ({
    seq,
    bm25: random(1000) / 100,
    matched: random(4),
    session: `s${random(5)}`,
    pos: random(20),
    features: random(32),
    speaker: null,
  }),
)
const ranked = (list: Candidate[]) =>
  rank({
    candidates: list,
    terms: [{ term: 'a', idf: 1, finds: true, bit: 1 }],
    sessionScores: new Map([
      ['s1', 2],
      ['s2', 3],
    ]),
    query: { terms: ['a'], namedSpeakers: [], isWhen: false },
    weights: DEFAULT_WEIGHTS,
    documents: 10,
    hasRoles: false,
  })

it('ranks byte for byte as before where there is no feedback', () => {
  const before = JSON.stringify(ranked(candidates))
  expect(JSON.stringify(ranked(candidates.map((one) => ({ ...one, usefulness: 0 }))))).toBe(before)
  expect(before).not.toContain('usefulness')
})
it('multiplies by 0.7 to 1.3, whatever it is told', () => {
  for (const [usefulness, factor] of [
    [-5, 0.7],
    [-1, 0.7],
    [0.5, 1.15],
    [1, 1.3],
    [9, 1.3],
  ] as const) {
    const [hit] = ranked([{ ...(candidates[0] as Candidate), bm25: 1, features: 0, usefulness }])
    expect(hit?.explain.factors.usefulness).toBeCloseTo(factor)
  }
})
