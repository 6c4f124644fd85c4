import { expect, it } from 'vitest'
import { startSeed } from '../conformance/seeded-random.ts'
import { placementSvg } from './chart.ts'
import { chooseDatabase, chooseMove, D1_LIMITS, type Load, mustShed, plus, pressure } from './placement-policy.ts'
import { simulate } from './simulate.ts'

const SEED = startSeed()
const load = (bytes: number, busyMs = 0, organisations = 1): Load => ({ bytes, busyMs, organisations })
const init = { organisations: 5000, seed: SEED, days: 120, cubesMean: 5000, sizeSigma: 2, bytesPerCube: 3000 }

it('chooses the least loaded database that has headroom in bytes, time and number', () => {
  expect(chooseDatabase([load(5e9), load(2e9), load(3e9)], load(1e6), D1_LIMITS)).toBe(1)
  expect(chooseDatabase([load(2e9, 290), load(3e9, 10)], load(1e6, 20), D1_LIMITS)).toBe(1)
  expect(chooseDatabase([load(0, 0, 2400), load(3e9, 0, 10)], load(1e6), D1_LIMITS)).toBe(1)
})

it('asks for a new database when none has headroom, and for an organisation that needs one alone', () => {
  expect(chooseDatabase([load(5.9e9)], load(0.2e9), D1_LIMITS)).toBeNull()
  expect(chooseDatabase([], load(1), D1_LIMITS)).toBeNull()
  expect(chooseDatabase([load(0, 0, 0)], load(6e9), D1_LIMITS)).toBeNull()
})

it('moves the busiest organisation out of a hot database, the smallest sufficient one out of a full database', () => {
  expect(chooseMove([load(1e9, 100), load(1e8, 450), load(5e9, 20)], D1_LIMITS)).toBe(1)
  expect(chooseMove([load(3e9), load(2e9), load(4e9)], D1_LIMITS)).toBe(1)
})

it('leaves alone what is within its limits, and an organisation that has the database to itself', () => {
  expect(chooseMove([load(4e9), load(4e9)], D1_LIMITS)).toBeNull()
  expect(chooseMove([load(20e9, 900)], D1_LIMITS)).toBeNull()
})

it(`keeps every organisation in exactly one database, and all bytes accounted for (SEED=${SEED})`, () => {
  const { days, databases, organisationsPerDatabase } = simulate(init, D1_LIMITS)
  expect(organisationsPerDatabase.reduce((sum, count) => sum + count, 0)).toBe(init.organisations)
  expect(days.at(-1)?.organisations).toBe(init.organisations)
  expect(databases.reduce(plus).organisations).toBe(init.organisations)
})

it(`ends with no database that should have shed, except those of one organisation (SEED=${SEED})`, () => {
  const { databases, organisationsPerDatabase } = simulate(init, D1_LIMITS)
  const wrong = databases.filter((one, at) => mustShed(one, D1_LIMITS) && (organisationsPerDatabase[at] ?? 0) > 1)
  expect(wrong.map((one) => pressure(one, D1_LIMITS))).toEqual([])
})

it('gives the same report for the same seed, and draws it', () => {
  const [first, second] = [simulate({ ...init, seed: 7 }, D1_LIMITS), simulate({ ...init, seed: 7 }, D1_LIMITS)]
  expect(first).toEqual(second)
  expect(placementSvg(first, D1_LIMITS, 'caption')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
})
