import {
  SPELLING_SUGGESTIONS_PER_TERM_MAX,
  SPELLING_TERMS_MAX,
  SPELLING_VOCABULARY_MAX,
} from '../../../schemas/limits.ts'

/** Cosine from which two words count as spellings of one: one wrong letter within a word of five reaches it (2 of 5 trigrams), a shared ending does not. */
export const SPELLING_COSINE_MIN = 0.39

const BUCKETS = 1024
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const SHORTEST_WORD_CHARS = 3

export interface Suggestion {
  /** The query term that the index does not have. */
  term: string
  /** A term that it has. */
  suggestion: string
  /** Cosine of their hashed trigrams, 0..1. */
  cosine: number
}

/**
 * Nearest vocabulary terms of query terms that no document contains, best first. Meant only for a query of which nothing is found: among matching
 * words such guesses lower the quality of the ranking.
 */
export function suggestTerms(
  unknown: readonly string[],
  vocabulary: readonly string[],
  cosineMin = SPELLING_COSINE_MIN,
): Suggestion[] {
  const wanted = unknown.filter((term) => term.length >= SHORTEST_WORD_CHARS).slice(0, SPELLING_TERMS_MAX)
  if (wanted.length === 0) return []
  const grams = wanted.map((term) => ({ term, vector: trigramVector(term), near: [] as Suggestion[] }))
  for (const suggestion of vocabulary.slice(0, SPELLING_VOCABULARY_MAX)) {
    if (suggestion.length < SHORTEST_WORD_CHARS) continue
    const vector = trigramVector(suggestion)
    for (const entry of grams) {
      const value = cosine(entry.vector, vector)
      if (value >= cosineMin && suggestion !== entry.term)
        entry.near.push({ term: entry.term, suggestion, cosine: value })
    }
  }
  return grams.flatMap(({ near }) =>
    near
      .sort((a, b) => b.cosine - a.cosine || (a.suggestion < b.suggestion ? -1 : 1))
      .slice(0, SPELLING_SUGGESTIONS_PER_TERM_MAX),
  )
}

/** Hashed character trigrams of `^word$` as sparse counts: bucket -> count. */
export function trigramVector(word: string): Map<number, number> {
  const characters = ['^', ...word, '$']
  const vector = new Map<number, number>()
  for (let i = 0; i + 2 < characters.length; i++) {
    const bucket = hash(`${characters[i]}${characters[i + 1]}${characters[i + 2]}`) % BUCKETS
    vector.set(bucket, (vector.get(bucket) ?? 0) + 1)
  }
  return vector
}

/** FNV-1a over UTF-16 code units, unsigned 32 bits. */
function hash(text: string): number {
  let value = FNV_OFFSET
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), FNV_PRIME) >>> 0
  return value
}

function cosine(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number {
  let dot = 0
  for (const [bucket, count] of a) dot += count * (b.get(bucket) ?? 0)
  return dot === 0 ? 0 : dot / (norm(a) * norm(b))
}

function norm(vector: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const count of vector.values()) sum += count * count
  return Math.sqrt(sum)
}
