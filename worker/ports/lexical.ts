import type { Filter } from '../../schemas/filter.ts'

/** What BM25 needs to know of a namespace. */
export interface LexicalStatistics {
  cubes: number
  averageLength: number
  sessions: number
  averageSessionLength: number
  /** Order number of the newest session. */
  lastOrdinal: number
  /** Names of the speakers, lower case; empty when there are more than a query could mean. */
  speakers: readonly string[]
  /** Whether an assistant takes part: then turns have roles. */
  hasRoles: boolean
  /** Documents per asked term; a term without an entry occurs nowhere. */
  documents: ReadonlyMap<string, number>
}

/** A term to look up; `bit` is its place in a document's mask of matched terms. */
export type WeightedTerm = readonly [term: string, idf: number, bit: number]

/** What of a namespace a search looks at, besides permissions. */
export interface SearchScope {
  filter: Filter | null
  includeArchived: boolean
}

export interface LexicalQuery {
  namespaceId: number
  /** Terms whose postings are read. */
  terms: readonly WeightedTerm[]
  /** Commoner terms: they add to the score of what `terms` found, and find nothing themselves. */
  commonTerms: readonly WeightedTerm[]
  k1: number
  b: number
  sessionK1: number
  sessionB: number
  statistics: LexicalStatistics
  sessionWeighted: boolean
  scope: SearchScope
  limit: number
  /** Visible documents below which the search is repeated with permissions ahead of the cut. */
  resultsMin: number
}

export interface LexicalDocument {
  seq: number
  bm25: number
  /** Sum of the bits of the terms that it holds. */
  matched: number
  sessionId: number | null
  position: number | null
  ordinal: number | null
  features: number
  speaker: string | null
  role: string | null
}

export interface LexicalCandidates {
  documents: LexicalDocument[]
  /** BM25 of whole sessions, by session row. */
  sessions: ReadonlyMap<number, number>
}

/** Reads the inverted index with the permissions of one principal. */
export interface LexicalIndex {
  statistics(namespaceId: number, terms: readonly string[]): Promise<LexicalStatistics>
  candidates(query: LexicalQuery): Promise<LexicalCandidates>
  /** Documents at places of conversations (session row, position), with bm25 0; those that may not be seen are absent. */
  atPlaces(
    namespaceId: number,
    places: readonly { sessionId: number; position: number }[],
    scope: SearchScope,
  ): Promise<LexicalDocument[]>
  /** Documents by sequence number, with bm25 0. */
  bySeq(namespaceId: number, seqs: readonly number[], scope: SearchScope): Promise<LexicalDocument[]>
  /** Terms of the namespace that begin with `prefix`, at most `limit`. */
  vocabulary(namespaceId: number, prefix: string, limit: number): Promise<string[]>
}
