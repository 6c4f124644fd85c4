import { index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** The cubes that the scheduler keeps at hand, per namespace, best first. */
export const hotCubes = sqliteTable(
  'hot_cubes',
  {
    namespaceId: integer().notNull(),
    seq: integer().notNull(),
    rank: integer().notNull(),
    score: real().notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.seq] })],
)

/** Every choice of the scheduler: what it looked at, what it chose, why. Ids and numbers only, no content. */
export const decisions = sqliteTable(
  'decisions',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    namespaceId: integer().notNull(),
    atMs: integer().notNull(),
    kind: text({ enum: ['hot_set', 'promote', 'distil', 'demote', 'externalise'] }).notNull(),
    strategy: text().notNull(),
    inputs: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    choice: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    reason: text().notNull(),
    caller: text().notNull(),
    taskId: text(),
  },
  (t) => [index('decisions_namespace').on(t.namespaceId, t.id)],
)
