import {
  type IndexedNamespace,
  type LexicalDocument,
  type LexicalIndex,
  type LexicalStatistics,
  POSTING_FREQUENCY_BASE,
  POSTING_LENGTH_BASE,
  type PostingList,
  type SearchScope,
} from '../../ports/lexical.ts'
import type { IndexedText } from '../../ports/vault-write.ts'

/** A document that is not in the stored index, analysed in memory. */
export interface OverlayDocument extends LexicalDocument {
  text: IndexedText
}

/** Packed as the database packs a posting (ports/lexical.ts). */
const packed = (seq: number, frequency: number, length: number): number =>
  (seq * POSTING_FREQUENCY_BASE + Math.min(frequency, POSTING_FREQUENCY_BASE - 1)) * POSTING_LENGTH_BASE +
  Math.min(length, POSTING_LENGTH_BASE - 1)

/** A stored index with further documents laid over it. They have been checked against permissions, filter and state before. */
export class OverlayLexical implements LexicalIndex {
  readonly #base: LexicalIndex
  readonly #documents: readonly OverlayDocument[]
  readonly #bySeq: ReadonlyMap<number, OverlayDocument>
  readonly #byTerm = new Map<string, [document: OverlayDocument, frequency: number][]>()

  constructor(base: LexicalIndex, documents: readonly OverlayDocument[]) {
    this.#base = base
    this.#documents = documents.toSorted((a, b) => a.seq - b.seq)
    this.#bySeq = new Map(documents.map((document) => [document.seq, document]))
    for (const document of this.#documents)
      for (const [term, frequency] of document.text.terms)
        this.#byTerm.set(term, [...(this.#byTerm.get(term) ?? []), [document, frequency]])
  }

  async statistics(namespace: IndexedNamespace, terms: readonly string[]): Promise<LexicalStatistics> {
    const base = await this.#base.statistics(namespace, terms)
    const added = this.#documents.reduce((sum, { text }) => sum + text.length, 0)
    const cubes = base.cubes + this.#documents.length
    const documents = new Map(base.documents)
    for (const term of terms) {
      const count = (documents.get(term) ?? 0) + (this.#byTerm.get(term)?.length ?? 0)
      if (count > 0) documents.set(term, count)
    }
    const speakers = this.#documents.flatMap(({ speaker }) => speaker?.toLowerCase() ?? [])
    const inSessions = this.#documents.filter(({ sessionId }) => sessionId !== null)
    const sessionTerms = inSessions.reduce((sum, { text }) => sum + text.length, 0)
    return {
      cubes,
      averageLength: Math.max(1, (base.averageLength * base.cubes + added) / Math.max(1, cubes)),
      sessions: Math.max(base.sessions, new Set(inSessions.map(({ sessionId }) => sessionId)).size),
      averageSessionLength: base.averageSessionLength + sessionTerms / Math.max(1, base.sessions),
      lastOrdinal: Math.max(base.lastOrdinal, ...this.#documents.map(({ ordinal }) => ordinal ?? 0)),
      speakers: [...new Set([...base.speakers, ...speakers])].sort(),
      hasRoles: base.hasRoles || this.#documents.some(({ role }) => role === 'assistant'),
      documents,
    }
  }

  async postings(
    namespace: IndexedNamespace,
    terms: readonly string[],
    options: { sessions: boolean; among?: readonly number[] },
  ): Promise<PostingList[]> {
    const lists = await this.#base.postings(namespace, terms, options)
    const among = options.among === undefined ? null : new Set(options.among)
    return lists.map((list, at) => {
      const further = (this.#byTerm.get(terms[at] ?? '') ?? []).filter(([{ seq }]) => among?.has(seq) ?? true)
      return further.length === 0 ? list : merged(list, further)
    })
  }

  async sessionLengths(namespaceId: number, ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const lengths = new Map(await this.#base.sessionLengths(namespaceId, ids))
    const asked = new Set(ids)
    for (const { sessionId, text } of this.#documents)
      if (sessionId !== null && asked.has(sessionId))
        lengths.set(sessionId, (lengths.get(sessionId) ?? 0) + text.length)
    return lengths
  }

  async bySeq(namespaceId: number, seqs: readonly number[], scope: SearchScope): Promise<LexicalDocument[]> {
    const stored = seqs.filter((seq) => !this.#bySeq.has(seq))
    const own = seqs.flatMap((seq) => this.#bySeq.get(seq) ?? [])
    return [...(stored.length === 0 ? [] : await this.#base.bySeq(namespaceId, stored, scope)), ...own]
  }

  async atPlaces(
    namespaceId: number,
    places: readonly { sessionId: number; position: number }[],
    scope: SearchScope,
  ): Promise<LexicalDocument[]> {
    const wanted = new Set(places.map(({ sessionId, position }) => `${sessionId}:${position}`))
    const own = this.#documents.filter(({ sessionId, position }) => wanted.has(`${sessionId}:${position}`))
    return [...(await this.#base.atPlaces(namespaceId, places, scope)), ...own]
  }

  async vocabulary(namespaceId: number, prefix: string, limit: number): Promise<string[]> {
    const own = [...this.#byTerm.keys()].filter((term) => term.startsWith(prefix))
    const stored = await this.#base.vocabulary(namespaceId, prefix, limit)
    return [...new Set([...stored, ...own])].sort().slice(0, limit)
  }
}

/** Postings stay in order of their documents. */
function merged(list: PostingList, further: readonly [OverlayDocument, number][]): PostingList {
  const rows = list.packed.map((posting, at) => ({ posting, session: list.sessions[at] ?? null }))
  for (const [{ seq, sessionId, text }, frequency] of further)
    rows.push({ posting: packed(seq, frequency, text.length), session: sessionId })
  rows.sort((a, b) => a.posting - b.posting)
  return { packed: rows.map(({ posting }) => posting), sessions: rows.map(({ session }) => session) }
}
