import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { TASK_STATES } from '../vocabulary.ts'

/** Who did what to which cubes, outcome included. Never content. */
export const auditLog = sqliteTable(
  'audit_log',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    orgId: text().notNull(),
    atMs: integer().notNull(),
    requestId: text().notNull(),
    caller: text().notNull(),
    operation: text().notNull(),
    outcome: text().notNull(),
    namespaceId: integer(),
    memoryType: text(),
    cubeCount: integer().notNull(),
    /** The first cubes concerned, at most 100; `cubeCount` tells the whole number. */
    cubeIds: text({ mode: 'json' }).$type<string[]>().notNull(),
    /** sha2-256 over the row before and this one, hex; null until the row is sealed (worker/infrastructure/log/audit-chain.ts). */
    hash: text(),
  },
  (t) => [
    index('audit_log_org').on(t.orgId, t.id),
    index('audit_log_unsealed').on(t.orgId, t.id).where(sql`hash is null`),
  ],
)

/** Answers already given for an Idempotency-Key. `status` 0 means still running. */
export const idempotency = sqliteTable(
  'idempotency',
  {
    orgId: text().notNull(),
    key: text().notNull(),
    requestHash: text().notNull(),
    status: integer().notNull(),
    response: text(),
    createdAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.key] }), index('idempotency_created').on(t.createdAtMs)],
)

/** Work that outlives a request. A task is claimed by lease, so a killed worker loses time only. */
export const tasks = sqliteTable(
  'tasks',
  {
    id: text().primaryKey(),
    orgId: text().notNull(),
    namespaceId: integer(),
    kind: text().notNull(),
    state: text({ enum: TASK_STATES }).notNull(),
    input: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    progress: integer().notNull().default(0),
    total: integer(),
    attempts: integer().notNull().default(0),
    error: text(),
    leaseUntilMs: integer(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [
    index('tasks_org').on(t.orgId, t.id),
    // The kind comes first: tasks that wait for a node are then not looked at by workers that cannot do them.
    index('tasks_due').on(t.state, t.kind, t.leaseUntilMs),
    index('tasks_namespace').on(t.namespaceId, t.state, t.kind).where(sql`namespace_id is not null`),
  ],
)

/** Running totals of an organisation, and requests per day. */
export const usage = sqliteTable(
  'usage',
  {
    orgId: text().notNull(),
    /** `total` or an ISO date. */
    period: text().notNull(),
    metric: text({ enum: ['cubes', 'bytes', 'reads', 'writes', 'searches'] }).notNull(),
    value: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.period, t.metric] })],
)
