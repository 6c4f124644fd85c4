import { sql } from 'drizzle-orm'
import { BRANCH_CUBES_MAX, BRANCHES_MAX, SNAPSHOT_CUBES_MAX, SNAPSHOTS_MAX } from '../../../schemas/limits.ts'
import { branchCubes, branches } from '../../../schemas/tables/time-machine.ts'
import type { Statement } from '../../ports/database.ts'
import type { TimeMachineWrite } from '../../ports/writes/time-machine.ts'
import { builder, guard, statement, statementOf, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

type Write<K extends TimeMachineWrite['kind']> = Extract<TimeMachineWrite, { kind: K }>

/** Decisions of the time machine as statements. */
export const timeMachineStatements: StatementsFor<TimeMachineWrite> = {
  insert_snapshot: (_, write) => insertSnapshot(write),
  delete_snapshot: (_, { snapshotId, namespaceId }) => deleteSnapshot(snapshotId, namespaceId),
  insert_branch: (_, { branch }) => [
    guard(sql`select count(*) < ${BRANCHES_MAX} from branches where namespace_id = ${branch.namespaceId}`),
    statementOf(builder.insert(branches).values(branch)),
  ],
  delete_branch: (_, { branchId, namespaceId, snapshotId }) => [
    statement(sql`delete from branch_cubes where branch_id = ${branchId} and namespace_id = ${namespaceId}`),
    statement(sql`delete from branches where id = ${branchId} and namespace_id = ${namespaceId}`),
    ...deleteSnapshot(snapshotId, namespaceId),
  ],
  put_branch_cube: (_, write) => putBranchCube(write),
  drop_branch_cube: (_, { branchId, cubeId, before }) => [
    guard(isOpen(branchId)),
    guard(sql`select cid is ${before} from branch_cubes where branch_id = ${branchId} and cube_id = ${cubeId}`),
    statement(sql`delete from branch_cubes where branch_id = ${branchId} and cube_id = ${cubeId}`),
  ],
  close_branch: (_, write) => closeBranch(write),
  expect_no_newer: (_, { namespaceId, nextSeq }) => [
    guard(sql`select next_seq = ${nextSeq} from namespaces where id = ${namespaceId}`),
  ],
}

const isOpen = (branchId: string) => sql`select state = 'open' from branches where id = ${branchId}`

function insertSnapshot({ snapshot, cubeId }: Write<'insert_snapshot'>): Statement[] {
  const { id, namespaceId, name, createdBy, createdAtMs } = snapshot
  const only = cubeId === null ? sql`1` : sql`c.cube_id = ${cubeId}`
  const here = sql`from cubes c where c.namespace_id = ${namespaceId} and ${only} and c.state != 'expired' and (c.expires_at_ms is null or c.expires_at_ms > ${createdAtMs})`
  return [
    guard(
      sql`select count(*) < ${SNAPSHOTS_MAX} from snapshots where namespace_id = ${namespaceId} and name is not null`,
    ),
    guard(sql`select count(*) <= ${SNAPSHOT_CUBES_MAX} ${here}`),
    statement(sql`insert into snapshots (id, namespace_id, name, cube_count, created_by, created_at_ms)
      select ${id}, ${namespaceId}, ${name}, (select count(*) ${here}), ${createdBy}, ${createdAtMs}`),
    statement(sql`insert into snapshot_cubes (snapshot_id, cube_id, namespace_id, seq, revision, cid, state)
      select ${id}, c.cube_id, c.namespace_id, c.seq, c.revision, c.cid, c.state ${here}`),
  ]
}

const deleteSnapshot = (snapshotId: string, namespaceId: number): Statement[] => [
  statement(sql`delete from snapshot_cubes where snapshot_id = ${snapshotId} and namespace_id = ${namespaceId}`),
  statement(sql`delete from snapshots where id = ${snapshotId} and namespace_id = ${namespaceId}`),
]

function putBranchCube({ row, before }: Write<'put_branch_cube'>): Statement[] {
  const held = sql`from branch_cubes where branch_id = ${row.branchId} and cube_id = ${row.cubeId}`
  return [
    guard(isOpen(row.branchId)),
    guard(before === undefined ? sql`select not exists (select 1 ${held})` : sql`select cid is ${before} ${held}`),
    // A cube that has been erased meanwhile must not live on in a branch.
    ...(row.local?.made ? [] : [guard(sql`select exists (select 1 from cubes where cube_id = ${row.cubeId})`)]),
    statementOf(
      builder
        .insert(branchCubes)
        .values(row)
        .onConflictDoUpdate({
          target: [branchCubes.branchId, branchCubes.cubeId],
          set: {
            revision: row.revision,
            cid: row.cid,
            bytes: row.bytes,
            local: row.local,
            author: row.author,
            updatedAtMs: row.updatedAtMs,
          },
        }),
    ),
    guard(sql`select count(*) <= ${BRANCH_CUBES_MAX} from branch_cubes where branch_id = ${row.branchId}`),
  ]
}

function closeBranch({ branchId, snapshotId, namespaceId, rows, atMs }: Write<'close_branch'>): Statement[] {
  const read = toJson(rows.map(({ cubeId, cid }) => [cubeId, cid]))
  return [
    guard(isOpen(branchId)),
    guard(sql`select count(*) = ${rows.length} and count(*) = (select count(*) from branch_cubes where branch_id = ${branchId})
      from json_each(${read}) j cross join branch_cubes b on b.branch_id = ${branchId} and b.cube_id = j.value->>0 where b.cid is j.value->>1`),
    statement(sql`delete from branch_cubes where branch_id = ${branchId}`),
    ...deleteSnapshot(snapshotId, namespaceId),
    statement(sql`update branches set state = 'merged', closed_at_ms = ${atMs} where id = ${branchId}`),
  ]
}
