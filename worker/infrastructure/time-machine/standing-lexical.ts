import { type SQL, sql } from 'drizzle-orm'
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
import type { View } from '../../ports/time-machine.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { statement, toJson } from '../vault/sql.ts'
import { viewSql } from './view-sql.ts'

/** A namespace with more speakers is no conversation that a query could name one of. */
const SPEAKERS_MAX = 64
/** Cubes of one JSON value: about a third of the 2 MB that D1 gives a value. */
const MEMBERS_PER_PAGE = 20_000
/** A term of more documents is counted by its share: it tells them apart no better. */
const POSTINGS_COUNTED_MAX = 50_000

/** Cubes whose revision of then is the current one, with what ranking needs to know of them as a whole. */
interface Members {
  has(seq: number): boolean
  cubes: number
  terms: number
  /** Session row -> length in terms. */
  sessions: ReadonlyMap<number, number>
  lastOrdinal: number
  speakers: readonly string[]
  hasRoles: boolean
}

type MemberTuple = [seq: number, terms: number, session: number | null, speaker: string | null, assists: number]

/**
 * The inverted index as far as it is still that of another point: cubes whose revision of then is the current one. Counts, lengths and words
 * are those of these cubes alone, so what came later changes no score. The cubes are read once, as numbers; postings come from the stored
 * index, archived ones included, and those of other cubes are dropped here.
 */
export class StandingLexical implements LexicalIndex {
  readonly #vault: OrgVault
  readonly #base: LexicalIndex
  readonly #view: View
  readonly #includeArchived: boolean
  #members: Promise<Members> | null = null
  readonly #lists = new Map<string, PostingList>()

  /** `base` reads the postings of all cubes, archived ones too. */
  constructor(vault: OrgVault, base: LexicalIndex, view: View, includeArchived: boolean) {
    this.#vault = vault
    this.#base = base
    this.#view = view
    this.#includeArchived = includeArchived
  }

  async statistics(namespace: IndexedNamespace, terms: readonly string[]): Promise<LexicalStatistics> {
    const members = await this.#open(namespace.id)
    const now = await this.#base.statistics(namespace, terms)
    const known = terms.filter((term) => (now.documents.get(term) ?? 0) > 0)
    const counted = known.filter((term) => (now.documents.get(term) ?? 0) <= POSTINGS_COUNTED_MAX)
    const lists = await this.postings(namespace, counted, { sessions: true })
    const share = members.cubes / Math.max(1, now.cubes)
    const estimates = known.map((term) => [term, Math.round((now.documents.get(term) ?? 0) * share)] as const)
    const exact = counted.map((term, at) => [term, lists[at]?.packed.length ?? 0] as const)
    const sessionTerms = [...members.sessions.values()].reduce((sum, length) => sum + length, 0)
    return {
      cubes: members.cubes,
      averageLength: Math.max(1, members.terms / Math.max(1, members.cubes)),
      sessions: members.sessions.size,
      averageSessionLength: Math.max(1, sessionTerms / Math.max(1, members.sessions.size)),
      lastOrdinal: members.lastOrdinal,
      speakers: members.speakers.length > SPEAKERS_MAX ? [] : members.speakers,
      hasRoles: members.hasRoles,
      documents: new Map([...new Map([...estimates, ...exact])].filter(([, count]) => count > 0)),
    }
  }

