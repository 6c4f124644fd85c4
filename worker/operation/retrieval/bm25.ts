import {
  type LexicalStatistics,
  POSTING_FREQUENCY_BASE,
  POSTING_LENGTH_BASE,
  type PostingList,
} from '../../ports/lexical.ts'
import { idf, type PlannedTerm } from './plan.ts'
import { lengthNormalisation, type RetrievalWeights } from './weights.ts'

/** Sequence numbers this close together are scored in flat arrays; farther apart in a map. */
const FLAT_RANGE_MAX = 2_000_000

export interface ScoredDocument {
  seq: number
  bm25: number
  /** Sum of the bits of the terms that it holds. */
  matched: number
}

/**
 * BM25 of documents (Robertson and Zaragoza 2009): sum over terms of `idf * f (k1 + 1) / (f + k1 (1 - b + b length / averageLength))`, with the
 * statistics of one namespace.
 */
export function scoreDocuments(
  plan: readonly PlannedTerm[],
  lists: readonly PostingList[],
  statistics: LexicalStatistics,
  weights: RetrievalWeights,
): Scores {
  const { k1 } = weights
  const b = lengthNormalisation(statistics.averageLength, weights)
  const base = k1 * (1 - b)
  const perTerm = (k1 * b) / statistics.averageLength
  const sums = accumulator(lists)
  lists.forEach(({ packed }, i) => {
    const { idf: weight = 0, bit = 0 } = plan[i] ?? {}
    const top = weight * (k1 + 1)
    for (const posting of packed) {
      const length = posting % POSTING_LENGTH_BASE
      const rest = (posting - length) / POSTING_LENGTH_BASE
      const frequency = rest % POSTING_FREQUENCY_BASE
      sums.add(
        (rest - frequency) / POSTING_FREQUENCY_BASE,
        (top * frequency) / (frequency + base + perTerm * length),
        bit,
      )
    }
  })
  return sums
}

/** Scores of all documents that hold a term. */
export interface Scores {
  add(seq: number, score: number, bit: number): void
  /** The best documents, at most `count`; ties go to the newer one. */
  top(count: number): ScoredDocument[]
  readonly size: number
}

function accumulator(lists: readonly PostingList[]): Scores {
  let low = Number.POSITIVE_INFINITY
  let high = 0
  const seqOf = (posting: number) => Math.floor(posting / (POSTING_LENGTH_BASE * POSTING_FREQUENCY_BASE))
  for (const { packed } of lists) {
    // Postings of a term come in order of their documents.
    if (packed.length === 0) continue
    low = Math.min(low, seqOf(packed[0] as number))
    high = Math.max(high, seqOf(packed.at(-1) as number))
  }
  return high - low < FLAT_RANGE_MAX ? flat(low, Math.max(0, high - low + 1)) : mapped()
}

const best = (documents: ScoredDocument[], count: number): ScoredDocument[] =>
  documents.sort((a, b) => b.bm25 - a.bm25 || b.seq - a.seq).slice(0, count)

function flat(low: number, size: number): Scores {
  const scores = new Float64Array(size)
  const masks = new Float64Array(size)
  const touched: number[] = []
  return {
    add(seq, score, bit) {
      const at = seq - low
      if (scores[at] === 0) touched.push(at)
      scores[at] = (scores[at] as number) + score
      masks[at] = (masks[at] as number) + bit
    },
    top(count) {
      const bar = barFor(touched, scores, count)
      const chosen: ScoredDocument[] = []
      for (const at of touched) {
        const bm25 = scores[at] as number
        if (bm25 >= bar) chosen.push({ seq: at + low, bm25, matched: masks[at] as number })
      }
      return best(chosen, count)
    },
    get size() {
      return touched.length
    },
  }
}

const BARS = 1024

/** A score that at least `count` documents reach, and few more: found by counting instead of sorting. */
function barFor(touched: readonly number[], scores: Float64Array, count: number): number {
  if (touched.length <= count) return 0
  let highest = 0
  for (const at of touched) highest = Math.max(highest, scores[at] as number)
  const perScore = (BARS - 1) / highest
  const counts = new Uint32Array(BARS)
  for (const at of touched) {
    const bar = Math.floor((scores[at] as number) * perScore)
    counts[bar] = (counts[bar] as number) + 1
  }
  let bar = BARS
  for (let reached = 0; bar > 0 && reached < count; ) {
    bar -= 1
    reached += counts[bar] as number
  }
  // A hair lower than the bar: rounding must not shut out who stands on it.
  return (bar - 0.001) / perScore
}

function mapped(): Scores {
  const found = new Map<number, ScoredDocument>()
  return {
    add(seq, score, bit) {
      const known = found.get(seq)
      if (known === undefined) found.set(seq, { seq, bm25: score, matched: bit })
      else {
        known.bm25 += score
        known.matched += bit
      }
    },
    top: (count) => best([...found.values()], count),
    get size() {
      return found.size
    },
  }
}

/** Occurrences of each term in each session: `frequencies[i].get(session)`. */
export function sessionFrequencies(lists: readonly PostingList[]): Map<number, number>[] {
  return lists.map(({ packed, sessions }) => {
    const counts = new Map<number, number>()
    packed.forEach((posting, at) => {
      const session = sessions[at]
      if (session === null || session === undefined) return
      const frequency = Math.floor(posting / POSTING_LENGTH_BASE) % POSTING_FREQUENCY_BASE
      counts.set(session, (counts.get(session) ?? 0) + frequency)
    })
    return counts
  })
}

/** BM25 of sessions, each taken as one document made of its turns. */
export function scoreSessions(
  frequencies: readonly ReadonlyMap<number, number>[],
  lengths: ReadonlyMap<number, number>,
  { sessions, averageSessionLength }: LexicalStatistics,
  { sessionK1, sessionB }: RetrievalWeights,
): Map<number, number> {
  const scores = new Map<number, number>()
  for (const counts of frequencies) {
    const weight = idf(sessions, counts.size) * (sessionK1 + 1)
    for (const [session, frequency] of counts) {
      const length = lengths.get(session) ?? averageSessionLength
      const saturation = frequency + sessionK1 * (1 - sessionB + (sessionB * length) / averageSessionLength)
      scores.set(session, (scores.get(session) ?? 0) + (weight * frequency) / saturation)
    }
  }
  return scores
}
