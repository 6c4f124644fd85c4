import { seededRandom } from '../conformance/seeded-random.ts'
import type { Load } from './placement-policy.ts'

/** Assumptions about organisations. All of them are arguments, so that another guess is one option away. */
export interface PopulationInit {
  organisations: number
  seed: number
  days: number
  /** Mean cubes of an organisation on the last day. */
  cubesMean: number
  /** Spread of the sizes: sigma of a log-normal distribution. 2.2 puts about 80 % of all cubes into the largest 10 % of organisations. */
  sizeSigma: number
  bytesPerCube: number
}

/** Searches per stored cube and day, mean over all organisations; each has its own factor (log-normal, sigma 1). */
const SEARCHES_PER_CUBE_DAY = 0.05
const SEARCH_SIGMA = 1
/** The busiest hour against the mean of the day. */
const PEAK_FACTOR = 5
/** Database time of a search: a floor for any, and what 100,000 documents cost (test/bench). Of one written cube, within a batch. */
const SEARCH_MS = 2
const SEARCH_MS_AT_100K = 31
const WRITE_MS = 2
const SECONDS_PER_DAY = 86_400
/** Nobody arrives in the last month, so that growth to the final size is not squeezed into a day. */
const LAST_DAYS_WITHOUT_ARRIVALS = 30

export interface Population {
  count: number
  arrivalDay: Float64Array
  /** Cubes on the last day. */
  cubes: Float64Array
  searchFactor: Float64Array
}

export function population({ organisations, seed, days, cubesMean, sizeSigma }: PopulationInit): Population {
  const normal = normals(seed)
  const uniform = uniforms(seed + 1)
  const draw = (each: () => number) => Float64Array.from({ length: organisations }, each)
  return {
    count: organisations,
    arrivalDay: draw(() => uniform() * (days - LAST_DAYS_WITHOUT_ARRIVALS)).sort(),
    cubes: draw(() => logNormal(normal(), cubesMean, sizeSigma)),
    searchFactor: draw(() => logNormal(normal(), 1, SEARCH_SIGMA)),
  }
}

/** What an organisation asks on one day: it grows evenly from its arrival to its final size. */
export function loadOn(
  day: number,
  at: number,
  all: Population,
  { days, bytesPerCube }: PopulationInit,
  surge: number,
): Load {
  const arrival = all.arrivalDay[at] as number
  const final = all.cubes[at] as number
  const cubes = final * Math.min(1, (day - arrival) / (days - arrival))
  const searches = (cubes * SEARCHES_PER_CUBE_DAY * (all.searchFactor[at] as number) * surge) / SECONDS_PER_DAY
  const writes = final / (days - arrival) / SECONDS_PER_DAY
  const searchMs = SEARCH_MS + (SEARCH_MS_AT_100K - SEARCH_MS) * Math.min(1, cubes / 100_000)
  return {
    bytes: cubes * bytesPerCube,
    busyMs: PEAK_FACTOR * (searches * searchMs + writes * WRITE_MS),
    organisations: 1,
  }
}

/** Sizes of a whole fleet without placing it: its largest organisation, and how many exceed a number of cubes. */
export function tail(init: PopulationInit, fleet: number, cubesMax: number): { largest: number; above: number } {
  const normal = normals(init.seed + 2)
  let largest = 0
  let above = 0
  for (let at = 0; at < fleet; at++) {
    const cubes = logNormal(normal(), init.cubesMean, init.sizeSigma)
    if (cubes > largest) largest = cubes
    if (cubes > cubesMax) above += 1
  }
  return { largest, above }
}

const logNormal = (normal: number, mean: number, sigma: number): number =>
  mean * Math.exp(sigma * normal - (sigma * sigma) / 2)

/** Standard normal numbers (Box and Muller 1958). */
function normals(seed: number): () => number {
  const random = uniforms(seed)
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/**
 * Numbers in [0, 1). The generator is linear: close seeds resemble each other, and an extreme number is followed by a related one, which
 * would bend the tail that matters here. So seeds are spread, and outputs mixed (finaliser of MurmurHash3, Austin Appleby).
 */
export function uniforms(seed: number): () => number {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1))
  return () => {
    let bits = random(2 ** 32)
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32
  }
}
