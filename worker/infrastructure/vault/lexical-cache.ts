import { LEXICAL_CACHE_MS, LEXICAL_CACHE_NAMESPACES_MAX, LEXICAL_CACHE_NUMBERS_MAX } from '../../../schemas/limits.ts'
import type { IndexedNamespace, LexicalIndex, LexicalStatistics, PostingList } from '../../ports/lexical.ts'

/** What a kept term costs beside its postings, in numbers of 8 bytes: its text, its place in a map, the arrays of its list. */
const TERM_NUMBERS = 32

/** What was read of one namespace at one version. */
interface Entry {
  id: number
  version: string
  readAtMs: number
  totals: Omit<LexicalStatistics, 'documents'> | null
  documents: Map<string, number>
  lists: Map<string, PostingList>
  numbers: number
}

/** Where and when a request reads. */
export interface Reading {
  /** Name of the database: postings name sessions by row, and a move numbers them anew. */
  place: string
  nowMs: number
}

/**
 * Postings and statistics that were read, by namespace ("local index cache", MemOS paper, section 5.4.1). An entry belongs to one version of the
 * namespace: its counters, which every write that touches postings moves. Each request reads them from the database first, so what it is
 * served was read at or after the state that it saw, whichever process wrote. An entry ends after some minutes, sooner than an organisation can
 * have moved away and back. Permissions are no part of it: documents are read afresh.
 */
export class LexicalCache {
  /** Least recently used first. */
  readonly #entries = new Map<number, Entry>()
  readonly #numbersMax: number
  #numbers = 0

  constructor(numbersMax = LEXICAL_CACHE_NUMBERS_MAX) {
    this.#numbersMax = numbersMax
  }

  /** Numbers held, kept terms included, never more than the bound. */
  get numbers(): number {
    return this.#numbers
  }

  of({ id, nextSeq, nextChange, cubeCount }: IndexedNamespace, { place, nowMs }: Reading): Entry {
    const version = `${place} ${nextSeq}.${nextChange}.${cubeCount}`
    const known = this.#entries.get(id)
    const entry =
      known?.version === version && Math.abs(nowMs - known.readAtMs) < LEXICAL_CACHE_MS
        ? known
        : { id, version, readAtMs: nowMs, totals: null, documents: new Map(), lists: new Map(), numbers: 0 }
    if (known !== undefined) this.#entries.delete(id)
    if (known !== undefined && known !== entry) this.#numbers -= known.numbers
    this.#entries.set(id, entry)
    while (this.#entries.size > LEXICAL_CACHE_NAMESPACES_MAX) this.#forgetOldest()
    return entry
  }

  /** Keeps a list unless it alone is too large; makes room by forgetting the namespaces that rested longest. */
  keep(entry: Entry, key: string, list: PostingList): void {
    const size = TERM_NUMBERS + list.packed.length + list.sessions.length
    if (size > this.#numbersMax / 8 || !this.#holds(entry) || entry.lists.has(key)) return
    entry.lists.set(key, list)
    this.#charge(entry, size)
  }

  /** Keeps in how many documents a term is. Terms that occur nowhere cost as much as others: people ask for any word. */
  keepCount(entry: Entry, term: string, count: number): void {
    if (!this.#holds(entry) || entry.documents.has(term)) return
    entry.documents.set(term, count)
    this.#charge(entry, TERM_NUMBERS)
  }

  #holds(entry: Entry): boolean {
    return this.#entries.get(entry.id) === entry
  }

  #charge(entry: Entry, numbers: number): void {
    entry.numbers += numbers
    this.#numbers += numbers
    while (this.#numbers > this.#numbersMax) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const [oldest] = this.#entries.values()
    if (oldest === undefined) return
    this.#entries.delete(oldest.id)
    this.#numbers -= oldest.numbers
  }
}

/** A lexical index that asks for each posting list once per version of its namespace. */
export function cachedLexicalIndex(index: LexicalIndex, cache: LexicalCache, reading: Reading): LexicalIndex {
  return {
    async statistics(namespace, terms) {
      const entry = cache.of(namespace, reading)
      const unknown = terms.filter((term) => !entry.documents.has(term))
      const found = (fresh?: ReadonlyMap<string, number>) => {
        const counts = terms.map((term) => [term, entry.documents.get(term) ?? fresh?.get(term) ?? 0] as const)
        return new Map(counts.filter(([, count]) => count > 0))
      }
      if (entry.totals !== null && unknown.length === 0) return { ...entry.totals, documents: found() }
      const { documents, ...totals } = await index.statistics(namespace, unknown)
      entry.totals = totals
      for (const term of unknown) cache.keepCount(entry, term, documents.get(term) ?? 0)
      return { ...totals, documents: found(documents) }
    },
    async postings(namespace, terms, options) {
      if (options.among !== undefined) return index.postings(namespace, terms, options)
      const entry = cache.of(namespace, reading)
      const keyOf = (term: string) => `${options.sessions ? 's' : 'd'}${term}`
      const unknown = terms.filter((term) => !entry.lists.has(keyOf(term)))
      const read = unknown.length === 0 ? [] : await index.postings(namespace, unknown, options)
      const fresh = new Map(unknown.map((term, at) => [term, read[at] as PostingList]))
      const lists = terms.map((term) => fresh.get(term) ?? (entry.lists.get(keyOf(term)) as PostingList))
      for (const [term, list] of fresh) cache.keep(entry, keyOf(term), list)
      return lists
    },
    sessionLengths: (namespaceId, ids) => index.sessionLengths(namespaceId, ids),
    bySeq: (namespaceId, seqs, scope) => index.bySeq(namespaceId, seqs, scope),
    atPlaces: (namespaceId, places, scope) => index.atPlaces(namespaceId, places, scope),
    vocabulary: (namespaceId, prefix, limit) => index.vocabulary(namespaceId, prefix, limit),
  }
}
