import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** Embedding models in use per namespace. While `building`, both are served. */
export const vectorSpaces = sqliteTable(
  'vector_spaces',
  {
    namespaceId: integer().notNull(),
    model: text().notNull(),
    dimensions: integer().notNull(),
    state: text({ enum: ['building', 'active', 'retired'] }).notNull(),
    /** Cubes up to this sequence number have been embedded by the background build. */
    builtSeq: integer().notNull().default(0),
    createdAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.model] })],
)

/** One vector per cube and model: IEEE half floats in libSQL's FLOAT16 layout (little endian, one type byte at the end). */
export const embeddings = sqliteTable(
  'embeddings',
  {
    id: integer().primaryKey(),
    namespaceId: integer().notNull(),
    model: text().notNull(),
    seq: integer().notNull(),
    change: integer().notNull(),
    vector: blob({ mode: 'buffer' }).notNull(),
  },
  (t) => [
    uniqueIndex('embeddings_seq').on(t.namespaceId, t.model, t.seq),
    index('embeddings_change').on(t.namespaceId, t.model, t.change),
  ],
)
