import { blob, index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { LIFECYCLE_STATES } from '../lifecycle.ts'

/** How each cube came to the state it is in. A cube that is erased takes its rows along. */
export const transitions = sqliteTable(
  'transitions',
  {
    id: integer().primaryKey(),
    namespaceId: integer().notNull(),
    seq: integer().notNull(),
    cubeId: text().notNull(),
    fromState: text({ enum: LIFECYCLE_STATES }).notNull(),
    toState: text({ enum: LIFECYCLE_STATES }).notNull(),
    event: text().notNull(),
    /** Key that asked for it, or `system`. */
    caller: text().notNull(),
    reason: text(),
    atMs: integer().notNull(),
  },
  (t) => [index('transitions_cube').on(t.namespaceId, t.seq, t.id)],
)

/** Postings of archived cubes: out of the way of every ordinary search, read with `includeArchived`. */
export const coldPostings = sqliteTable(
  'cold_postings',
  {
    namespaceId: integer().notNull(),
    term: text().notNull(),
    seq: integer().notNull(),
    frequency: integer().notNull(),
    length: integer().notNull(),
    sessionId: integer(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.term, t.seq] })],
)

/** Vectors of archived cubes, kept so that nothing is embedded twice. */
export const coldEmbeddings = sqliteTable(
  'cold_embeddings',
  {
    namespaceId: integer().notNull(),
    seq: integer().notNull(),
    model: text().notNull(),
    vector: blob({ mode: 'buffer' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.seq, t.model] })],
)
