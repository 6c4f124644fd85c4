import { index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { ENTITY_KINDS, KNOWLEDGE_SOURCES } from '../vocabulary.ts'

/** Things that the memory of a namespace speaks of, under their normalised name. */
export const entities = sqliteTable(
  'entities',
  {
    namespaceId: integer().notNull(),
    /** Normalised name; what mentions, facts and aliases refer to. */
    key: text().notNull(),
    name: text().notNull(),
    kind: text({ enum: ENTITY_KINDS }).notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespaceId, t.key] })],
)

/**
 * Another name of an entity. Mentions keep the name that was used, so a merge is undone by its row alone. A row whose alias is its own key says
 * that the name stands for itself, whatever the rules make of it.
 */
export const entityAliases = sqliteTable(
  'entity_aliases',
  {
    namespaceId: integer().notNull(),
    alias: text().notNull(),
    /** The name that it was merged into. */
    parent: text().notNull(),
    /** Where the chain of parents ends: the entity. */
    key: text().notNull(),
    source: text({ enum: KNOWLEDGE_SOURCES }).notNull(),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.namespaceId, t.alias] }),
    index('entity_aliases_key').on(t.namespaceId, t.key),
    index('entity_aliases_parent').on(t.namespaceId, t.parent),
  ],
)

/** Cubes whose text changed after it was read for entities and facts. */
export const staleKnowledge = sqliteTable(
  'stale_knowledge',
  { namespaceId: integer().notNull(), seq: integer().notNull() },
  (t) => [primaryKey({ columns: [t.namespaceId, t.seq] })],
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
    /** What of the subject can be one way only at a time, and which way this says it is (worker/operation/knowledge/predicates.ts). */
    slot: text().notNull(),
    stance: text().notNull(),
    validFromMs: integer().notNull(),
    /** Equal to `validFromMs` where the statement says that something has ended. */
    validToMs: integer(),
    /** End that the statement itself names; what `validToMs` is where nothing superseded it. */
    statedToMs: integer(),
    recordedAtMs: integer().notNull(),
    /** When it was found to be wrong, or its evidence was revised. */
    retractedAtMs: integer(),
    /** Key that retracted it; `system` where the evidence was revised. */
    retractedBy: text(),
    supersededBy: text(),
    confidence: real().notNull(),
    source: text({ enum: KNOWLEDGE_SOURCES }).notNull(),
  },
  (t) => [
    index('facts_subject').on(t.namespaceId, t.subject, t.slot, t.validFromMs),
    index('facts_time').on(t.namespaceId, t.validFromMs, t.id),
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
    /** Key that took it back; `system` where a statement that arrived later put another relation in its place. */
    undoneBy: text(),
  },
  (t) => [
    primaryKey({ columns: [t.namespaceId, t.fromId, t.toId, t.relation, t.createdAtMs] }),
    index('fact_links_to').on(t.namespaceId, t.toId),
  ],
)
