import { sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { CubeTransition, LifecycleWrite } from '../../ports/writes/lifecycle.ts'
import { guard, jsonChunks, statement, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'
import { intoCold, intoHot } from './cold-index.ts'

type Transition = Extract<LifecycleWrite, { kind: 'transition_cubes' }>

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

/** Decisions of MemLifecycle as statements. */
export const lifecycleStatements: StatementsFor<LifecycleWrite> = {
  transition_cubes: (_, write) => transitionCubes(write),
  purge_revisions: (_, { namespaceId, revisions }) =>
    jsonChunks(
      revisions.map(({ cubeId, number }) => [cubeId, number]),
      CHUNK_BYTES_MAX,
    ).flatMap((chunk) => purgeRevisions(namespaceId, chunk)),
  advance_lifecycle: (_, { namespaceId, fromSeq, toSeq, dueMs, fromDueMs }) => [
    statement(
      sql`update namespaces set lifecycle_seq = ${toSeq}, lifecycle_due_ms = ${dueMs} where id = ${namespaceId} and lifecycle_seq = ${fromSeq}
        and ${fromDueMs === undefined ? sql`1` : sql`lifecycle_due_ms = ${fromDueMs}`} returning id`,
    ),
  ],
  advance_consolidation: (_, { namespaceId, toSeq }) => [
    statement(sql`update namespaces set consolidated_seq = max(consolidated_seq, ${toSeq}) where id = ${namespaceId}`),
  ],
}

function transitionCubes(write: Transition): Statement[] {
  const { namespaceId, cubes, event, reason, caller, atMs, mergedInto = null, unusedSinceMs } = write
  const rows = toJson(cubes.map((c) => [c.seq, c.cubeId, c.revision, c.from, c.to]))
  const here = sql`json_each(${rows}) j cross join cubes c on c.namespace_id = ${namespaceId} and c.seq = j.value->>0`
  const unused =
    unusedSinceMs === undefined ? sql`1` : sql`max(c.updated_at_ms, coalesce(c.last_used_at_ms, 0)) <= ${unusedSinceMs}`
  return [
    guard(sql`select count(*) = ${cubes.length} from ${here}
      where c.cube_id = j.value->>1 and c.revision = j.value->>2 and c.state = j.value->>3 and ${unused}`),
    statement(sql`insert into transitions (namespace_id, seq, cube_id, from_state, to_state, event, caller, reason, at_ms)
      select ${namespaceId}, j.value->>0, j.value->>1, j.value->>3, j.value->>4, ${event}, ${caller}, ${reason}, ${atMs} from json_each(${rows}) j`),
    ...[...Map.groupBy(cubes, ({ to }) => to)].map(([to, list]) =>
      statement(sql`update cubes set state = ${to}, merged_into = ${mergedInto}
        where namespace_id = ${namespaceId} and seq in (select value from json_each(${toJson(list.map(({ seq }) => seq))}))`),
    ),
    ...intoCold(namespaceId, cubes.filter(leavesIndex)),
    ...intoHot(namespaceId, cubes.filter(entersIndex)),
  ]
}

const leavesIndex = ({ from, to }: CubeTransition): boolean => from !== 'archived' && to === 'archived'
const entersIndex = ({ from, to }: CubeTransition): boolean => from === 'archived' && to !== 'archived'

function purgeRevisions(namespaceId: number, chunk: string): Statement[] {
  const named = sql`(select j.value->>0, j.value->>1 from json_each(${chunk}) j)`
  return [
    guard(sql`select not exists (select 1 from json_each(${chunk}) j cross join snapshots p cross join snapshot_cubes s on s.snapshot_id = p.id
      and s.cube_id = j.value->>0 where p.namespace_id = ${namespaceId} and s.revision = j.value->>1)`),
    guard(sql`select count(*) = json_array_length(${chunk}) from json_each(${chunk}) j cross join cubes c on c.cube_id = j.value->>0
      where c.namespace_id = ${namespaceId} and c.revision > j.value->>1 and c.state != 'frozen'`),
    statement(sql`delete from revisions where (cube_id, number) in ${named}`),
  ]
}
