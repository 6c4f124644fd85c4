import { type SQL, sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { StoredCube } from '../../ports/vault-write.ts'
import { forgetBlocks } from '../blocks/blocks-statements.ts'
import { forgetMentions } from '../knowledge/entity-statements.ts'
import { forgetFacts } from '../knowledge/fact-statements.ts'
import { forgetRenditions } from '../renditions/rendition-statements.ts'
import { deleteEmbeddingsOf, deletePostingsOf } from './index-rows.ts'
import { guard, jsonChunks, statement } from './sql.ts'

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

/** Tables whose rows belong to one cube by its place in the namespace, and those that name it by its id. */
const BY_SEQ = ['cold_embeddings', 'transitions', 'stale_knowledge', 'hot_cubes'] as const
const BY_CUBE_ID = ['revisions', 'snapshot_cubes', 'branch_cubes'] as const

/** Tables whose rows belong to a namespace. Rows of `revisions` name the cube only, rows of `namespaces` are the last to go. */
const OF_NAMESPACE = [
  'cubes',
  'postings',
  'cold_postings',
  'sessions',
  'embeddings',
  'cold_embeddings',
  'vector_spaces',
  'tombstones',
  'transitions',
  'snapshots',
  'snapshot_cubes',
  'branches',
  'branch_cubes',
  'entities',
  'entity_aliases',
  'mentions',
  'stale_knowledge',
  'facts',
  'fact_links',
  'hot_cubes',
  'schedules',
  'decisions',
  'permissions',
  'pipeline_runs',
  'outbox',
  'blocks',
  'block_members',
  'block_changes',
  'feedback',
  'mip_subscriptions',
  'mip_ingested',
  'kv_renditions',
  'kv_sources',
] as const

/**
 * Erases cubes of one or several namespaces from every table; leaves tombstones without content. A statement per table however many cubes there
 * are: D1 counts statements.
 */
export function eraseCubes(cubes: readonly StoredCube[], atMs: number, reason: string): Statement[] {
  const rows = cubes.map((c) => [c.namespaceId, c.seq, c.cubeId, c.revision, c.cid, c.termCount, c.sessionId])
  return jsonChunks(rows, CHUNK_BYTES_MAX)
    .flatMap((chunk) => eraseChunk(chunk, atMs, reason))
    .toSpliced(
      0,
      0,
      ...expectUnchanged(cubes),
      ...deletePostingsOf('postings', cubes),
      ...deletePostingsOf('cold_postings', cubes),
      ...deleteEmbeddingsOf(cubes),
    )
}

function expectUnchanged(cubes: readonly StoredCube[]): Statement[] {
  const rows = cubes.map(({ namespaceId, seq, cubeId, revision }) => [namespaceId, seq, cubeId, revision])
  return jsonChunks(rows, CHUNK_BYTES_MAX).map((chunk) =>
    guard(sql`select count(*) = json_array_length(${chunk}) from json_each(${chunk}) j cross join cubes c
      on c.namespace_id = j.value->>0 and c.seq = j.value->>1 where c.cube_id = j.value->>2 and c.revision = j.value->>3 and c.state != 'frozen'`),
  )
}

function eraseChunk(chunk: string, atMs: number, reason: string): Statement[] {
  const places = sql`(select j.value->>0, j.value->>1 from json_each(${chunk}) j)`
  const ids = sql`(select j.value->>2 from json_each(${chunk}) j)`
  return [
    // What is archived is not counted among the documents that searches compare.
    statement(sql`update namespaces set cube_count = cube_count - d.cubes, term_total = term_total - d.terms
      from (select j.value->>0 as namespace_id, count(*) as cubes, sum(j.value->>5) as terms from json_each(${chunk}) j
        cross join cubes c on c.namespace_id = j.value->>0 and c.seq = j.value->>1 where c.state != 'archived' group by 1) d
      where namespaces.id = d.namespace_id`),
    statement(sql`update sessions set term_total = term_total - d.terms
      from (select j.value->>6 as id, sum(j.value->>5) as terms from json_each(${chunk}) j
        cross join cubes c on c.namespace_id = j.value->>0 and c.seq = j.value->>1 where c.state != 'archived' group by 1) d
      where sessions.id = d.id`),
    statement(
      sql`update namespaces set next_change = next_change + 1 where id in (select j.value->>0 from json_each(${chunk}) j)`,
    ),
    ...forgetFacts(chunk),
    ...forgetMentions(chunk),
    ...forgetBlocks(chunk),
    ...forgetRenditions(ids),
    ...BY_SEQ.map((table) => statement(sql`delete from ${sql.raw(table)} where (namespace_id, seq) in ${places}`)),
    uncountPinned(ids),
    ...BY_CUBE_ID.map((table) => statement(sql`delete from ${sql.raw(table)} where cube_id in ${ids}`)),
    forgetPublished(sql`select j.value->>0 as namespace_id, j.value->>2 as cube_id from json_each(${chunk}) j`),
    statement(sql`delete from permissions where cube_id in ${ids}`),
    statement(sql`delete from cubes where (namespace_id, seq) in ${places}`),
    statement(sql`insert into tombstones (cube_id, namespace_id, cid, deleted_at_ms, reason)
      select j.value->>2, j.value->>0, j.value->>4, ${atMs}, ${reason} from json_each(${chunk}) j
      where true on conflict (cube_id) do update set deleted_at_ms = excluded.deleted_at_ms`),
  ]
}

/** Snapshots pin less from now on; what is gone is kept as a number by sensitivity, so that it is told to nobody who might not have read it. */
const uncountPinned = (ids: SQL): Statement =>
  statement(sql`update snapshots set cube_count = cube_count - d.cubes, erased_none = erased_none + d.none,
      erased_personal = erased_personal + d.personal, erased_secret = erased_secret + d.secret
    from (select k.snapshot_id as id, count(*) as cubes, sum(c.sensitivity = 'none') as none, sum(c.sensitivity = 'personal') as personal,
      sum(c.sensitivity = 'secret') as secret from snapshot_cubes k cross join cubes c on c.cube_id = k.cube_id
      where k.cube_id in ${ids} group by 1) d where snapshots.id = d.id`)

/**
 * What was published of cubes, redacted copies among it, is served no longer. `from` gives a namespace and a cube as `s.namespace_id` and `s.cube_id`. That they were
 * published stays in the log; a revocation tells peers.
 */
const forgetPublished = (from: SQL): Statement => {
  const logs = sql`(${from}) s cross join namespaces n on n.id = s.namespace_id cross join mip_logs l on l.org_id = n.org_id and l.role = 'own'`
  return statement(sql`delete from mip_objects where rowid in (
    select o.rowid from ${logs} cross join mip_objects o on o.org_id = l.org_id and o.did = l.did and o.cube = s.cube_id
    union all
    select o.rowid from ${logs} cross join mip_objects o on o.org_id = l.org_id and o.did = l.did and o.source = s.cube_id and o.source != '')`)
}

/** Erases everything that belongs to a namespace. */
export function eraseNamespace(namespaceId: number): Statement[] {
  const here: SQL = sql`namespace_id = ${namespaceId}`
  return [
    forgetPublished(sql`select namespace_id, cube_id from cubes where ${here}`),
    statement(sql`delete from revisions where cube_id in (select cube_id from cubes where ${here})`),
    ...OF_NAMESPACE.map((table) => statement(sql`delete from ${sql.raw(table)} where ${here}`)),
    statement(sql`delete from namespaces where id = ${namespaceId}`),
  ]
}
