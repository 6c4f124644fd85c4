/**
 * Goal: whoever publishes, follows or mirrors a log and is killed at any moment has in the end every entry once, in order, and no fork.
 * Method: three real processes, SIGKILL at random moments, and a checker outside the system. ENTRIES=n publishes more; `npm run kill:mip` shows it.
 */
import { expect, it } from 'vitest'
import { startSeed } from '../conformance/seeded-random.ts'
import { killNine } from '../simulation/mip-kill-nine.ts'

const SEED = startSeed()
const ENTRIES = Number(process.env.ENTRIES ?? 60)

it(`keeps a log whole over kills of its publisher, its subscriber and its mirror (SEED=${SEED})`, {
  timeout: 300_000 + ENTRIES * 2000,
}, async () => {
  const { faults, unnoticed, kills, entries, vectors } = await killNine(ENTRIES, SEED)
  expect(faults, `SEED=${SEED}`).toEqual([])
  expect(unnoticed).toEqual([])
  expect(entries).toBeGreaterThanOrEqual(ENTRIES)
  expect(vectors).toBeGreaterThan(0)
  for (const [name, count] of Object.entries(kills)) expect(count, name).toBeGreaterThan(0)
})
