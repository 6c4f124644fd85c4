import type { BlockChangeRow } from '../../ports/rows.ts'

type Facts = Record<string, unknown>

/** Cubes that a change names. */
export const namedCubes = ({ before, after }: Pick<BlockChangeRow, 'before' | 'after'>): string[] =>
  [before, after].flatMap(({ cubeIds, ranks, target, source }) => [
    ...idsIn(cubeIds),
    ...listOf(ranks).flatMap((rank) => idsIn([(rank as Facts).cubeId])),
    ...idsIn([target, source]),
  ])

/** A change without the cubes that the reader may not see, and without those that are erased. */
export function shownChange(change: BlockChangeRow, seen: ReadonlySet<string>): BlockChangeRow {
  return { ...change, before: shownFacts(change.before, seen), after: shownFacts(change.after, seen) }
}

function shownFacts(facts: Facts, seen: ReadonlySet<string>): Facts {
  const isSeen = (id: unknown): boolean => typeof id === 'string' && seen.has(id)
  return Object.fromEntries(
    Object.entries(facts).flatMap(([key, value]) => {
      if (key === 'cubeIds') return [[key, listOf(value).filter(isSeen)]]
      if (key === 'ranks') return [[key, listOf(value).filter((rank) => isSeen((rank as Facts).cubeId))]]
      return (key === 'target' || key === 'source') && !isSeen(value) ? [] : [[key, value]]
    }),
  )
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const idsIn = (value: unknown): string[] => listOf(value).filter((id) => typeof id === 'string')
