import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { NODE_TASK_KINDS, NODE_TASK_STATES } from '../node-task.ts'

/** GPU nodes that may connect. Of the deployment: read from the default database only, as `node_organisations` and `node_tokens` are. */
export const nodes = sqliteTable('nodes', {
  id: text().primaryKey(),
  /** did:key of the key that it signs with. */
  publicKey: text().notNull().unique('nodes_key'),
  name: text().notNull(),
  createdAtMs: integer().notNull(),
  lastSeenMs: integer().notNull(),
  revokedAtMs: integer(),
})

/** Organisations whose tasks and blobs a node may have. */
export const nodeOrganisations = sqliteTable(
  'node_organisations',
  { orgId: text().notNull(), nodeId: text().notNull() },
  (t) => [primaryKey({ columns: [t.orgId, t.nodeId] }), index('node_organisations_node').on(t.nodeId)],
)

/** Tokens that let one node join once. */
export const nodeTokens = sqliteTable(
  'node_tokens',
  {
    id: text().primaryKey(),
    /** sha2-256 of the secret, hex. */
    hash: text().notNull(),
    /** Organisation of the key that made it. */
    orgId: text().notNull(),
    organisations: text({ mode: 'json' }).$type<string[]>().notNull(),
    name: text().notNull(),
    createdAtMs: integer().notNull(),
    expiresAtMs: integer().notNull(),
    usedAtMs: integer(),
    usedBy: text(),
  },
  (t) => [index('node_tokens_expiry').on(t.expiresAtMs)],
)

/** Work for GPU nodes that outlives a request. A lease names one delivery: the answer to another one changes nothing. */
export const nodeTasks = sqliteTable(
  'node_tasks',
  {
    id: text().primaryKey(),
    orgId: text().notNull(),
    kind: text({ enum: NODE_TASK_KINDS }).notNull(),
    /** Fingerprint of the model. */
    model: text().notNull(),
    input: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    /** Higher first. */
    priority: integer().notNull(),
    idempotencyKey: text(),
    state: text({ enum: NODE_TASK_STATES }).notNull(),
    nodeId: text(),
    lease: text(),
    leaseUntilMs: integer(),
    attempts: integer().notNull(),
    result: text({ mode: 'json' }).$type<Record<string, unknown>>(),
    /** One of NODE_ERROR_CODES. */
    error: text(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [
    index('node_tasks_org').on(t.orgId, t.id),
    uniqueIndex('node_tasks_key').on(t.orgId, t.idempotencyKey).where(sql`idempotency_key is not null`),
    index('node_tasks_due').on(t.priority, t.id).where(sql`state = 'queued'`),
    index('node_tasks_leased').on(t.leaseUntilMs).where(sql`state = 'leased'`),
    index('node_tasks_open').on(t.orgId, t.state).where(sql`state in ('queued', 'leased')`),
    index('node_tasks_ended').on(t.updatedAtMs).where(sql`state in ('done', 'failed', 'cancelled')`),
  ],
)
