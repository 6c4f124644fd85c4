import { type SQL, sql } from 'drizzle-orm'
import type { Row } from '../../ports/database.ts'
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
import type { Principal } from '../../ports/principal.ts'
import { cubeReach } from '../governance/access-sql.ts'
import { scopeSql } from './filter-sql.ts'
import type { OrgVault } from './mem-vault.ts'
import { statement, toJson } from './sql.ts'

/** A namespace with more speakers is no conversation that a query could name one of. */
const SPEAKERS_MAX = 64
/** A term is counted up to this share of the documents, and up to this number in any case: beyond, it tells documents apart no better. */
const SHARE_COUNTED = 0.25
const DOCUMENTS_COUNTED_MIN = 1024

/** Postings of one term that one JSON value holds: at 13 bytes each a third of the 2 MB that D1 gives a value. */
const POSTINGS_PER_VALUE_MAX = 50_000

type PostingTable = 'postings' | 'cold_postings'

export interface LexicalReaderInit {
  postingsPerValueMax?: number
  /** Whether archived cubes are read and counted too. */
  includeArchived?: boolean
}

/**
 * Reads the inverted index. Postings are scored in code (worker/operation/retrieval/bm25.ts): the database hands them over packed, which takes a
 * sixth of the time that grouping them in SQL takes. Which documents may be seen is decided by the statements that read the documents.
 */
export class LexicalReader implements LexicalIndex {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number
  readonly #postingsPerValueMax: number
  readonly #tables: readonly PostingTable[]

