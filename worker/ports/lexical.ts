import type { Filter } from '../../schemas/filter.ts'
import type { View } from './time-machine.ts'

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

/** Valid time that cubes must reach into: beyond `endsAfterMs`, and not begin after `beginsByMs`. */
export interface Validity {
  endsAfterMs: number
  beginsByMs: number | null
}

/** What of a namespace a search looks at, besides permissions. */
export interface SearchScope {
  filter: Filter | null
  includeArchived: boolean
  /** When in the world a cube must hold; absent: whenever. */
  validity?: Validity | undefined
  /** The point to look at; absent: now. Only cubes whose current revision is the one of then are looked at. */
  view?: View
}

/**
 * Postings of one term: each number is `(seq * 64 + min(frequency, 63)) * 1024 + min(length, 1023)`, exact in a double up to 2^37 cubes.
 * A longer document or a more frequent term weighs the same as at the cap, within a percent.
 */
export interface PostingList {
  packed: readonly number[]
  /** Session row of each posting, null outside of one; empty when sessions were not asked for. */
  sessions: readonly (number | null)[]
}

export const POSTING_LENGTH_BASE = 1024
export const POSTING_FREQUENCY_BASE = 64

/** What ranking knows of a document besides its words. */
export interface LexicalDocument {
  seq: number
  sessionId: number | null
  position: number | null
  /** Order of its session among the sessions of the namespace. */
  ordinal: number | null
  features: number
  speaker: string | null
  role: string | null
  /** -1..1, what feedback says of it. */
  usefulness: number
}

/** A namespace with its counters: together they change with every write that touches its postings. */
export interface IndexedNamespace {
  id: number
  nextSeq: number
  nextChange: number
  cubeCount: number
  /** Whether only some of its cubes are open to the caller, one by one; then nothing but these is counted. */
  part?: boolean
}

/** Reads the inverted index with the permissions of one principal. */
export interface LexicalIndex {
  statistics(namespace: IndexedNamespace, terms: readonly string[]): Promise<LexicalStatistics>
  /** Postings of each term in the order asked; of the documents `among` only, where given. */
  postings(
    namespace: IndexedNamespace,
    terms: readonly string[],
    options: { sessions: boolean; among?: readonly number[] },
  ): Promise<PostingList[]>
  /** Lengths in terms of sessions by row. */
  sessionLengths(namespaceId: number, ids: readonly number[]): Promise<ReadonlyMap<number, number>>
  /** Documents by sequence number; those that may not be seen or lie outside of the scope are absent. */
  bySeq(namespaceId: number, seqs: readonly number[], scope: SearchScope): Promise<LexicalDocument[]>
  /** Documents at places of conversations (session row, position), likewise. */
  atPlaces(
    namespaceId: number,
    places: readonly { sessionId: number; position: number }[],
    scope: SearchScope,
  ): Promise<LexicalDocument[]>
  /** Terms of the namespace that begin with `prefix`, at most `limit`. */
  vocabulary(namespaceId: number, prefix: string, limit: number): Promise<string[]>
}
