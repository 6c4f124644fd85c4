import { type SQL, sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { RenditionPlace, RenditionWrite } from '../../ports/writes/renditions.ts'
import { inJson, jsonChunks, statement, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

/** Statements of each decision, in the order in which they must run. */
export const renditionStatements: StatementsFor<RenditionWrite> = {
  put_rendition: (_, { row, cid, sources }) => [
    ...(row.session === '' ? [] : endConversation(row)),
    statement(sql`insert or replace into kv_renditions (cube_id, model, namespace_id, session, digest, rendition, bytes, used_at_ms, created_at_ms)
      select c.cube_id, ${row.model}, c.namespace_id, ${row.session}, ${row.digest}, ${toJson(row.rendition)}, ${row.bytes}, ${row.usedAtMs}, ${row.createdAtMs}
      from cubes c where c.cube_id = ${row.cubeId} and c.cid = ${cid} and c.state not in ('archived', 'expired')
      and (select count(*) from cubes s where s.cube_id in ${inJson(sources)}) = ${sources.length}`),
    statement(sql`insert or ignore into kv_sources (source_id, cube_id, namespace_id)
      select j.value, k.cube_id, k.namespace_id from json_each(${toJson(sources)}) j cross join kv_renditions k
      where k.cube_id = ${row.cubeId} and k.model = ${row.model} and k.session = ${row.session}`),
  ],
  drop_renditions: (_, { renditions }) =>
    chunksOf(renditions).flatMap((chunk) => [
      statement(sql`delete from kv_renditions where (cube_id, model, session) in ${placesIn(chunk)}`),
      statement(
        sql`delete from kv_sources where cube_id in (select j.value->>0 from json_each(${chunk}) j where j.value->>2 != '')`,
      ),
    ]),
  reopen_promotions: (orgId, { taskIds, because, atMs }) => [
    statement(sql`update tasks set state = 'cancelled', error = ${because}, updated_at_ms = ${atMs}
      where id in ${inJson(taskIds)} and +org_id = ${orgId} and state = 'succeeded'`),
  ],
  touch_renditions: (_, { renditions, atMs }) =>
    chunksOf(renditions).map((chunk) =>
      statement(
        sql`update kv_renditions set used_at_ms = max(used_at_ms, ${atMs}) where (cube_id, model, session) in ${placesIn(chunk)}`,
      ),
    ),
}

const chunksOf = (renditions: readonly RenditionPlace[]): string[] =>
  jsonChunks(
    renditions.map(({ cubeId, model, session }) => [cubeId, model, session]),
    CHUNK_BYTES_MAX,
  )

const placesIn = (chunk: string): SQL => sql`(select j.value->>0, j.value->>1, j.value->>2 from json_each(${chunk}) j)`

/** The cache of a conversation as it was a turn before. */
function endConversation({ namespaceId, session, model }: { namespaceId: number; session: string; model: string }) {
  const here = sql`namespace_id = ${namespaceId} and session = ${session} and session != '' and model = ${model}`
  return [
    statement(sql`delete from kv_sources where cube_id in (select cube_id from kv_renditions where ${here})`),
    statement(sql`delete from kv_renditions where ${here}`),
  ]
}

/**
 * What cubes leave behind that are erased or say something else by now: their caches, and those of the conversations that they take part in.
 * `ids` is a list or a subquery in brackets.
 */
export const forgetRenditions = (ids: SQL): Statement[] => {
  const conversations = sql`(select s.cube_id from kv_sources s where s.source_id in ${ids})`
  return [
    statement(sql`delete from kv_renditions where session != '' and cube_id in ${conversations}`),
    statement(sql`delete from kv_renditions where cube_id in ${ids}`),
    statement(
      sql`delete from kv_sources where cube_id in (select s.cube_id from kv_sources s where s.source_id in ${ids} or s.cube_id in ${ids})`,
    ),
  ]
}
