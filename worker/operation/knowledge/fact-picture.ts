import type { FactRow } from '../../ports/rows.ts'
import { ANY_STANCE } from './predicates.ts'

/** What of a fact decides how long it holds. */
export type TimedFact = Pick<FactRow, 'id' | 'stance' | 'validFromMs' | 'statedToMs'>

export interface Picture {
  /** End of each fact and the one that ended it, by id. */
  ends: ReadonlyMap<string, { validToMs: number | null; supersededBy: string | null }>
  /** Pairs that claim different things from the same moment on, the smaller id first. */
  contradictions: readonly (readonly [string, string])[]
}

/** Stances that one moment may claim before the further ones are no longer compared. */
const STANCES_AT_ONCE_MAX = 8

/** Whether a statement only says that something has ended: it holds for no time itself. */
const isEnd = ({ validFromMs, statedToMs }: TimedFact): boolean => statedToMs === validFromMs

/** Whether `later` ends what `earlier` says. */
export const ends = (later: TimedFact, earlier: TimedFact): boolean =>
  isEnd(later)
    ? !isEnd(earlier) && (later.stance === ANY_STANCE || later.stance === earlier.stance)
    : !isEnd(earlier) && later.stance !== earlier.stance

/**
 * How long each fact of one subject and slot holds: until the first later moment at which another one ends it, or until the end that it
 * names itself. It follows from the statements alone, so the order in which they arrived does not matter. `isUndone` names pairs that a
 * caller has taken apart.
 */
export function pictureOf(
  facts: readonly TimedFact[],
  isUndone: (laterId: string, earlierId: string) => boolean = () => false,
): Picture {
  const ordered = facts.toSorted((a, b) => a.validFromMs - b.validFromMs || (a.id < b.id ? -1 : 1))
  const found = new Map<string, { validToMs: number | null; supersededBy: string | null }>()
  for (const [at, fact] of ordered.entries()) {
    const next = ordered.find(
      (later, place) =>
        place > at && later.validFromMs > fact.validFromMs && ends(later, fact) && !isUndone(later.id, fact.id),
    )
    const isEnded = next !== undefined && next.validFromMs < (fact.statedToMs ?? Number.POSITIVE_INFINITY)
    found.set(fact.id, {
      validToMs: isEnded ? next.validFromMs : fact.statedToMs,
      supersededBy: isEnded ? next.id : null,
    })
  }
  return { ends: found, contradictions: contradictionsOf(ordered) }
}

/** At one moment each stance is stood for by its first fact: that others say the same adds nothing. */
function contradictionsOf(ordered: readonly TimedFact[]): [string, string][] {
  const claims = ordered.filter((fact) => !isEnd(fact))
  return [...Map.groupBy(claims, ({ validFromMs }) => validFromMs).values()].flatMap((together) => {
    const firsts = [...Map.groupBy(together, ({ stance }) => stance).values()]
      .map(([first]) => first?.id ?? '')
      .sort()
      .slice(0, STANCES_AT_ONCE_MAX)
    return firsts.flatMap((one, at) => firsts.slice(at + 1).map((other): [string, string] => [one, other]))
  })
}
