import { termCounts, termsOfWord, words } from './analyse.ts'
import { featuresOf } from './features.ts'
import { searchHeader } from './header.ts'
import { isStopword } from './stopwords.ts'

export interface DocumentSource {
  /** Text to be found; captions of its images belong to it. */
  text: string
  speaker: string | null
  /** Chat role of the author; null where no assistant takes part. */
  role: string | null
  /** ISO 8601 date or date-time, null if unknown. */
  date: string | null
}

export interface DocumentIndex {
  /** Term -> occurrences: one posting row each. */
  terms: Map<string, number>
  /** All terms of header and text with repeats, stop words included: the document length of BM25. */
  length: number
  /** FEATURE bits. */
  features: number
}

/**
 * What the index keeps of a document. Stop words make no posting, which saves a quarter to a third of all rows and changes no ranking, since queries
 * leave them out. A text of stop words only ("Who are you?") keeps them, so that it stays findable.
 */
export function indexDocument({ text, speaker, role, date }: DocumentSource): DocumentIndex {
  const header = topicalTerms(words(searchHeader({ speaker, date, text })))
  const body = topicalTerms(words(text))
  const indexed = body.topical.length > 0 ? body.topical : body.all
  return {
    terms: termCounts([...header.all, ...indexed]),
    length: header.all.length + body.all.length,
    features: featuresOf({ text, role }),
  }
}

/** All index terms of words in order, and those of them that are no stop words. */
export function topicalTerms(textWords: readonly string[]): { all: string[]; topical: string[] } {
  const all: string[] = []
  const topical: string[] = []
  for (const word of textWords) {
    for (const term of termsOfWord(word)) {
      all.push(term)
      if (!isStopword(word, term)) topical.push(term)
    }
  }
  return { all, topical }
}