  constructor(
    vault: OrgVault,
    principal: Principal,
    nowMs: number,
    { postingsPerValueMax = POSTINGS_PER_VALUE_MAX, includeArchived = false }: LexicalReaderInit = {},
  ) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
    this.#postingsPerValueMax = postingsPerValueMax
    this.#tables = includeArchived ? ['postings', 'cold_postings'] : ['postings']
  }

  /** Totals of a namespace, who speaks in it and how many documents hold each term, in one round trip. */
  async statistics({ id: namespaceId }: IndexedNamespace, terms: readonly string[]): Promise<LexicalStatistics> {
    // One statement and one row: a read of several statements would need a transaction around it.
    const counts = sql`select json_group_array(json_array(j.value, (select count(*) from (${this.#each(sql`1`, sql`p.namespace_id = ${namespaceId} and p.term = j.value`)}
      limit (select max(${DOCUMENTS_COUNTED_MIN}, cast(cube_count * ${SHARE_COUNTED} as integer)) from namespaces where id = ${namespaceId}))))) from json_each(${toJson(terms)}) j`
    const coldTerms = this.#readsCold
      ? sql` + (select coalesce(sum(c.term_count), 0) ${ARCHIVED} and c.session_id is not null)`
      : sql``
    const sessionFacts = sql`select json_array(count(*), coalesce(sum(s.term_total), 0)${coldTerms}, coalesce(max(s.ordinal), 0)) from sessions s where s.namespace_id = ${namespaceId}`
    const marks = sql`select json_group_array(term) from (${vocabularySql(this.#tables, namespaceId, '@', SPEAKERS_MAX + 2)})`
    const totals = this.#readsCold
      ? sql`n.cube_count + (select count(*) ${ARCHIVED}), n.term_total + (select coalesce(sum(c.term_count), 0) ${ARCHIVED})`
      : sql`n.cube_count, n.term_total`
    const [row] = await this.#vault.database.all(
      statement(
        sql`select ${totals}, (${sessionFacts}), (${counts}), (${marks}) from namespaces n where n.id = ${namespaceId}`,
      ),
    )
    const [cubes = 0, termTotal = 0] = (row ?? []) as number[]
    const [sessions, sessionTerms, lastOrdinal] = JSON.parse(String(row?.[2] ?? '[0,0,0]')) as [number, number, number]
    const documents = JSON.parse(String(row?.[3] ?? '[]')) as [term: string, documents: number][]
    const names = (JSON.parse(String(row?.[4] ?? '[]')) as string[]).map((mark) => mark.slice(1))
    const speakers = names.filter((name) => !name.startsWith('@'))
    return {
      cubes,
      averageLength: Math.max(1, termTotal / Math.max(1, cubes)),
      sessions,
      averageSessionLength: Math.max(1, sessionTerms / Math.max(1, sessions)),
      lastOrdinal,
      speakers: speakers.length > SPEAKERS_MAX ? [] : speakers,
      hasRoles: names.length > speakers.length,
      documents: new Map(documents.filter(([, count]) => count > 0)),
    }
  }

  async postings(
    { id: namespaceId }: IndexedNamespace,
    terms: readonly string[],
    { sessions, among }: { sessions: boolean; among?: readonly number[] },
  ): Promise<PostingList[]> {
    const lists = terms.map((term) => ({ term, packed: [] as number[], sessions: [] as (number | null)[] }))
    // Most terms need one slice; those that fill it go on behind their last document. `among` is short enough for one.
    for (let open = lists; open.length > 0; ) {
      const slices = await this.#slices(namespaceId, open, { sessions, among })
      open = open.filter((list, at) => {
        const slice = slices[at] ?? { packed: [], sessions: [] }
        list.packed = list.packed.concat(slice.packed)
        list.sessions = list.sessions.concat(slice.sessions)
        return among === undefined && slice.packed.length === this.#postingsPerValueMax
      })
    }
    return lists.map(({ packed, sessions: ids }) => ({ packed, sessions: ids }))
  }

  /** The next postings of each term, in order of the documents. One JSON value a term: thousands of postings cost less than hundreds of rows would. */
  async #slices(
    namespaceId: number,
    lists: readonly { term: string; packed: readonly number[] }[],
    { sessions, among }: { sessions: boolean; among: readonly number[] | undefined },
  ): Promise<PostingList[]> {
    const asked = lists.map(({ term, packed }) => [term, seqOf(packed.at(-1) ?? 0)])
    const here = sql`p.namespace_id = ${namespaceId} and p.term = j.value->>0`
    const inOrder = sql`order by seq limit ${this.#postingsPerValueMax}`
    const slice = (value: SQL) => {
      if (among === undefined)
        return sql`(select json_group_array(value) from (${this.#each(sql`${value} as value, p.seq as seq`, sql`${here} and p.seq > j.value->>1`)} ${inOrder}))`
      const named = sql`json_each(${JSON.stringify(among)}) d cross join`
      if (!this.#readsCold)
        return sql`(select json_group_array(${value}) from ${named} postings p on ${here} and p.seq = d.value)`
      return sql`(select json_group_array(value) from (${this.#each(sql`${value} as value`, sql`${here} and p.seq = d.value`, named)}))`
    }
    const rows = await this.#vault.database.all(
      statement(sql`select ${slice(PACKED)} as packed, ${sessions ? slice(sql`p.session_id`) : sql`'[]'`} as sessions
        from json_each(${toJson(asked)}) j order by j.key`),
    )
    return rows.map(([packed, ids]) => ({ packed: JSON.parse(String(packed)), sessions: JSON.parse(String(ids)) }))
  }

  async sessionLengths(namespaceId: number, ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
    if (ids.length === 0) return new Map()
    const cold = this.#readsCold
      ? sql` + (select coalesce(sum(c.term_count), 0) from cubes c where c.namespace_id = s.namespace_id and c.session_id = s.id and c.state = 'archived')`
      : sql``
    const rows = await this.#vault.database.all(
      statement(sql`select json_group_array(json_array(s.id, s.term_total${cold})) as lengths from json_each(${JSON.stringify(ids)}) j
        cross join sessions s on s.id = j.value where s.namespace_id = ${namespaceId}`),
    )
    return new Map(parsed<[id: number, length: number]>(rows))
  }

  atPlaces(
    namespaceId: number,
    places: readonly { sessionId: number; position: number }[],
    scope: SearchScope,
  ): Promise<LexicalDocument[]> {
    const rows = JSON.stringify(places.map(({ sessionId, position }) => [sessionId, position]))
    return this.#documents(
      sql`json_each(${rows}) j cross join cubes c indexed by cubes_session on c.namespace_id = ${namespaceId} and c.session_id = j.value->>0 and c.position = j.value->>1`,
      scope,
    )
  }

  bySeq(namespaceId: number, seqs: readonly number[], scope: SearchScope): Promise<LexicalDocument[]> {
    return this.#documents(
      sql`json_each(${JSON.stringify(seqs)}) j cross join cubes c on c.namespace_id = ${namespaceId} and c.seq = j.value`,
      scope,
    )
  }

  async vocabulary(namespaceId: number, prefix: string, limit: number): Promise<string[]> {
    const rows = await this.#vault.database.all(statement(vocabularySql(this.#tables, namespaceId, prefix, limit)))
    return rows.map(([term]) => String(term))
  }

  async #documents(source: SQL, scope: SearchScope): Promise<LexicalDocument[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select json_group_array(json_array(c.seq, ${DOCUMENT_COLUMNS})) as documents
      from ${source} join namespaces n on n.id = c.namespace_id left join sessions s on s.id = c.session_id where ${this.#visible(scope)}`),
    )
    return parsed<DocumentTuple>(rows).map(toDocument)
  }

  get #readsCold(): boolean {
    return this.#tables.length > 1
  }

  /** Columns of the postings `p` of every table that is read, for a condition on them. */
  #each(value: SQL, where: SQL, before: SQL = sql``): SQL {
    return sql.join(
      this.#tables.map((table) => sql`select ${value} from ${before} ${sql.raw(table)} p where ${where}`),
      sql` union all `,
    )
  }

  #visible(scope: SearchScope): SQL {
    return sql`${cubeReach(this.#principal, 'read', this.#nowMs)} and ${scopeSql(scope)}`
  }
}

