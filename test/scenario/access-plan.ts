import type { Route } from '../../schemas/route.ts'
import { ROUTES, type RouteName } from '../../schemas/routes/all.ts'
import type { AccessWorld, Draw, Reader } from './access-world.ts'
import { type Harvest, type Probe, probesOf, UNTARGETED } from './route-probes.ts'

/** A reader with the world that it belongs to. */
export interface Asking {
  world: AccessWorld
  reader: Reader
}

/** Every kind of reader, in both worlds or, where requests are slow, in one of them by turns. */
export function askingOf(worlds: readonly AccessWorld[], isWhole: boolean, shift: number): Asking[] {
  return worlds.flatMap((world, side) =>
    world.readers
      .filter((_, at) => isWhole || (at + side + shift) % worlds.length === 0)
      .map((reader) => ({ world, reader })),
  )
}

/** The list in an order of the draw. */
export function shuffled<T>(list: readonly T[], draw: Draw): T[] {
  const rest = [...list]
  return list.map(() => {
    const one = draw(rest)
    rest.splice(rest.indexOf(one), 1)
    return one
  })
}

/**
 * Deals out probes so that each reader meets each operation and each probe of an operation meets a reader: per operation the probes lie in one
 * drawn order, and every reader goes on where the one before stopped. Which reader meets which probe is the draw's.
 */
export class ProbePlan {
  readonly #decks = new Map<string, { probes: readonly Probe[]; at: number }>()
  /** `READER OPERATION` of every pair that was dealt. */
  readonly dealt = new Set<string>()
  readonly operations: readonly RouteName[]

  constructor(
    worlds: readonly AccessWorld[],
    harvests: readonly Harvest[],
    wanted: (route: Route) => boolean,
    draw: Draw,
  ) {
    const routes = (Object.entries(ROUTES) as [RouteName, Route][]).filter(
      ([name, route]) => !UNTARGETED.has(name) && wanted(route),
    )
    this.operations = routes.map(([name]) => name)
    for (const [name, route] of routes)
      for (const [from, world] of worlds.entries())
        for (const [to, target] of worlds.entries()) {
          const [own, there] = [harvests[from] as Harvest, harvests[to] as Harvest]
          const probes = [...probesOf(name, route, world, target, there, own)]
          this.#decks.set(deckName(world, name, from !== to), { probes: shuffled(probes, draw), at: 0 })
        }
  }

  /** The next probes of one operation for a reader that are of its concern, of its own organisation or of the other one. */
  deal(
    { world, reader }: Asking,
    name: RouteName,
    {
      isForeign,
      max,
      concerns = () => true,
    }: { isForeign: boolean; max: number; concerns?: (probe: Probe) => boolean },
  ): Probe[] {
    const deck = this.#decks.get(deckName(world, name, isForeign))
    if (deck === undefined || max === 0) return []
    const { probes, at } = deck
    const dealt: Probe[] = []
    for (let step = 0; step < probes.length && dealt.length < max; step++) {
      const probe = probes[(at + step) % probes.length] as Probe
      if (!concerns(probe)) continue
      dealt.push(probe)
      deck.at = at + step + 1
    }
    if (dealt.length > 0) this.dealt.add(`${reader.title} ${name}`)
    return dealt
  }
}

const deckName = ({ id }: AccessWorld, name: string, isForeign: boolean): string => `${id} ${name} ${isForeign}`
