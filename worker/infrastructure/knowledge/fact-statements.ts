import { type SQL, sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { FactLinkRow, FactRow } from '../../ports/rows.ts'
import type { FactLinkName, FactWrite } from '../../ports/writes/facts.ts'
import { guard, inJson, jsonChunks, statement, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'
import { nextChange } from './fact-sql.ts'

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

const FACT_COLUMNS = sql.raw(
  'id, namespace_id, seq, cube_id, subject, predicate, object, object_key, slot, stance, valid_from_ms, valid_to_ms, stated_to_ms, recorded_at_ms, retracted_at_ms, retracted_by, superseded_by, confidence, source',
)
const LINK_COLUMNS = sql.raw(
  'namespace_id, from_id, to_id, relation, previous_to_ms, created_by, created_at_ms, undone_at_ms, undone_by',
)
const factValues = (f: FactRow) => [
  ...[f.id, f.namespaceId, f.seq, f.cubeId, f.subject, f.predicate, f.object, f.objectKey, f.slot, f.stance],
  ...[f.validFromMs, f.validToMs, f.statedToMs, f.recordedAtMs, f.retractedAtMs, f.retractedBy, f.supersededBy],
  ...[f.confidence, f.source],
]
const linkValues = (l: FactLinkRow) => [
  ...[
    l.namespaceId,
    l.fromId,
    l.toId,
    l.relation,
    l.previousToMs,
    l.createdBy,
    l.createdAtMs,
    l.undoneAtMs,
    l.undoneBy,
  ],
]
/** The elements of a JSON row as columns. */
const elements = (count: number): SQL => sql.raw(Array.from({ length: count }, (_, at) => `j.value->>${at}`).join(', '))

/** Statements of each decision on facts. */
export const factStatements: StatementsFor<FactWrite> = {
  expect_facts: (_, { namespaceId, groups }) =>
    jsonChunks(
      groups.map(({ subject, slot, facts, retracted, superseded }) => [
        subject,
        slot,
        `${facts} ${retracted} ${superseded}`,
      ]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      guard(sql`select not exists (select 1 from json_each(${chunk}) j where j.value->>2 != (
        select count(*) || ' ' || count(f.retracted_at_ms) || ' ' || count(f.superseded_by) from facts f
        where f.namespace_id = ${namespaceId} and f.subject = j.value->>0 and f.slot = j.value->>1))`),
    ),
  insert_facts: (_, { facts }) => [
    // The evidence must still be there, or a fact would outlive its cube.
    ...jsonChunks(
      facts.map(({ namespaceId, seq, cubeId }) => [namespaceId, seq, cubeId]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      guard(sql`select count(*) = json_array_length(${chunk}) from json_each(${chunk}) j
        cross join cubes c on c.namespace_id = j.value->>0 and c.seq = j.value->>1 and c.cube_id = j.value->>2`),
    ),
    ...jsonChunks(facts.map(factValues), CHUNK_BYTES_MAX).map((chunk) =>
      statement(sql`insert into facts (${FACT_COLUMNS}) select ${elements(19)} from json_each(${chunk}) j`),
    ),
  ],
  end_facts: (_, { namespaceId, facts }) =>
    jsonChunks(
      facts.map(({ id, validToMs, supersededBy }) => [id, validToMs, supersededBy]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      // The plus, here and below, keeps SQLite from walking the facts of the namespace instead of the ids.
      statement(sql`update facts set valid_to_ms = j.value->>1, superseded_by = j.value->>2 from json_each(${chunk}) j
        where facts.id = j.value->>0 and +facts.namespace_id = ${namespaceId}`),
    ),
  retract_facts: (_, { namespaceId, ids, atMs, by }) => [
    statement(sql`update facts set retracted_at_ms = ${atMs}, retracted_by = ${by}
      where +namespace_id = ${namespaceId} and id in ${inJson(ids)} and retracted_at_ms is null`),
  ],
  link_facts: (_, { links }) =>
    jsonChunks(links.map(linkValues), CHUNK_BYTES_MAX).map((chunk) =>
      statement(sql`insert into fact_links (${LINK_COLUMNS}) select ${elements(9)} from json_each(${chunk}) j
        where exists (select 1 from facts f where f.id = j.value->>1) and exists (select 1 from facts f where f.id = j.value->>2)
        on conflict do update set undone_at_ms = null, undone_by = null`),
    ),
  unlink_facts: (_, { namespaceId, links, atMs, by }) => [unlink(namespaceId, links, atMs, by)],
}

const unlink = (namespaceId: number, links: readonly FactLinkName[], atMs: number, by: string): Statement =>
  statement(sql`update fact_links set undone_at_ms = ${atMs}, undone_by = ${by} where namespace_id = ${namespaceId} and undone_at_ms is null
    and (from_id, to_id, relation) in (select j.value->>0, j.value->>1, j.value->>2
      from json_each(${toJson(links.map(({ fromId, toId, relation }) => [fromId, toId, relation]))}) j)`)

/**
 * Takes the facts of erased cubes away, and what only followed from them: a fact that one of them superseded holds until the next
 * statement that is left. `chunk` is a JSON array of rows that begin with namespace and sequence number.
 */
export function forgetFacts(chunk: string): Statement[] {
  const places = sql`(select j.value->>0, j.value->>1 from json_each(${chunk}) j)`
  const spaces = sql`(select j.value->>0 from json_each(${chunk}) j)`
  const gone = sql`(select f.id from json_each(${chunk}) j cross join facts f on f.namespace_id = j.value->>0 and f.seq = j.value->>1)`
  const next = nextChange({ atMs: null, where: sql`(k.namespace_id, k.seq) not in ${places}` })
  const orphaned = sql`select f.namespace_id, f.id, f.stated_to_ms, ${next} as next from json_each(${chunk}) j
    cross join facts b on b.namespace_id = j.value->>0 and b.seq = j.value->>1
    cross join fact_links l on l.namespace_id = b.namespace_id and l.from_id = b.id and l.relation = 'supersedes' and l.undone_at_ms is null
    cross join facts f on f.id = l.to_id where (f.namespace_id, f.seq) not in ${places}`
  return [
    statement(sql`insert into fact_links (${LINK_COLUMNS})
      select o.namespace_id, o.next->>1, o.id, 'supersedes', o.stated_to_ms, 'system', max(o.next->>2, coalesce((select max(h.created_at_ms) + 1
        from fact_links h where h.namespace_id = o.namespace_id and h.from_id = o.next->>1 and h.to_id = o.id), 0)), null, null
      from (${orphaned}) o where o.next is not null on conflict do nothing`),
    // Apart from the update, and found by id: joined into it, the planner walks every fact of the database.
    statement(sql`with o as materialized (${orphaned}) update facts set valid_to_ms = coalesce(o.next->>0, o.stated_to_ms), superseded_by = o.next->>1
      from o where facts.id = o.id`),
    // Each column has its own `in`: SQLite looks a pair up by its first column alone, which is a walk over the links of the namespace.
    statement(sql`delete from fact_links where namespace_id in ${spaces} and from_id in ${gone}`),
    statement(sql`delete from fact_links where namespace_id in ${spaces} and to_id in ${gone}`),
    statement(sql`delete from facts where (namespace_id, seq) in ${places}`),
  ]
}
