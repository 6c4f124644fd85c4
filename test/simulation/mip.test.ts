import { expect, it } from 'vitest'
import { startSeed } from '../conformance/seeded-random.ts'
import { simulateMip } from './mip.ts'

const RANDOM = startSeed() % 100_000

it.each([1, 2, 3, RANDOM])(
  'five nodes come to the same end over a bad network, seed %i',
  { timeout: 120_000 },
  async (seed) => {
    const { faults, published } = await simulateMip(seed)
    expect(faults, `SEED=${seed}`).toEqual([])
    expect(published).toBeGreaterThan(5)
  },
)
