import { expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../../test/conformance/seeded-random.ts'
import { PlainCache } from '../../../test/support/plain-decoder.ts'
import { type KvLease, ResidentCache, type ResidentOptions } from './resident-cache.ts'

const seed = startSeed()
/** Bytes of a cache of one token. */
const UNIT = 8

const cacheOf = (units: number) =>
  new PlainCache({
    tokenIds: Array.from({ length: units }, () => 1),
    positionStart: 0,
    layers: [{ key: new Float32Array(units), value: new Float32Array(units) }],
  })
const make = (units: number) => async () => cacheOf(units)
const opened = (changed: Partial<ResidentOptions> = {}) =>
  new ResidentCache({ bytesMax: 4 * UNIT, strategy: 'lru', halfLifeMs: 1000, nowMs: () => 0, ...changed })

async function use(resident: ResidentCache, key: string, units = 1): Promise<boolean> {
  const { lease, isMade } = await resident.take(key, make(units))
  lease.release()
  return isMade
}

it('a cache is shared while it is read, and disposed once nobody needs it', async () => {
  const resident = opened()
  const made = cacheOf(1)
  const first = (await resident.take('a', async () => made)).lease
  const second = resident.find('a')!
  expect(second.cache).toBe(made)
  resident.drop('a')
  expect(resident.keys()).toEqual([])
  first.release()
  first.release()
  expect(made.disposals).toBe(0)
  second.release()
  expect(made.disposals).toBe(1)
})

it('what is being read is not evicted, and what finds no room lives as long as its reader', async () => {
  const resident = opened()
  const large = cacheOf(4)
  const held = (await resident.take('large', async () => large)).lease
  const passing = cacheOf(1)
  const other = (await resident.take('other', async () => passing)).lease
  expect(resident.keys()).toEqual(['large'])
  expect(large.disposals + passing.disposals).toBe(0)
  other.release()
  expect(passing.disposals).toBe(1)
  held.release()
  expect(await use(resident, 'other')).toBe(true)
  expect(large.disposals).toBe(1)
  expect(resident.keys()).toEqual(['other'])
})

it('a cache larger than all room evicts nothing', async () => {
  const resident = opened()
  await use(resident, 'a')
  await use(resident, 'giant', 5)
  expect(resident.keys()).toEqual(['a'])
})

it('of callers that ask at once one makes the cache; a failure is its own alone', async () => {
  const resident = opened()
  let made = 0
  const slow = async () => {
    made += 1
    await new Promise((resolve) => setTimeout(resolve, 5))
    return cacheOf(1)
  }
  const leases = await Promise.all(Array.from({ length: 8 }, () => resident.take('a', slow)))
  expect(made).toBe(1)
  expect(leases.filter(({ isMade }) => isMade)).toHaveLength(1)
  for (const { lease } of leases) lease.release()

  const failing = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    throw new Error('cancelled')
  }
  const [failed, waited] = await Promise.allSettled([resident.take('b', failing), resident.take('b', slow)])
  expect(failed.status).toBe('rejected')
  expect(waited.status).toBe('fulfilled')
})

it('of two caches under one key the first is kept and the second disposed', () => {
  const resident = opened()
  const [first, second] = [cacheOf(1), cacheOf(1)]
  resident.put('a', first).release()
  const lease = resident.put('a', second)
  expect(lease.cache).toBe(first)
  expect([first.disposals, second.disposals]).toEqual([0, 1])
  lease.release()
})

it('lru drops what was used longest ago, heat what was used least', async () => {
  for (const [strategy, left] of [
    ['lru', ['once', 'new']],
    ['heat', ['often', 'new']],
  ] as const) {
    let now = 0
    const resident = opened({ bytesMax: 2 * UNIT, strategy, nowMs: () => now++ })
    for (const key of ['often', 'often', 'often', 'once', 'new']) await use(resident, key)
    expect(resident.keys()).toEqual(left)
  }
})

it('heat halves: what was used often long ago gives way to what is used today', async () => {
  let now = 0
  const resident = opened({ bytesMax: 2 * UNIT, strategy: 'heat', nowMs: () => now })
  for (let i = 0; i < 8; i++) await use(resident, 'old')
  now = 10_000
  await use(resident, 'today')
  await use(resident, 'today')
  await use(resident, 'new')
  expect(resident.keys()).toEqual(['today', 'new'])
})

/** A trace with favourites, a scan of strangers now and then, and readers that hold on. */
async function replay(strategy: 'lru' | 'heat', start: number): Promise<{ hits: number; uses: number }> {
  const random = seededRandom(start)
  let now = 0
  const bytesMax = 24 * UNIT
  const resident = opened({ bytesMax, strategy, halfLifeMs: 2000, nowMs: () => now })
  const all: PlainCache[] = []
  const held: KvLease[] = []
  let hits = 0
  const uses = 4000
  for (let at = 0; at < uses; at++) {
    now += random(20)
    const isScan = at % 100 >= 70
    const key = isScan ? `scan ${at}` : `favourite ${Math.floor(random(1000) ** 2 / 33_334)}`
    const units = 1 + (key.length % 3)
    const { lease, isMade } = await resident.take(key, async () => {
      const cache = cacheOf(units)
      all.push(cache)
      return cache
    })
    hits += isMade ? 0 : 1
    held.push(lease)
    while (held.length > random(8)) held.splice(random(held.length), 1)[0]!.release()
    expect(resident.bytes).toBeLessThanOrEqual(bytesMax)
    for (const { cache } of held) expect((cache as PlainCache).disposals).toBe(0)
  }
  for (const lease of held) lease.release()
  const alive = all.filter(({ disposals }) => disposals === 0)
  expect(alive.reduce((sum, cache) => sum + cache.bytes, 0)).toBe(resident.bytes)
  resident.clear()
  expect(resident.bytes).toBe(0)
  expect(all.every(({ disposals }) => disposals === 1)).toBe(true)
  return { hits, uses }
}

it(`a trace stays within its bytes, loses no cache that is read and leaks none; heat outlives scans (seed ${seed})`, async () => {
  const [lru, heat] = [await replay('lru', seed), await replay('heat', seed)]
  expect(heat.hits).toBeGreaterThan(lru.hits)
})
