import { eq, type SQL, sql } from 'drizzle-orm'
import { BLOCKS_MAX, SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import { blockChanges, blockMembers, blocks } from '../../../schemas/tables/blocks.ts'
import type { Statement } from '../../ports/database.ts'
import type { BlockWrite } from '../../ports/writes/blocks.ts'
import { builder, guard, inJson, jsonChunks, statement, statementOf, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

type Of<K extends BlockWrite['kind']> = Extract<BlockWrite, { kind: K }>

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

/** Statements of each decision, in the order in which they must run. */
export const blocksStatements: StatementsFor<BlockWrite> = {
  insert_block: (_, { block }) => [
    guard(sql`select count(*) < ${BLOCKS_MAX} from blocks where namespace_id = ${block.namespaceId}`),
    statementOf(builder.insert(blocks).values(block)),
  ],
  change_block: (_, { blockId, version, set, atMs }) => [
    guard(
      sql`select ${version === null ? sql`count(*) = 1` : sql`count(*) = 1 and max(version) = ${version}`} from blocks where id = ${blockId}`,
    ),
    statementOf(
      builder
        .update(blocks)
        .set({ ...set, version: sql`${blocks.version} + 1`, updatedAtMs: atMs })
        .where(eq(blocks.id, blockId)),
    ),
  ],
  delete_block: (_, { blockId }) => [
    statementOf(builder.delete(blockMembers).where(eq(blockMembers.blockId, blockId))),
    statementOf(builder.delete(blockChanges).where(eq(blockChanges.blockId, blockId))),
    statementOf(builder.delete(blocks).where(eq(blocks.id, blockId))),
  ],
  add_members: (_, write) => addMembers(write),
  remove_members: (_, { blockId, cubeIds }) => [
    statement(sql`delete from block_members where block_id = ${blockId} and cube_id in ${inJson(cubeIds)}`),
  ],
  retire_members: (_, { blockId, cubeIds, atMs }) => [
    statement(
      sql`update block_members set retired_at_ms = ${atMs} where block_id = ${blockId} and cube_id in ${inJson(cubeIds)}`,
    ),
  ],
  move_members: (_, { fromId, toId, cubeIds }) => [
    statement(
      sql`update block_members set block_id = ${toId} where block_id = ${fromId} and cube_id in ${inJson(cubeIds)}`,
    ),
  ],
  set_ranks: (_, write) => setRanks(write),
  weigh_members: (_, { namespaceId, changes, dueMs }) => weighMembers(namespaceId, changes, dueMs),
  insert_feedback: (_, write) => insertFeedback(write),
  insert_change: (_, { change, changesMax }) => [
    statementOf(builder.insert(blockChanges).values(change)),
    statement(sql`delete from block_changes where block_id = ${change.blockId} and id in (select id from block_changes
      where block_id = ${change.blockId} order by id desc limit -1 offset ${changesMax})`),
  ],
  judge_change: (_, { changeId, judgement, atMs }) => [
    statementOf(
      builder
        .update(blockChanges)
        .set({ ...judgement, judgedAtMs: atMs })
        .where(eq(blockChanges.id, changeId)),
    ),
  ],
  undo_change: (_, { changeId, atMs }) => [
    guard(sql`select count(*) = 1 from block_changes where id = ${changeId} and undone_at_ms is null`),
    statement(
      sql`update block_changes set undone_at_ms = ${atMs}, judged_at_ms = coalesce(judged_at_ms, ${atMs}) where id = ${changeId}`,
    ),
  ],
  rest_block: (_, { blockId, dueMs, nextDueMs }) => [
    statement(sql`update blocks set due_ms = ${nextDueMs} where id = ${blockId} and due_ms = ${dueMs}`),
  ],
}

function addMembers({ blockId, namespaceId, cubeIds, atMs, membersMax }: Of<'add_members'>): Statement[] {
  if (cubeIds.length === 0) return []
  const room = sql`select count(*) <= ${membersMax} from block_members where block_id = ${blockId} and retired_at_ms is null`
  return [
    guard(sql`select count(*) = 1 from blocks where id = ${blockId} and namespace_id = ${namespaceId}`),
    // A cube that was erased meanwhile has nothing left to be a member with.
    statement(sql`insert into block_members (block_id, cube_id, namespace_id, weight, added_at_ms)
      select ${blockId}, c.cube_id, c.namespace_id, c.usefulness, ${atMs} from json_each(${toJson(cubeIds)}) j
      cross join cubes c on c.cube_id = j.value where c.namespace_id = ${namespaceId}
      on conflict (block_id, cube_id) do update set retired_at_ms = null`),
    ...(membersMax === null ? [] : [guard(room)]),
  ]
}

function setRanks({ blockId, namespaceId, ranks }: Of<'set_ranks'>): Statement[] {
  const rows = ranks.map(({ cubeId, from, to }) => [cubeId, from.usefulness, to.usefulness, from.weight, to.weight])
  const moved = (column: SQL, from: SQL, to: SQL) =>
    sql`case when abs(${column} - (${from})) < 1e-9 then ${to} else max(-1, min(1, ${column} + (${to}) - (${from}))) end`
  return jsonChunks(rows, CHUNK_BYTES_MAX).flatMap((chunk) => [
    statement(sql`update cubes set usefulness = ${moved(sql.raw('usefulness'), sql.raw('j.value->>1'), sql.raw('j.value->>2'))}
      from json_each(${chunk}) j where cubes.cube_id = j.value->>0 and +cubes.namespace_id = ${namespaceId}`),
    statement(sql`update block_members set weight = ${moved(sql.raw('weight'), sql.raw('j.value->>3'), sql.raw('j.value->>4'))}
      from json_each(${chunk}) j where block_members.block_id = ${blockId} and block_members.cube_id = j.value->>0`),
  ])
}

function weighMembers(namespaceId: number, changes: Of<'weigh_members'>['changes'], dueMs: number): Statement[] {
  const rows = changes.map(({ cubeId, keep, add }) => [cubeId, keep, add])
  return jsonChunks(rows, CHUNK_BYTES_MAX).flatMap((chunk) => [
    statement(sql`with u as materialized (select j.value->>0 as cube_id, j.value->>1 as keep, j.value->>2 as added from json_each(${chunk}) j)
      update block_members set weight = max(-1, min(1, weight * u.keep + u.added))
      from u where block_members.namespace_id = ${namespaceId} and block_members.cube_id = u.cube_id`),
    statement(sql`update blocks set due_ms = ${dueMs} where due_ms is null and namespace_id = ${namespaceId} and id in (select m.block_id
      from json_each(${chunk}) j cross join block_members m on m.namespace_id = ${namespaceId} and m.cube_id = j.value->>0)`),
  ])
}

function insertFeedback({ feedback, perCubeMax }: Of<'insert_feedback'>): Statement[] {
  const rows = feedback.map((f) => [f.id, f.namespaceId, f.cubeId, f.outcome, f.requestId, f.query, f.caller, f.atMs])
  const places = toJson(
    [...new Set(feedback.map((f) => JSON.stringify([f.namespaceId, f.cubeId])))].map((one) => JSON.parse(one)),
  )
  return [
    ...jsonChunks(rows, CHUNK_BYTES_MAX).map((chunk) =>
      statement(sql`insert into feedback (id, namespace_id, cube_id, outcome, request_id, query, caller, at_ms)
        select j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6, j.value->>7 from json_each(${chunk}) j`),
    ),
    statement(sql`delete from feedback where id in (select f.id from json_each(${places}) j cross join feedback f
      on f.namespace_id = j.value->>0 and f.cube_id = j.value->>1 where f.id < (select o.id from feedback o
        where o.namespace_id = j.value->>0 and o.cube_id = j.value->>1 order by o.id desc limit 1 offset ${perCubeMax - 1}))`),
  ]
}

/** What goes with erased cubes: feedback, memberships, the blocks whose core they are. Rows of `chunk` begin with namespace, seq and id. */
export function forgetBlocks(chunk: string): Statement[] {
  // One `in` for each column: of a pair SQLite looks up the first one only, and walks the namespace.
  const here = sql`namespace_id in (select j.value->>0 from json_each(${chunk}) j) and cube_id in (select j.value->>2 from json_each(${chunk}) j)`
  const ids = sql`(select b.id from json_each(${chunk}) j cross join blocks b on b.core_cube_id = j.value->>2)`
  return [
    statement(sql`delete from feedback where ${here}`),
    statement(sql`delete from block_members where ${here}`),
    statement(sql`delete from block_members where block_id in ${ids}`),
    statement(sql`delete from block_changes where block_id in ${ids}`),
    statement(sql`delete from blocks where id in ${ids}`),
  ]
}
