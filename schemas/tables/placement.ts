import { sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * Organisations that may not be written in this database: one that is leaving it, has left it, or is still arriving. Every write of an
 * organisation checks its fence in its own batch (worker/infrastructure/placement/fence.ts), so none lands in the wrong place however old
 * the placement is that it knows. An organisation without a row here is open.
 */
export const fences = sqliteTable('fences', {
  orgId: text().primaryKey(),
  /** The move (id of its task) that owns the fence. */
  moveId: text().notNull(),
  /** How far an arrival has come (worker/infrastructure/placement/position.ts); null where the organisation leaves. */
  position: text({ mode: 'json' }).$type<unknown>(),
})
