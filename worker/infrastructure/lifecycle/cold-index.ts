import { type SQL, sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { CubeTransition } from '../../ports/writes/lifecycle.ts'
import { deleteEmbeddingsOf, deletePostingsOf, type PostingTable } from '../vault/index-rows.ts'
import { jsonChunks, statement, toJson } from '../vault/sql.ts'

/** What must be known of a cube to find its rows in the index. */
type Indexed = Pick<CubeTransition, 'seq' | 'sessionId' | 'terms' | 'termCount'>

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

/** Takes cubes out of what ordinary searches read: their postings and vectors lie in the cold tables then, and no total counts them. */
export function intoCold(namespaceId: number, cubes: readonly Indexed[]): Statement[] {
  if (cubes.length === 0) return []
  const seqs = seqsOf(cubes)
  return [
    ...movePostings(namespaceId, cubes, 'postings', 'cold_postings'),
    // An embedding belongs to one of the namespace's spaces, which is how it is found without a walk over all of them.
    statement(sql`insert into cold_embeddings (namespace_id, seq, model, vector)
      select e.namespace_id, e.seq, e.model, e.vector from json_each(${seqs}) j cross join vector_spaces v
      cross join embeddings e on e.namespace_id = v.namespace_id and e.model = v.model and e.seq = j.value where v.namespace_id = ${namespaceId}
      on conflict do update set vector = excluded.vector`),
    ...deleteEmbeddingsOf(cubes.map(({ seq }) => ({ namespaceId, seq }))),
    statement(
      sql`delete from hot_cubes where namespace_id = ${namespaceId} and seq in (select value from json_each(${seqs}))`,
    ),
    ...count(namespaceId, cubes, -1, sql`next_change + 1`),
  ]
}

/** Brings cubes back. Their vectors get new change numbers, so that every index takes them up; a vector of a model out of use is forgotten. */
export function intoHot(namespaceId: number, cubes: readonly Indexed[]): Statement[] {
  if (cubes.length === 0) return []
  const seqs = seqsOf(cubes)
  const cold = sql`cold_embeddings e on e.namespace_id = ${namespaceId} and e.seq = j.value`
  return [
    ...movePostings(namespaceId, cubes, 'cold_postings', 'postings'),
    statement(sql`insert into embeddings (namespace_id, model, seq, change, vector)
      select e.namespace_id, e.model, e.seq, n.next_change + row_number() over (order by e.seq, e.model) - 1, e.vector
      from json_each(${seqs}) j cross join ${cold} join vector_spaces v on v.namespace_id = e.namespace_id and v.model = e.model
      join namespaces n on n.id = e.namespace_id where true on conflict (namespace_id, model, seq) do nothing`),
    ...count(
      namespaceId,
      cubes,
      1,
      sql`next_change + 1 + (select count(*) from json_each(${seqs}) j cross join ${cold})`,
    ),
    statement(
      sql`delete from cold_embeddings where namespace_id = ${namespaceId} and seq in (select value from json_each(${seqs}))`,
    ),
    missesVectors(namespaceId, seqs),
  ]
}

const seqsOf = (cubes: readonly Indexed[]): string => JSON.stringify(cubes.map(({ seq }) => seq).sort((a, b) => a - b))

function movePostings(
  namespaceId: number,
  cubes: readonly Indexed[],
  from: PostingTable,
  to: PostingTable,
): Statement[] {
  const [source, target] = [sql.raw(from), sql.raw(to)]
  const columns = sql.raw('namespace_id, term, seq, frequency, length, session_id')
  const copy = (rows: SQL) =>
    statement(
      sql`insert into ${target} (${columns}) select p.namespace_id, p.term, p.seq, p.frequency, p.length, p.session_id from ${rows}`,
    )
  // In order of the key: neighbours in the tree share pages.
  const known = cubes
    .flatMap(({ seq, terms }) => terms?.map((term) => [term, seq] as const) ?? [])
    .sort(([a, m], [b, n]) => (a < b ? -1 : a > b ? 1 : m - n))
  const searched = cubes.filter(({ terms }) => terms === null)
  return [
    ...jsonChunks(known, CHUNK_BYTES_MAX).map((chunk) =>
      copy(
        sql`json_each(${chunk}) j cross join ${source} p on p.namespace_id = ${namespaceId} and p.term = j.value->>0 and p.seq = j.value->>1`,
      ),
    ),
    ...(searched.length === 0
      ? []
      : [
          copy(
            sql`${source} p where p.namespace_id = ${namespaceId} and p.seq in (select value from json_each(${seqsOf(searched)}))`,
          ),
        ]),
    ...deletePostingsOf(
      from,
      cubes.map(({ seq, terms }) => ({ namespaceId, seq, terms })),
    ),
  ]
}

/** The change counter moves too: posting lists that are kept belong to one state of it (lexical-cache.ts). */
function count(namespaceId: number, cubes: readonly Indexed[], sign: 1 | -1, nextChange: SQL): Statement[] {
  const terms = (list: readonly Indexed[]) => sign * list.reduce((sum, { termCount }) => sum + termCount, 0)
  const sessions = Map.groupBy(
    cubes.filter(({ sessionId }) => sessionId !== null),
    ({ sessionId }) => sessionId,
  )
  const rows = toJson([...sessions].map(([id, list]) => [id, terms(list)]))
  return [
    statement(sql`update namespaces set cube_count = cube_count + ${sign * cubes.length}, term_total = term_total + ${terms(cubes)},
      next_change = ${nextChange} where id = ${namespaceId}`),
    ...(sessions.size === 0
      ? []
      : [
          statement(
            sql`update sessions set term_total = term_total + (j.value->>1) from json_each(${rows}) j where sessions.id = j.value->>0`,
          ),
        ]),
  ]
}

/** Sends the background build back to the first of the cubes that lacks a vector, as a change of text does. */
const missesVectors = (namespaceId: number, seqs: string): Statement => {
  const missing = sql`json_each(${seqs}) j where not exists (select 1 from embeddings e
    where e.namespace_id = ${namespaceId} and e.model = vector_spaces.model and e.seq = j.value)`
  return statement(sql`update vector_spaces set built_seq = min(built_seq - 1, (select min(j.value) - 1 from ${missing}))
    where namespace_id = ${namespaceId} and exists (select 1 from ${missing})`)
}
