import { NEIGHBOUR_KEYS_MAX } from '../../../schemas/limits.ts'
import type { PlannedTerm } from './plan.ts'

const OFFSETS = [1, -1, 2, -2] as const

/** Score of each matched query term of one document: index of the term in the plan -> score. */
export type TermScores = ReadonlyMap<number, number>

/**
 * Splits a document's BM25 over the terms it matched, in proportion to their idf. The database then has to hand over one number and one mask per
 * document instead of one row per term; ranking by the split and by the true parts is the same within a tenth of a point.
 */
export function termScores(
  { bm25, matched }: { bm25: number; matched: number },
  terms: readonly PlannedTerm[],
): TermScores {
  const scores = new Map<number, number>()
  if (matched === 0) return scores
  let mass = 0
  terms.forEach(({ bit, idf }, i) => {
    if (bit === 0 || Math.floor(matched / bit) % 2 === 0) return
    mass += idf
    scores.set(i, idf)
  })
  if (mass > 0) for (const [i, idf] of scores) scores.set(i, (bm25 * idf) / mass)
  return scores
}

/** What a turn takes over from its neighbours: of each term, what they have beyond its own score. A word repeated by both speakers counts once. */
export function neighbourGain(own: TermScores, neighbours: readonly { scores: TermScores; share: number }[]): number {
  let gain = 0
  for (const { scores, share } of neighbours) {
    for (const [term, score] of scores) gain += share * Math.max(0, score - (own.get(term) ?? 0))
  }
  return gain
}

export interface TurnKey {
  session: string
  pos: number
}

/**
 * Places next to the strongest candidates that are not candidates themselves, for the caller to fetch and add with bm25 0. A turn without one word of
 * the query is often the answer to the turn that has them all.
 */
export function neighbourKeys(
  candidates: readonly (TurnKey & { bm25: number })[],
  limit = NEIGHBOUR_KEYS_MAX,
): TurnKey[] {
  const keyOf = ({ session, pos }: TurnKey): string => `${pos} ${session}`
  const seen = new Set(candidates.map(keyOf))
  const keys: TurnKey[] = []
  for (const { session, pos } of candidates.toSorted((a, b) => b.bm25 - a.bm25)) {
    for (const offset of OFFSETS) {
      if (keys.length >= limit) return keys
      const key = { session, pos: pos + offset }
      if (key.pos < 0 || seen.has(keyOf(key))) continue
      seen.add(keyOf(key))
      keys.push(key)
    }
  }
  return keys
}
