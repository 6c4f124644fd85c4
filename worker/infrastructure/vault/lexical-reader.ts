import { type SQL, sql } from 'drizzle-orm'
import type { Row } from '../../ports/database.ts'
import type {
  LexicalCandidates,
  LexicalDocument,
  LexicalIndex,
  LexicalQuery,
  LexicalStatistics,
  SearchScope,
} from '../../ports/lexical.ts'
import type { Principal } from '../../ports/principal.ts'
import { cubeAccess, namespaceAccess } from '../governance/access-sql.ts'
import { scopeSql } from './filter-sql.ts'
import type { OrgVault } from './mem-vault.ts'
import { statement } from './sql.ts'

/** Sessions whose score reaches the ranking step. */
const SESSIONS_MAX = 2000
/** A namespace with more speakers is no conversation that a query could name one of. */
const SPEAKERS_MAX = 64
/** A term is counted up to here; beyond, it tells documents apart no better. */
const DOCUMENTS_COUNTED_MAX = 50_000

/**
 * Reads the inverted index. Scores are BM25 (Robertson and Zaragoza 2009) with the statistics of one namespace, computed by the database
 * over `postings`; permissions and filters are part of the same statement.
 */
export class LexicalReader implements LexicalIndex {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** Totals of a namespace, who speaks in it and how many documents hold each term, in one round trip. */
  async statistics(namespaceId: number, terms: readonly string[]): Promise<LexicalStatistics> {
    const [totals, counts, marks] = await this.#vault.database.read([
      statement(sql`select n.cube_count as cubes, n.term_total as terms, count(s.id) as sessions, coalesce(sum(s.term_total), 0) as session_terms,
        coalesce(max(s.ordinal), 0) as last_ordinal from namespaces n left join sessions s on s.namespace_id = n.id where n.id = ${namespaceId} group by n.id`),
      statement(sql`select j.value as term, (select count(*) from (select 1 from postings p where p.namespace_id = ${namespaceId} and p.term = j.value
        limit ${DOCUMENTS_COUNTED_MAX})) as documents from json_each(${JSON.stringify(terms)}) j`),
      statement(vocabularySql(namespaceId, '@', SPEAKERS_MAX + 2)),
    ])
    const names = (marks ?? []).map(([mark]) => String(mark).slice(1))
    const speakers = names.filter((name) => !name.startsWith('@'))
    const [cubes = 0, termTotal = 0, sessions = 0, sessionTerms = 0, lastOrdinal = 0] = (totals?.[0] ?? []) as number[]
    return {
      cubes,
      averageLength: Math.max(1, termTotal / Math.max(1, cubes)),
      sessions,
      averageSessionLength: Math.max(1, sessionTerms / Math.max(1, sessions)),
      lastOrdinal,
      speakers: speakers.length > SPEAKERS_MAX ? [] : speakers,
      hasRoles: names.length > speakers.length,
      documents: new Map(
        (counts ?? [])
          .filter(([, documents]) => documents !== 0)
          .map(([term, documents]) => [term as string, documents as number]),
      ),
    }
  }

  /**
   * The best documents for a query and the scores of the sessions they stand in. When permissions hide so many of the best that fewer than
   * `resultsMin` are left, the statement runs again with the permissions ahead of the cut; a filter always stands ahead of it.
   */
  async candidates(query: LexicalQuery): Promise<LexicalCandidates> {
    const first = await this.#run(query, query.scope.filter !== null)
    const isShort = query.scope.filter === null && first.cut >= query.limit && first.documents.length < query.resultsMin
    return isShort ? await this.#run(query, true) : first
  }

  atPlaces(
    namespaceId: number,
    places: readonly { sessionId: number; position: number }[],
    scope: SearchScope,
  ): Promise<LexicalDocument[]> {
    const rows = JSON.stringify(places.map(({ sessionId, position }) => [sessionId, position]))
    return this.#unmatched(
      sql`json_each(${rows}) j cross join cubes c on c.namespace_id = ${namespaceId} and c.session_id = j.value->>0 and c.position = j.value->>1`,
      scope,
    )
  }

  bySeq(namespaceId: number, seqs: readonly number[], scope: SearchScope): Promise<LexicalDocument[]> {
    return this.#unmatched(
      sql`json_each(${JSON.stringify(seqs)}) j cross join cubes c on c.namespace_id = ${namespaceId} and c.seq = j.value`,
      scope,
    )
  }

  async vocabulary(namespaceId: number, prefix: string, limit: number): Promise<string[]> {
    const rows = await this.#vault.database.all(statement(vocabularySql(namespaceId, prefix, limit)))
    return rows.map(([term]) => String(term))
  }

  async #unmatched(source: SQL, scope: SearchScope): Promise<LexicalDocument[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select json_group_array(json_array(c.seq, 0, 0, ${DOCUMENT_COLUMNS})) as documents
      from ${source} join namespaces n on n.id = c.namespace_id left join sessions s on s.id = c.session_id where ${this.#visible(scope)}`),
    )
    return parsed<DocumentTuple>(rows).map(toDocument)
  }

  #visible(scope: SearchScope): SQL {
    return sql`${namespaceAccess(this.#principal, 'read')} and ${cubeAccess(this.#principal, this.#nowMs)} and ${scopeSql(scope)}`
  }

  async #run(query: LexicalQuery, permissionsFirst: boolean): Promise<LexicalCandidates & { cut: number }> {
    const statements = [statement(this.#documents(query, permissionsFirst))]
    if (query.sessionWeighted) statements.push(statement(sessionScores(query)))
    const [documents, sessions] = await this.#vault.database.read(statements)
    return {
      cut: Number(documents?.[0]?.[1] ?? 0),
      documents: parsed<DocumentTuple>(documents).map(toDocument),
      sessions: new Map(parsed<[id: number, score: number]>(sessions)),
    }
  }

  /** Answers one row: candidates as JSON (one value costs less than a thousand rows) and how many documents were cut to them. */
  #documents(query: LexicalQuery, permissionsFirst: boolean): SQL {
    const { namespaceId } = query
    const visible = this.#visible(query.scope)
    const cubesOfHits = sql`join cubes c on c.namespace_id = ${namespaceId} and c.seq = h.seq join namespaces n on n.id = c.namespace_id where ${visible}`
    return sql`with ${hits(query)},
      doc as materialized (select h.seq, sum(h.weight) as score, sum(h.bit) as matched from hit h ${permissionsFirst ? cubesOfHits : sql``} group by h.seq order by score desc, h.seq desc limit ${query.limit})
      ${query.commonTerms.length === 0 ? sql`` : commonScores(query)}
      select json_group_array(json_array(h.seq, round(h.score, 6), h.matched, ${DOCUMENT_COLUMNS})) as documents, (select count(*) from doc) as cut
      from ${sql.raw(query.commonTerms.length === 0 ? 'doc' : 'scored')} h join cubes c on c.namespace_id = ${namespaceId} and c.seq = h.seq join namespaces n on n.id = c.namespace_id
      left join sessions s on s.id = c.session_id where ${visible}`
  }
}

