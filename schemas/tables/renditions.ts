import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Rendition } from '../rendition.ts'

export type KvRendition = Extract<Rendition, { kind: 'kv' }>

/**
 * KV caches that this deployment has made of memory: derived, local, never signed. A revision would make each of them travel to every peer and
 * would need a new signature whenever a model changes; here one is dropped without a trace in the history of what was remembered.
 */
export const kvRenditions = sqliteTable(
  'kv_renditions',
  {
    /** Cube that it belongs to: its blobs lie under it, and it goes with it. */
    cubeId: text().notNull(),
    /** Fingerprint of the model: weights, tokenizer, adapters and rotary embedding are part of it. */
    model: text().notNull(),
    namespaceId: integer().notNull(),
    /** Conversation whose last turn the cube is; empty for the cache of the cube's own text. */
    session: text().notNull(),
    /** sha2-256, hex, of what was encoded. */
    digest: text().notNull(),
    rendition: text({ mode: 'json' }).$type<KvRendition>().notNull(),
    bytes: integer().notNull(),
    usedAtMs: integer().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.cubeId, t.model, t.session] }),
    uniqueIndex('kv_renditions_session').on(t.namespaceId, t.session, t.model).where(sql`session != ''`),
    index('kv_renditions_namespace').on(t.namespaceId, t.usedAtMs),
    index('kv_renditions_used').on(t.usedAtMs),
  ],
)

/** The memory that is in the cache of a conversation beside its last turn: when one of them goes, the cache goes. */
export const kvSources = sqliteTable(
  'kv_sources',
  {
    sourceId: text().notNull(),
    cubeId: text().notNull(),
    namespaceId: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.sourceId, t.cubeId] }),
    index('kv_sources_cube').on(t.cubeId),
    index('kv_sources_namespace').on(t.namespaceId),
  ],
)
