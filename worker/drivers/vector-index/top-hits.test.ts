import { expect, it } from 'vitest'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { SEED } from '../../../test/support/clustered-vectors.ts'
import { TopHits } from './top-hits.ts'

it(`keeps the same hits as a full sort, ties by slot (SEED=${SEED})`, () => {
  const random = seededRandom(SEED)
  for (let round = 0; round < 200; round++) {
    const count = random(60)
    const hits = Array.from({ length: count }, (_, slot) => ({ slot, score: random(1000) }))
    const limit = random(20)
    const top = new TopHits(limit)
    for (const { slot, score } of hits) top.push(slot, score)
    const scores = hits.map(({ score }) => score).sort((a, b) => b - a)
    expect(top.ranked().map(({ score }) => score)).toEqual(scores.slice(0, limit))
    for (const { slot, score } of top.ranked()) expect(hits[slot]?.score).toBe(score)
  }
})