  async postings(
    namespace: IndexedNamespace,
    terms: readonly string[],
    { among }: { sessions: boolean; among?: readonly number[] },
  ): Promise<PostingList[]> {
    const members = await this.#open(namespace.id)
    const missing = terms.filter((term) => !this.#lists.has(term))
    if (missing.length > 0) {
      const read = await this.#base.postings(namespace, missing, { sessions: true })
      for (const [at, term] of missing.entries()) this.#lists.set(term, only(read[at], members.has))
    }
    const lists = terms.map((term) => this.#lists.get(term) ?? { packed: [], sessions: [] })
    if (among === undefined) return lists
    const wanted = new Set(among)
    return lists.map((list) => only(list, (seq) => wanted.has(seq)))
  }

  async sessionLengths(namespaceId: number, ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const { sessions } = await this.#open(namespaceId)
    return new Map(ids.map((id) => [id, sessions.get(id) ?? 0]))
  }

  async bySeq(namespaceId: number, seqs: readonly number[], scope: SearchScope): Promise<LexicalDocument[]> {
    return (await this.#base.bySeq(namespaceId, seqs, { ...scope, view: this.#view })).map(unjudged)
  }

  async atPlaces(
    namespaceId: number,
    places: readonly { sessionId: number; position: number }[],
    scope: SearchScope,
  ): Promise<LexicalDocument[]> {
    return (await this.#base.atPlaces(namespaceId, places, { ...scope, view: this.#view })).map(unjudged)
  }

  /** Words of the stored index that a cube of then holds. */
  async vocabulary(namespaceId: number, prefix: string, limit: number): Promise<string[]> {
    const terms = await this.#base.vocabulary(namespaceId, prefix, limit)
    const holds = (
      table: string,
    ) => sql`exists (select 1 from ${sql.raw(table)} p cross join cubes c on c.namespace_id = p.namespace_id and c.seq = p.seq
      where p.namespace_id = ${namespaceId} and p.term = j.value and ${this.#standing()})`
    const rows = await this.#vault.database.all(
      statement(
        sql`select j.value from json_each(${toJson(terms)}) j where ${holds('postings')} or ${holds('cold_postings')} order by j.key`,
      ),
    )
    return rows.map(([term]) => String(term))
  }

  #open(namespaceId: number): Promise<Members> {
    this.#members ??= this.#read(namespaceId)
    return this.#members
  }

  async #read(namespaceId: number): Promise<Members> {
    const seqs = new Set<number>()
    const sessions = new Map<number, number>()
    const speakers = new Set<string>()
    let terms = 0
    let hasRoles = false
    for (let after = 0; ; ) {
      const page = await this.#page(namespaceId, after)
      for (const [seq, length, session, speaker, assists] of page) {
        seqs.add(seq)
        terms += length
        if (session !== null) sessions.set(session, (sessions.get(session) ?? 0) + length)
        if (speaker !== null && speakers.size <= SPEAKERS_MAX) speakers.add(speaker.toLowerCase())
        hasRoles ||= assists === 1
      }
      if (page.length < MEMBERS_PER_PAGE) break
      after = page.at(-1)?.[0] ?? 0
    }
    return {
      has: (seq) => seqs.has(seq),
      cubes: seqs.size,
      terms,
      sessions,
      lastOrdinal: await this.#lastOrdinal([...sessions.keys()]),
      speakers: [...speakers].sort(),
      hasRoles,
    }
  }

  async #page(namespaceId: number, after: number): Promise<MemberTuple[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select json_group_array(json_array(seq, term_count, session_id, speaker, assists)) from (
        select c.seq, c.term_count, c.session_id, c.speaker, c.role is 'assistant' as assists from cubes c
        where c.namespace_id = ${namespaceId} and c.seq > ${after} and ${this.#standing()} order by c.seq limit ${MEMBERS_PER_PAGE})`),
    )
    return JSON.parse(String(rows[0]?.[0] ?? '[]')) as MemberTuple[]
  }

  async #lastOrdinal(ids: readonly number[]): Promise<number> {
    if (ids.length === 0) return 0
    const [row] = await this.#vault.database.all(
      statement(sql`select max(s.ordinal) from json_each(${toJson(ids)}) j cross join sessions s on s.id = j.value`),
    )
    return Number(row?.[0] ?? 0)
  }

  /** Whether `cubes c` counts among the documents of then. */
  #standing(): SQL {
    const { inView, isHead, state } = viewSql(this.#view)
    const hot = this.#includeArchived ? sql`1` : sql`${state} != 'archived'`
    return sql`${inView} and ${isHead} and ${hot}`
  }
}

/** What feedback said later must not show in a score of then. */
const unjudged = (document: LexicalDocument): LexicalDocument => ({ ...document, usefulness: 0 })

const seqOf = (packed: number): number => Math.floor(packed / (POSTING_FREQUENCY_BASE * POSTING_LENGTH_BASE))

function only(list: PostingList | undefined, keeps: (seq: number) => boolean): PostingList {
  const packed: number[] = []
  const sessions: (number | null)[] = []
  for (const [at, posting] of (list?.packed ?? []).entries()) {
    if (!keeps(seqOf(posting))) continue
    packed.push(posting)
    sessions.push(list?.sessions[at] ?? null)
  }
  return { packed, sessions }
}
