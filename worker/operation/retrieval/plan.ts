import { MASK_TERMS_MAX, SEARCH_POSTINGS_MAX } from '../../../schemas/limits.ts'
import type { RetrievalWeights } from './weights.ts'

/** A query this short keeps its common terms. */
const TERMS_ALWAYS_KEPT = 3

export interface PlannedTerm {
  term: string
  /** ln(1 + (N - n + 0.5) / (n + 0.5)); N and n of this namespace. */
  idf: number
  /** True: its postings are read and name candidates. False: it only scores candidates that a rarer term has named. */
  finds: boolean
  /** Value of its bit in the mask of matched terms; 0 from the 53rd term on. */
  bit: number
}

export interface PlanInput {
  terms: readonly string[]
  /** Term -> number of documents of the namespace that contain it; absent means none. */
  frequencies: ReadonlyMap<string, number>
  /** Number of indexed documents of the namespace. */
  documents: number
  weights: RetrievalWeights
  /** Postings that may be read. The rarest term is read whatever it costs. */
  postingsMax?: number
}

/** Inverse document frequency of BM25 (Robertson and Zaragoza 2009, section 3.5), never negative. */
export const idf = (documents: number, frequency: number): number =>
  Math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))

/**
 * Which terms a query looks up, rarest first. Terms without a document are left out; so are terms of more than `commonTermShare` of all documents,
 * unless the query is short or has nothing rarer: they cost most of the reading and decide nothing.
 */
export function planTerms({
  terms,
  frequencies,
  documents,
  weights,
  postingsMax = SEARCH_POSTINGS_MAX,
}: PlanInput): PlannedTerm[] {
  const known = terms
    .map((term) => ({ term, frequency: frequencies.get(term) ?? 0 }))
    .filter(({ frequency }) => frequency > 0)
    .sort((a, b) => a.frequency - b.frequency)
  const rare = known.filter(({ frequency }) => frequency <= weights.commonTermShare * documents)
  const kept = terms.length > TERMS_ALWAYS_KEPT && rare.length > 0 ? rare : known
  let read = 0
  return kept.map(({ term, frequency }, i) => {
    read += frequency
    return {
      term,
      idf: idf(documents, frequency),
      finds: i === 0 || read <= postingsMax,
      bit: i < MASK_TERMS_MAX ? 2 ** i : 0,
    }
  })
}
