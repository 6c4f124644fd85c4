import { index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Who extracted a piece of knowledge. */
export const KNOWLEDGE_SOURCES = ['rules', 'model', 'caller'] as const

/** Things that the memory of a namespace speaks of, under their normalised name. */
export const entities = sqliteTable(
  'entities',
  {
    namespaceId: integer().notNull(),
    /** Normalised name; what mentions, facts and aliases refer to. */
    key: text().notNull(),
    name: text().notNull(),
    kind: text({ enum: ['person', 'place', 'organisation', 'thing', 'date'] }).notNull(),
    mentionCount: integer().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.key] })],
)

/** Another name of an entity. Mentions keep the name that was used, so removing the row undoes a merge entirely. */
export const entityAliases = sqliteTable(
  'entity_aliases',
  {
    namespaceId: integer().notNull(),
    alias: text().notNull(),
    key: text().notNull(),
    source: text({ enum: KNOWLEDGE_SOURCES }).notNull(),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.alias] }), index('entity_aliases_key').on(t.namespaceId, t.key)],
)

export const mentions = sqliteTable(
  'mentions',
  {
    namespaceId: integer().notNull(),
    key: text().notNull(),
    seq: integer().notNull(),
    count: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.key, t.seq] }), index('mentions_seq').on(t.namespaceId, t.seq)],
)

/**
 * Statements and edges with two times: when they hold in the world (valid) and when they were known here (system). A statement is never
 * overwritten: a later one ends its validity and points at it.
 */
export const facts = sqliteTable(
  'facts',
  {
    id: text().primaryKey(),
    namespaceId: integer().notNull(),
    /** The cube that is the evidence. */
    seq: integer().notNull(),
    cubeId: text().notNull(),
    subject: text().notNull(),
    predicate: text().notNull(),
    object: text().notNull(),
    /** Entity that the object names; null for a plain value. */
    objectKey: text(),
    validFromMs: integer().notNull(),
    validToMs: integer(),
    recordedAtMs: integer().notNull(),
    /** When it was found to be wrong, or its evidence was revised. */
    retractedAtMs: integer(),
    supersededBy: text(),
    confidence: real().notNull(),
    source: text({ enum: KNOWLEDGE_SOURCES }).notNull(),
  },
  (t) => [
    index('facts_subject').on(t.namespaceId, t.subject, t.predicate, t.validFromMs),
    index('facts_object').on(t.namespaceId, t.objectKey),
    index('facts_seq').on(t.namespaceId, t.seq),
  ],
)

/** How two facts relate. `undoneAtMs` keeps the trace of a relation that was taken back. */
export const factLinks = sqliteTable(
  'fact_links',
  {
    namespaceId: integer().notNull(),
    fromId: text().notNull(),
    toId: text().notNull(),
    relation: text({ enum: ['supersedes', 'contradicts'] }).notNull(),
    /** `validToMs` of the older fact before it was superseded; what an undo restores. */
    previousToMs: integer(),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
    undoneAtMs: integer(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.fromId, t.toId, t.relation] })],
)
