import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { BranchLocal } from '../branch-local.ts'
import { LIFECYCLE_STATES } from '../lifecycle.ts'

/** A namespace, or one cube of it, as it stood at a moment. */
export const snapshots = sqliteTable(
  'snapshots',
  {
    id: text().primaryKey(),
    namespaceId: integer().notNull(),
    /** Null for the base that a branch keeps for itself. */
    name: text(),
    /** Cubes that it pins; falls when one of them is erased. */
    cubeCount: integer().notNull(),
    /** Pinned cubes that were erased, by what they were: nothing else of them is left that could say who may know of them. */
    erasedNone: integer().notNull().default(0),
    erasedPersonal: integer().notNull().default(0),
    erasedSecret: integer().notNull().default(0),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [uniqueIndex('snapshots_name').on(t.namespaceId, t.name)],
)

/** Which revision of each cube a snapshot holds: pinned rows, since clocks cannot tell the order of writes within a millisecond. */
export const snapshotCubes = sqliteTable(
  'snapshot_cubes',
  {
    snapshotId: text().notNull(),
    cubeId: text().notNull(),
    namespaceId: integer().notNull(),
    seq: integer().notNull(),
    revision: integer().notNull(),
    cid: text().notNull(),
    state: text({ enum: LIFECYCLE_STATES }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.snapshotId, t.cubeId] }),
    index('snapshot_cubes_namespace').on(t.namespaceId),
    index('snapshot_cubes_cube').on(t.cubeId),
  ],
)

/** What-if line of a namespace or of one cube: a base snapshot and, apart from the canonical rows, what was changed since. */
export const branches = sqliteTable(
  'branches',
  {
    id: text().primaryKey(),
    namespaceId: integer().notNull(),
    name: text().notNull(),
    /** The only cube of the branch; null for the whole namespace. */
    cubeId: text(),
    snapshotId: text().notNull(),
    state: text({ enum: ['open', 'merged'] }).notNull(),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
    closedAtMs: integer(),
  },
  (t) => [uniqueIndex('branches_name').on(t.namespaceId, t.name)],
)

/** The newest state of each cube that a branch changed, made or removed. */
export const branchCubes = sqliteTable(
  'branch_cubes',
  {
    branchId: text().notNull(),
    cubeId: text().notNull(),
    namespaceId: integer().notNull(),
    /** Number of the branch's own revision; null when the branch removed the cube. */
    revision: integer(),
    cid: text(),
    bytes: blob({ mode: 'buffer' }),
    /** What of the cube stands outside of its revision; null when the branch removed it. */
    local: text({ mode: 'json' }).$type<BranchLocal>(),
    author: text().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.branchId, t.cubeId] }),
    index('branch_cubes_namespace').on(t.namespaceId),
    index('branch_cubes_cube').on(t.cubeId),
  ],
)
