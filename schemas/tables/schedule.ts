import { index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { DECISION_KINDS } from '../schedule.ts'

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

/** When the scheduler looks at a namespace next. A namespace has a row from the first use of its memory on. */
export const schedules = sqliteTable(
  'schedules',
  { namespaceId: integer().primaryKey(), nextAtMs: integer().notNull() },
  (t) => [index('schedules_next').on(t.nextAtMs)],
)

/** Every choice of the scheduler: what it looked at, what it chose, why. Ids and numbers only, no content. */
export const decisions = sqliteTable(
  'decisions',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    orgId: text().notNull(),
    namespaceId: integer().notNull(),
    atMs: integer().notNull(),
    kind: text({ enum: DECISION_KINDS }).notNull(),
    strategy: text().notNull(),
    inputs: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    choice: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    reason: text().notNull(),
    caller: text().notNull(),
    /** What is to be done and to which cube, where the choice concerns one. */
    taskId: text(),
    cubeId: text(),
  },
  (t) => [index('decisions_org').on(t.orgId, t.id), index('decisions_namespace').on(t.namespaceId, t.id)],
)
