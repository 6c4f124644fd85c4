import { type SQL, sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { EntityWrite } from '../../ports/writes/knowledge.ts'
import { guard, inJson, jsonChunks, statement } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

type Write<K extends EntityWrite['kind']> = Extract<EntityWrite, { kind: K }>

export const entityStatements: StatementsFor<EntityWrite> = {
  put_mentions: (_, write) => putMentions(write),
  set_rule_aliases: (_, write) => [
    ...write.drop.flatMap((alias) => dropRuleAlias(write.namespaceId, alias)),
    ...write.put.flatMap(([alias, parent]) => putRuleAlias(write, alias, parent)),
  ],
  merge_entities: (_, write) => mergeEntities(write),
  split_entity: (_, write) => splitEntity(write),
}

function putMentions({
  namespaceId,
  fromSeq,
  readSeq,
  reread,
  cubes,
  entities,
  atMs,
}: Write<'put_mentions'>): Statement[] {
  const places = cubes.map(({ seq, cid }) => [namespaceId, seq, cid])
  const named = entities.map(({ key, name, kind }) => [key, name, kind])
  const mentioned = cubes.flatMap(({ seq, mentions }) => mentions.map(([key, count]) => [key, seq, count]))
  const kept = [...new Set(cubes.flatMap(({ mentions }) => mentions.map(([key]) => key)))]
  return [
    guard(sql`select knowledge_seq = ${fromSeq} from namespaces where id = ${namespaceId}`),
    ...jsonChunks(places, CHUNK_BYTES_MAX).flatMap((chunk) => [
      guard(sql`select count(*) = json_array_length(${chunk}) from json_each(${chunk}) j cross join cubes c
        on c.namespace_id = ${namespaceId} and c.seq = j.value->>1 where c.cid = j.value->>2`),
      ...forgetMentions(chunk, kept),
    ]),
    ...(reread.length === 0
      ? []
      : [statement(sql`delete from stale_knowledge where namespace_id = ${namespaceId} and seq in ${inJson(reread)}`)]),
    ...jsonChunks(named, CHUNK_BYTES_MAX).map((chunk) =>
      // What was only a thing is known better once a sentence says what it is.
      statement(sql`insert into entities (namespace_id, key, name, kind, created_at_ms)
        select ${namespaceId}, j.value->>0, j.value->>1, j.value->>2, ${atMs} from json_each(${chunk}) j
        where true on conflict (namespace_id, key) do update set kind = excluded.kind where kind = 'thing'`),
    ),
    ...jsonChunks(mentioned, CHUNK_BYTES_MAX).map((chunk) =>
      statement(sql`insert into mentions (namespace_id, key, seq, count)
        select ${namespaceId}, j.value->>0, j.value->>1, j.value->>2 from json_each(${chunk}) j order by 2, 3`),
    ),
    statement(sql`update namespaces set knowledge_seq = ${readSeq} where id = ${namespaceId}`),
  ]
}

/**
 * Takes cubes out of the mentions; names that no other cube uses go with them, also where they are another one's alias: an erased memory must not
 * leave its names behind. `chunk` is a JSON array of [namespaceId, seq, …]; `kept` are names that the same batch mentions anew.
 */
export function forgetMentions(chunk: string, kept: readonly string[] = []): Statement[] {
  const places = sql`(select j.value->>0, j.value->>1 from json_each(${chunk}) j)`
  // The index is named: left to itself, the planner reads every mention of the namespace.
  const here = sql`json_each(${chunk}) j cross join mentions m indexed by mentions_seq on m.namespace_id = j.value->>0 and m.seq = j.value->>1`
  const gone = sql`with gone (namespace_id, key) as materialized (select distinct m.namespace_id, m.key from ${here}
    where not exists (select 1 from mentions o where o.namespace_id = m.namespace_id and o.key = m.key and (o.namespace_id, o.seq) not in ${places})
    and m.key not in ${inJson(kept)})`
  // Each column has its own `in` too: SQLite looks a pair up by its first column alone, which is a walk over the namespace.
  const isGone = (column: 'alias' | 'parent' | 'key') => {
    const name = sql.raw(column)
    return sql`namespace_id in (select namespace_id from gone) and ${name} in (select key from gone)
      and (+namespace_id, +${name}) in (select namespace_id, key from gone)`
  }
  return [
    ...(['alias', 'parent', 'key'] as const).map((column) =>
      statement(sql`${gone} delete from entity_aliases where ${isGone(column)}`),
    ),
    statement(sql`${gone} delete from entities where ${isGone('key')}`),
    statement(
      sql`delete from mentions where (namespace_id, key, seq) in (select m.namespace_id, m.key, m.seq from ${here})`,
    ),
  ]
}

const aliasOf = (namespaceId: number, alias: string): SQL =>
  sql`select 1 from entity_aliases where namespace_id = ${namespaceId} and alias = ${alias} and key != alias`

function mergeEntities({ namespaceId, from, into, by, atMs }: Write<'merge_entities'>): Statement[] {
  return [
    guard(
      sql`select ${from} != ${into} and not exists (${aliasOf(namespaceId, from)}) and not exists (${aliasOf(namespaceId, into)})`,
    ),
    putAlias({ namespaceId, alias: from, parent: into, key: sql`${into}`, source: 'caller', by, atMs }),
    statement(
      sql`update entity_aliases set key = ${into} where namespace_id = ${namespaceId} and key = ${from} and alias != ${from}`,
    ),
  ]
}

function splitEntity({ namespaceId, alias, by, atMs }: Write<'split_entity'>): Statement[] {
  return [
    guard(sql`select exists (${aliasOf(namespaceId, alias)})`),
    reroot(namespaceId, alias),
    putAlias({ namespaceId, alias, parent: alias, key: sql`${alias}`, source: 'caller', by, atMs }),
  ]
}

interface AliasRow {
  namespaceId: number
  alias: string
  parent: string
  key: SQL
  source: 'rules' | 'caller'
  by: string
  atMs: number
}

const putAlias = ({ namespaceId, alias, parent, key, source, by, atMs }: AliasRow): Statement =>
  statement(sql`insert into entity_aliases (namespace_id, alias, parent, key, source, created_by, created_at_ms)
    values (${namespaceId}, ${alias}, ${parent}, ${key}, ${source}, ${by}, ${atMs})
    on conflict (namespace_id, alias) do update set parent = excluded.parent, key = excluded.key, source = excluded.source,
    created_by = excluded.created_by, created_at_ms = excluded.created_at_ms`)

/** The names that were merged into `alias`, directly or not, belong to it again and no longer to what it was merged into. */
const reroot = (namespaceId: number, alias: string): Statement =>
  statement(sql`with recursive below (name) as (select ${alias} union
      select a.alias from below cross join entity_aliases a on a.namespace_id = ${namespaceId} and a.parent = below.name)
    update entity_aliases set key = ${alias} where namespace_id = ${namespaceId} and alias != ${alias} and alias in (select name from below)`)

function putRuleAlias({ namespaceId, atMs }: Write<'set_rule_aliases'>, alias: string, parent: string): Statement[] {
  const root = sql`coalesce((select key from entity_aliases where namespace_id = ${namespaceId} and alias = ${parent}), ${parent})`
  // Names that a caller merged or split are no business of the rules, and no chain may lead back to where it began.
  return [
    statement(sql`insert into entity_aliases (namespace_id, alias, parent, key, source, created_by, created_at_ms)
      select ${namespaceId}, ${alias}, ${parent}, ${root}, 'rules', 'rules', ${atMs} where ${root} != ${alias}
      on conflict (namespace_id, alias) do nothing`),
    statement(sql`update entity_aliases set key = ${root} where namespace_id = ${namespaceId} and key = ${alias} and alias != ${alias}
      and exists (select 1 from entity_aliases a where a.namespace_id = ${namespaceId} and a.alias = ${alias} and a.parent = ${parent})`),
  ]
}

function dropRuleAlias(namespaceId: number, alias: string): Statement[] {
  const isRule = sql`exists (select 1 from entity_aliases a where a.namespace_id = ${namespaceId} and a.alias = ${alias} and a.source = 'rules')`
  return [
    statement(sql`with recursive below (name) as (select ${alias} union
        select a.alias from below cross join entity_aliases a on a.namespace_id = ${namespaceId} and a.parent = below.name)
      update entity_aliases set key = ${alias} where namespace_id = ${namespaceId} and alias != ${alias} and alias in (select name from below) and ${isRule}`),
    statement(
      sql`delete from entity_aliases where namespace_id = ${namespaceId} and alias = ${alias} and source = 'rules'`,
    ),
  ]
}

/** A changed text waits for the next build, if the one before it was read at all. */
export const textChanged = (namespaceId: number, seq: number): Statement =>
  statement(sql`insert into stale_knowledge (namespace_id, seq) select id, ${seq} from namespaces where id = ${namespaceId} and knowledge_seq >= ${seq}
    on conflict (namespace_id, seq) do nothing`)
