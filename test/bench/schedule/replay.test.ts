/**
 * Goal: it is known which cubes each strategy keeps at hand, and what that is worth.
 * Method: traces made so that one of them must win or lose, and random ones against the optimum.
 */
import { describe, expect, it } from 'vitest'
import { SCHEDULE_STRATEGIES } from '../../../schemas/namespace-settings.ts'
import { seededRandom } from '../../conformance/seeded-random.ts'
import { type Access, replay, type Trace } from './replay.ts'

const STEP_MS = 1000
const trace = (accesses: Omit<Access, 'atMs'>[], facts: Partial<Trace> = {}): Trace => ({
  accesses: accesses.map((access, at) => ({ ...access, atMs: at * STEP_MS })),
  tagsOf: () => [],
  halfLifeMs: 100 * STEP_MS,
  ...facts,
})
const used = (...uses: number[]) => ({ uses })
const keptBy = (keeper: Parameters<typeof replay>[1], given: Trace, places: number) =>
  [...replay(given, keeper, places).kept].sort((a, b) => a - b)

describe('which cubes are kept at hand', () => {
  /** Four cubes are used again and again; in between, others are used once. */
  const scanned = trace(
    Array.from({ length: 60 }, (_, at) => used(1 + (at % 4), 100 + 3 * at, 101 + 3 * at, 102 + 3 * at)),
  )

  it('heat keeps what is used often through a scan; lru keeps the scan', () => {
    expect(keptBy('heat', scanned, 6).slice(0, 4)).toEqual([1, 2, 3, 4])
    expect(keptBy('lru', scanned, 6).filter((cube) => cube >= 100).length).toBeGreaterThan(4)
    // All but the first round, in which nothing is known to be used again.
    expect(replay(scanned, 'heat', 6).hits).toBeGreaterThan(0.9 * replay(scanned, 'optimal', 6).hits)
    expect(replay(scanned, 'lru', 6).hits).toBe(0)
  })

  it('lru turns to a new interest at once; heat as its half-life lets it', () => {
    const first = Array.from({ length: 40 }, (_, at) => used(1 + (at % 3)))
    const second = Array.from({ length: 12 }, (_, at) => used(11 + (at % 3)))
    const turned = (halfLifeMs: number) => trace([...first, ...second], { halfLifeMs })
    expect(keptBy('lru', turned(STEP_MS), 3)).toEqual([11, 12, 13])
    expect(keptBy('heat', turned(2 * STEP_MS), 3)).toEqual([11, 12, 13])
    expect(keptBy('heat', turned(1000 * STEP_MS), 3).slice(0, 2)).toEqual([1, 3])
  })

  it('semantic keeps what is like the request, label what carries its tags', () => {
    const topicOf = (cube: number) => cube % 2
    const accesses = [...Array.from({ length: 20 }, (_, at) => used(at)), used(40), used(42), used(44)].map(
      (access) => ({
        ...access,
        likeness: (cube: number) => (topicOf(cube) === topicOf(access.uses[0] ?? 0) ? 1 : 0),
      }),
    )
    const topical = trace(accesses, { tagsOf: (cube) => [`topic ${topicOf(cube)}`] })
    for (const keeper of ['semantic', 'label'] as const)
      expect(keptBy(keeper, topical, 5).filter((cube) => topicOf(cube) === 1).length).toBeLessThanOrEqual(1)
    expect(keptBy('lru', topical, 5).filter((cube) => topicOf(cube) === 1).length).toBe(1)
  })

  it('no strategy has more hits than the optimum, and all have the same with room for everything', () => {
    const seed = Date.now() % 1e9
    const random = seededRandom(seed)
    for (let round = 0; round < 20; round++) {
      const accesses = Array.from({ length: 120 }, () => ({
        uses: Array.from({ length: 1 + random(4) }, () => Math.floor((random(40) * random(40)) / 40)),
        likeness: (cube: number) => 1 / (1 + cube),
      }))
      const any = trace(accesses, { tagsOf: (cube) => [`t${cube % 5}`] })
      for (const keeper of SCHEDULE_STRATEGIES) {
        const places = 2 + random(12)
        const message = `seed ${seed}, ${keeper}, ${places} places`
        expect(replay(any, keeper, places).hits, message).toBeLessThanOrEqual(replay(any, 'optimal', places).hits)
        expect(replay(any, keeper, 40).hits, message).toBe(replay(any, 'optimal', 40).hits)
      }
    }
  })
})
