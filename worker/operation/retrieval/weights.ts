/** All numbers of ranking. One set serves every kind of conversation; a tenant may override single values. */
export interface RetrievalWeights {
  /** BM25 term saturation of turns. */
  k1: number
  /** Mean document length (terms) at which BM25's length normalisation b is one half; see `lengthNormalisation`. */
  bHalfLengthTerms: number
  /** Share of documents above which a query term is left out, unless nothing rarer is in the query. */
  commonTermShare: number
  /** BM25 of whole sessions. */
  sessionK1: number
  sessionB: number
  /** Share of a neighbouring turn's evidence that a turn takes over, for terms that it does not contain itself. */
  neighbourPrevious: number
  neighbourNext: number
  neighbourTwoAway: number
  /** Added to `neighbourPrevious` where that turn is a question: its answer rarely repeats its words. Not used in assistant chats. */
  answer: number
  /** The best session adds this share of the best turn score to each of its turns. */
  session: number
  /** Factors on a document; 1 switches one off. */
  speaker: number
  userRole: number
  when: number
  question: number
  firstPerson: number
  /** A document of the current session is multiplied by 1 + recency; the addition falls to 1/e after `recencySessions` sessions. */
  recency: number
  recencySessions: number
  /**
   * The best cosine among the candidates counts as this share of the best lexical score, the worst as 0, where vectors tell what words do not; as
   * they repeat the words, less (`sayOfVectors`). The default is as much as models that are worse than words may have without doing harm (topic
   * `embedder` of test/bench, test/bench/embedder-quality.ts); a good model earns a namespace more.
   */
  vector: number
  /** Where the graph of entities is walked: the cube that the walk reaches best gets this share of the best lexical score. */
  graph: number
  /** A document of usefulness 1 is multiplied by 1 + usefulness, one of -1 by 1 - usefulness; without feedback nothing changes. */
  usefulness: number
}

export const DEFAULT_WEIGHTS: RetrievalWeights = {
  k1: 1.2,
  bHalfLengthTerms: 40,
  commonTermShare: 0.2,
  sessionK1: 1.2,
  sessionB: 0.75,
  neighbourPrevious: 0.2,
  neighbourNext: 0.2,
  neighbourTwoAway: 0.2,
  answer: 0.5,
  session: 0.8,
  speaker: 1.4,
  userRole: 1.5,
  when: 1.3,
  question: 0.9,
  firstPerson: 1.1,
  recency: 0.8,
  recencySessions: 20,
  vector: 0.8,
  graph: 0.15,
  usefulness: 0.3,
}

const B_MIN = 0.2
const B_MAX = 0.75

/**
 * BM25's b for a namespace with this mean document length in terms. Short chat turns differ in length by chance, so length should hardly count;
 * among long assistant messages a long one matches more by size alone.
 */
export function lengthNormalisation(meanLengthTerms: number, weights: RetrievalWeights): number {
  const b = meanLengthTerms / (meanLengthTerms + weights.bHalfLengthTerms)
  return Math.min(B_MAX, Math.max(B_MIN, b))
}
