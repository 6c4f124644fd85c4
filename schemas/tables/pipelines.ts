import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** Pipelines that an organisation keeps under a name. */
export const pipelines = sqliteTable(
  'pipelines',
  {
    orgId: text().notNull(),
    name: text().notNull(),
    definition: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.name] })],
)

/** One run of a pipeline: written in the batch of its effects, so a run that is not here did nothing. */
export const pipelineRuns = sqliteTable(
  'pipeline_runs',
  {
    id: text().primaryKey(),
    orgId: text().notNull(),
    namespaceId: integer(),
    name: text().notNull(),
    caller: text().notNull(),
    report: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [index('pipeline_runs_org').on(t.orgId, t.id), index('pipeline_runs_namespace').on(t.namespaceId)],
)

/** Side effects that wait to be done after the batch that decided them. */
export const outbox = sqliteTable(
  'outbox',
  {
    id: text().primaryKey(),
    orgId: text().notNull(),
    namespaceId: integer(),
    kind: text().notNull(),
    payload: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    /** Sent along, so that a receiver can tell a repetition. */
    idempotencyKey: text().notNull(),
    state: text({ enum: ['waiting', 'done', 'failed'] }).notNull(),
    attempts: integer().notNull(),
    nextAtMs: integer().notNull(),
    error: text(),
    createdAtMs: integer().notNull(),
  },
  (t) => [
    uniqueIndex('outbox_key').on(t.orgId, t.idempotencyKey),
    // The kind comes before the time: effects that nobody here can do are not looked at by those who can do others.
    index('outbox_due').on(t.state, t.kind, t.nextAtMs),
    index('outbox_org').on(t.orgId, t.id),
    index('outbox_namespace').on(t.namespaceId),
  ],
)
