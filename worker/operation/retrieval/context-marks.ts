/** What an entry states of one subject and predicate. */
export interface EntryFact {
  /** Subject and slot, with the namespace: entries that share one speak of the same thing. */
  about: string
  validFromMs: number
  /** Cube of the statement that has ended this one by now; null while it holds. */
  supersededBy: string | null
}

/** An entry of a pack as far as marks are concerned; entries stand in order of time. */
export interface MarkedEntry {
  cubeId: string
  date: string | null
  /** Place by how well it answers; 0 is the best. */
  rank: number
  facts?: readonly EntryFact[]
}

const NEWEST = ' (newest)'
/** The longest mark, for reserving room. */
export const FACT_MARK_LONGEST = ' (partly superseded by [200])'
export const NEWEST_MARK = NEWEST

/**
 * Of so many best entries, the newest is what answers the question now. Measured on the questions about updates of LifeBench and RealMem
 * (test/bench/topics/updates.ts): fewer miss the newest statement, more mark what is not about the question.
 */
const BEST_MAX = 4

/**
 * The mark of each entry, or ''. A statement that a later one ended is marked with the entry that ended it, and of each thing that several
 * entries state the last one is marked as the newest. Of the entries of which nothing is known, the newest of the best ones is marked, and the
 * last of all.
 */
export function marksOf(entries: readonly MarkedEntry[]): string[] {
  const byFacts = factMarks(entries)
  const plain = entries.filter(({ facts = [] }) => facts.length === 0)
  const best = plain.toSorted((a, b) => a.rank - b.rank).slice(0, BEST_MAX)
  const dated = plain.filter(({ date }) => date !== null)
  const hasDates = dated.some(({ date }) => date !== dated[0]?.date)
  const newest = new Set(hasDates ? [dated.findLast((entry) => best.includes(entry)), dated.at(-1)] : [])
  return entries.map((entry, at) => byFacts[at] || (newest.has(entry) ? NEWEST : ''))
}

function factMarks(entries: readonly MarkedEntry[]): string[] {
  const labels = new Map(entries.map(({ cubeId }, at) => [cubeId, at + 1]))
  const stated = entries.flatMap(({ facts = [] }, at) => facts.map((fact) => ({ ...fact, at })))
  const current = new Map<string, { at: number; validFromMs: number }>()
  for (const { about, at, validFromMs, supersededBy } of stated)
    if (supersededBy === null && validFromMs >= (current.get(about)?.validFromMs ?? Number.NEGATIVE_INFINITY))
      current.set(about, { at, validFromMs })
  const isTold = (about: string) => new Set(stated.filter((fact) => fact.about === about).map(({ at }) => at)).size > 1
  return entries.map(({ facts = [] }, at) => {
    const over = facts.filter(({ supersededBy }) => supersededBy !== null)
    if (over.length > 0) return overMark(over, over.length < facts.length, labels, current)
    return facts.some(({ about }) => current.get(about)?.at === at && isTold(about)) ? NEWEST : ''
  })
}

/** Names the entry with the statement that holds now, or else the one that ended this. */
function overMark(
  over: readonly EntryFact[],
  isPartly: boolean,
  labels: ReadonlyMap<string, number>,
  current: ReadonlyMap<string, { at: number }>,
): string {
  const by = over
    .map(({ about, supersededBy }) => {
      const at = current.get(about)?.at
      return at === undefined ? labels.get(supersededBy ?? '') : at + 1
    })
    .find((label) => label !== undefined)
  return ` (${isPartly ? 'partly ' : ''}superseded${by === undefined ? '' : ` by [${by}]`})`
}
