import type { ScheduleStrategy } from '../../../schemas/namespace-settings.ts'
import { COLD, type Heat, heatAfter } from '../../../worker/operation/schedule/heat.ts'
import { STRATEGIES } from '../../../worker/operation/schedule/strategies/choose.ts'

/** One request of a trace and the cubes it used, in order. */
export interface Access {
  atMs: number
  uses: readonly number[]
  /** Likeness of a cube to this request, above 0 where there is any; for the strategy `semantic`. */
  likeness?(cube: number): number
}

export interface Trace {
  accesses: readonly Access[]
  tagsOf(cube: number): readonly string[]
  halfLifeMs: number
}

/** A strategy, or the clairvoyant who drops what is used latest again (Belady, 1966): no strategy with the same places has more hits. */
export type Keeper = ScheduleStrategy | 'optimal'

export interface Replay {
  uses: number
  hits: number
  /** Cubes at hand after the last request. */
  kept: ReadonlySet<number>
}

/**
 * Replays a trace with so many places: a used cube that is not at hand takes the place of the one that the keeper values least. Semantic and
 * label know the request that is being served, not the next one, and label takes the tags of the cube that the request used first.
 */
export function replay(trace: Trace, keeper: Keeper, places: number): Replay {
  const heats = new Map<number, Heat>()
  const kept = new Set<number>()
  const next = nextUses(trace)
  let [uses, hits, at] = [0, 0, 0]
  for (const access of trace.accesses) {
    for (const cube of access.uses) {
      uses += 1
      heats.set(cube, heatAfter(heats.get(cube) ?? COLD, 1, access.atMs, trace.halfLifeMs))
      const worthOf = keeper === 'optimal' ? clairvoyant(next, at) : valueBy(keeper, trace, access, heats)
      at += 1
      if (kept.has(cube)) hits += 1
      else {
        if (kept.size >= places) kept.delete(leastOf(kept, worthOf))
        kept.add(cube)
      }
    }
  }
  return { uses, hits, kept }
}

/** Where in the trace each cube is used, in order. */
function nextUses({ accesses }: Trace): ReadonlyMap<number, number[]> {
  const places = new Map<number, number[]>()
  for (const [at, cube] of accesses.flatMap(({ uses }) => uses).entries())
    places.set(cube, [...(places.get(cube) ?? []), at])
  return places
}

const clairvoyant = (places: ReadonlyMap<number, number[]>, at: number) => (cube: number) =>
  -(places.get(cube)?.find((place) => place > at) ?? Number.POSITIVE_INFINITY)

function valueBy(keeper: ScheduleStrategy, { tagsOf, halfLifeMs }: Trace, access: Access, heats: Map<number, Heat>) {
  const need = { nowMs: access.atMs, halfLifeMs, labels: new Set(tagsOf(access.uses[0] ?? -1)) }
  return (cube: number): number => {
    const candidate = {
      ...(heats.get(cube) ?? COLD),
      seq: cube,
      cubeId: String(cube),
      tags: tagsOf(cube),
      priority: 'mid' as const,
      similarity: access.likeness?.(cube) ?? null,
    }
    return STRATEGIES[keeper].score(candidate, need) ?? Number.NEGATIVE_INFINITY
  }
}

/** The cube of least value; of several, the one that has been at hand the longest. */
function leastOf(kept: ReadonlySet<number>, worthOf: (cube: number) => number): number {
  let least: { cube: number; value: number } | undefined
  for (const cube of kept) {
    const value = worthOf(cube)
    if (least === undefined || value < least.value) least = { cube, value }
  }
  if (least === undefined) throw new RangeError('"places" expected at least 1')
  return least.cube
}
