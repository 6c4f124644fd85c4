import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { LIFECYCLE_STATES } from '../lifecycle.ts'
import {
  MEMORY_TYPES,
  ORIGIN_KINDS,
  PRIORITIES,
  REVISION_MODES,
  ROLES,
  SENSITIVITIES,
  type SensitiveLabel,
} from '../vocabulary.ts'

/** The local record of a cube: never signed, never travels. What is signed stands in `revisions`. */
export const cubes = sqliteTable(
  'cubes',
  {
    namespaceId: integer().notNull(),
    /** Position in the namespace in order of arrival; postings and vectors name the cube by it. */
    seq: integer().notNull(),
    cubeId: text().notNull(),
    revision: integer().notNull(),
    cid: text().notNull(),
    state: text({ enum: LIFECYCLE_STATES }).notNull(),
    memoryType: text({ enum: MEMORY_TYPES }).notNull(),
    semanticType: text().notNull(),
    title: text(),
    /** Turn of a conversation: `sessions.id` and the position in it. */
    sessionId: integer(),
    position: integer(),
    speaker: text(),
    role: text({ enum: ROLES }),
    /** When it was said or happened, as the caller tells it; else when it was written. */
    saidAtMs: integer().notNull(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
    lastUsedAtMs: integer(),
    accessCount: integer().notNull().default(0),
    /** Uses, each halved after every half-life of the namespace; as of `lastUsedAtMs` (worker/operation/schedule/heat.ts). */
    heat: real().notNull().default(0),
    /** -1..1, what feedback says of it. */
    usefulness: real().notNull().default(0),
    /** Locality-sensitive hash, hex, of the queries that found it last. */
    contextFingerprint: text(),
    /** When it holds in the world, where the caller or an extraction says so; null is open. */
    validFromMs: integer(),
    validToMs: integer(),
    /** Cube that took it over when both said the same; set while archived for that reason. */
    mergedInto: text(),
    /** Kinds of sensitive content found in the text. */
    labels: text({ mode: 'json' }).$type<SensitiveLabel[]>().notNull().default([]),
    expiresAtMs: integer(),
    priority: text({ enum: PRIORITIES }).notNull(),
    sensitivity: text({ enum: SENSITIVITIES }).notNull(),
    originKind: text({ enum: ORIGIN_KINDS }).notNull(),
    originRef: text(),
    provenanceId: text().notNull(),
    tags: text({ mode: 'json' }).$type<string[]>().notNull(),
    metadata: text({ mode: 'json' }).$type<Record<string, string | number | boolean>>().notNull(),
    /** Bit flags of the text that ranking uses (worker/operation/retrieval/features.ts). */
    features: integer().notNull(),
    /** Length of the indexed text in terms, and the analyser that made them. */
    termCount: integer().notNull(),
    analyser: integer().notNull(),
    contentBytes: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.namespaceId, t.seq] }),
    uniqueIndex('cubes_cube_id').on(t.cubeId),
    index('cubes_session').on(t.namespaceId, t.sessionId, t.position).where(sql`session_id is not null`),
    index('cubes_expiry').on(t.expiresAtMs).where(sql`expires_at_ms is not null`),
    // What searches that include archived cubes add to their statistics.
    index('cubes_archived').on(t.namespaceId, t.seq, t.sessionId, t.termCount).where(sql`state = 'archived'`),
    // What counts leave out for whoever is not cleared for it. Partial, as the two below, so that writing ordinary memory costs nothing.
    index('cubes_sensitive').on(t.namespaceId, t.sensitivity).where(sql`sensitivity != 'none'`),
    index('cubes_used').on(t.namespaceId, t.lastUsedAtMs).where(sql`last_used_at_ms is not null`),
    index('cubes_typed').on(t.namespaceId, t.memoryType, t.lastUsedAtMs).where(sql`memory_type != 'plaintext'`),
  ],
)

/** Immutable signed-to-be revisions; `bytes` is the canonical MIP-CBOR whose hash is `cid`. */
export const revisions = sqliteTable(
  'revisions',
  {
    id: integer().primaryKey(),
    cubeId: text().notNull(),
    number: integer().notNull(),
    cid: text().notNull(),
    bytes: blob({ mode: 'buffer' }).notNull(),
    /** How this revision came to be, and by which key. */
    mode: text({ enum: REVISION_MODES }).notNull(),
    author: text().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [uniqueIndex('revisions_number').on(t.cubeId, t.number)],
)

/**
 * The inverted index. Ordinary rows instead of an FTS5 table: statistics stay within the namespace (no tenant can read another's word
 * frequencies out of scores), a deletion erases at once, D1 can export the database, and BM25's k1 and b are settings.
 */
export const postings = sqliteTable(
  'postings',
  {
    namespaceId: integer().notNull(),
    term: text().notNull(),
    seq: integer().notNull(),
    frequency: integer().notNull(),
    /** Length of the document in terms, repeated here so that scoring reads one b-tree only. */
    length: integer().notNull(),
    sessionId: integer(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.term, t.seq] })],
)

export const sessions = sqliteTable(
  'sessions',
  {
    id: integer().primaryKey(),
    namespaceId: integer().notNull(),
    key: text().notNull(),
    /** Order of the session in its namespace, by arrival. */
    ordinal: integer().notNull(),
    /** Position of the next turn. */
    nextPosition: integer().notNull().default(0),
    termTotal: integer().notNull().default(0),
    startedAtMs: integer().notNull(),
  },
  (t) => [uniqueIndex('sessions_key').on(t.namespaceId, t.key)],
)

/** Proof that a cube existed and is gone; no content. */
export const tombstones = sqliteTable(
  'tombstones',
  {
    cubeId: text().primaryKey(),
    namespaceId: integer().notNull(),
    cid: text().notNull(),
    deletedAtMs: integer().notNull(),
    reason: text({ enum: ['deleted', 'expired'] }).notNull(),
  },
  (t) => [index('tombstones_namespace').on(t.namespaceId)],
)