/** Steps from term to term by index seeks, so the cost is that of the answer and not of the postings behind it. */
function vocabularySql(namespaceId: number, prefix: string, limit: number): SQL {
  const end = `${prefix}\u{10ffff}`
  return sql`with recursive t (term) as (
    select min(term) from postings where namespace_id = ${namespaceId} and term >= ${prefix} and term < ${end}
    union all select (select min(p.term) from postings p where p.namespace_id = ${namespaceId} and p.term > t.term and p.term < ${end}) from t where t.term is not null)
    select term from t where term is not null limit ${limit}`
}

/** Every posting of the query's terms with its BM25 weight. */
const hits = (query: LexicalQuery): SQL => sql`hit as materialized (
  select p.seq, p.session_id, j.value->>0 as term, p.frequency, (j.value->>1) * ${saturation(query.k1, query.b, query.statistics.averageLength, sql`p.frequency`, sql`p.length`)} as weight, j.value->>2 as bit
  from json_each(${JSON.stringify(query.terms)}) j cross join postings p on p.namespace_id = ${query.namespaceId} and p.term = j.value->>0)`

/** Adds what the commoner terms are worth to the documents that the rarer ones found. */
const commonScores = (query: LexicalQuery): SQL => sql`, common as materialized (
    select doc.seq, sum((j.value->>1) * ${saturation(query.k1, query.b, query.statistics.averageLength, sql`p.frequency`, sql`p.length`)}) as score, sum(j.value->>2) as matched
    from doc cross join json_each(${JSON.stringify(query.commonTerms)}) j cross join postings p on p.namespace_id = ${query.namespaceId} and p.term = j.value->>0 and p.seq = doc.seq group by doc.seq),
  scored as (select doc.seq, doc.score + coalesce(common.score, 0) as score, doc.matched + coalesce(common.matched, 0) as matched from doc left join common on common.seq = doc.seq)`

/** BM25 of sessions, each taken as one document made of its turns. */
function sessionScores(query: LexicalQuery): SQL {
  const { sessions, averageSessionLength } = query.statistics
  return sql`with ${hits(query)},
    part as materialized (select session_id, term, sum(frequency) as frequency from hit where session_id is not null group by session_id, term),
    spread as materialized (select term, count(*) as sessions from part group by term)
    select json_group_array(json_array(session_id, score)) as sessions from (
      select part.session_id, sum(ln(1 + (${sessions} - spread.sessions + 0.5) / (spread.sessions + 0.5))
          * ${saturation(query.sessionK1, query.sessionB, averageSessionLength, sql`part.frequency`, sql`s.term_total`)}) as score
      from part join spread on spread.term = part.term join sessions s on s.id = part.session_id
      group by part.session_id order by score desc limit ${SESSIONS_MAX})`
}

const saturation = (k1: number, b: number, averageLength: number, frequency: SQL, length: SQL): SQL =>
  sql`(${frequency} * ${k1 + 1} / (${frequency} + ${k1 * (1 - b)} + ${(k1 * b) / averageLength} * ${length}))`

const DOCUMENT_COLUMNS = sql.raw('c.session_id, c.position, s.ordinal, c.features, c.speaker, c.role')

type DocumentTuple = [
  number,
  number,
  number,
  number | null,
  number | null,
  number | null,
  number,
  string | null,
  string | null,
]

const toDocument = ([
  seq,
  bm25,
  matched,
  sessionId,
  position,
  ordinal,
  features,
  speaker,
  role,
]: DocumentTuple): LexicalDocument => ({
  seq,
  bm25,
  matched,
  sessionId,
  position,
  ordinal,
  features,
  speaker,
  role,
})

const parsed = <T>(rows: Row[] | undefined): T[] => JSON.parse(String(rows?.[0]?.[0] ?? '[]')) as T[]