/** Steps from term to term by index seeks, so the cost is that of the answer and not of the postings behind it. */
function vocabularySql(tables: readonly PostingTable[], namespaceId: number, prefix: string, limit: number): SQL {
  const end = `${prefix}\u{10ffff}`
  const first = (above: SQL): SQL => {
    const each = tables.map(
      (table) =>
        sql`(select min(p.term) from ${sql.raw(table)} p where p.namespace_id = ${namespaceId} and ${above} and p.term < ${end})`,
    )
    const [hot = sql`null`, cold] = each
    // The smaller of the two, or the one that there is: `min` of several values is null where one is.
    return cold === undefined ? hot : sql`coalesce(min(${hot}, ${cold}), ${hot}, ${cold})`
  }
  return sql`with recursive t (term) as (
    select ${first(sql`p.term >= ${prefix}`)}
    union all select ${first(sql`p.term > t.term`)} from t where t.term is not null)
    select term from t where term is not null limit ${limit}`
}

const ARCHIVED = sql.raw("from cubes c where c.namespace_id = n.id and c.state = 'archived'")
const PACKED = sql.raw(
  `(p.seq * ${POSTING_FREQUENCY_BASE} + min(p.frequency, ${POSTING_FREQUENCY_BASE - 1})) * ${POSTING_LENGTH_BASE} + min(p.length, ${POSTING_LENGTH_BASE - 1})`,
)
const seqOf = (packed: number): number => Math.floor(packed / (POSTING_FREQUENCY_BASE * POSTING_LENGTH_BASE))
const DOCUMENT_COLUMNS = sql.raw('c.session_id, c.position, s.ordinal, c.features, c.speaker, c.role, c.usefulness')

type DocumentTuple = [
  seq: number,
  sessionId: number | null,
  position: number | null,
  ordinal: number | null,
  features: number,
  speaker: string | null,
  role: string | null,
  usefulness: number,
]

const toDocument = ([
  seq,
  sessionId,
  position,
  ordinal,
  features,
  speaker,
  role,
  usefulness,
]: DocumentTuple): LexicalDocument => ({
  seq,
  sessionId,
  position,
  ordinal,
  features,
  speaker,
  role,
  usefulness,
})

const parsed = <T>(rows: Row[] | undefined): T[] => JSON.parse(String(rows?.[0]?.[0] ?? '[]')) as T[]
