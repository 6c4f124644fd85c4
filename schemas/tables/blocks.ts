import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { BLOCK_CHANGE_KINDS, BLOCK_KINDS, OUTCOMES } from '../block.ts'

/** A MemBlock: cubes that belong together (a skill, a profile, a project), with a text of its own that is one more cube. */
export const blocks = sqliteTable(
  'blocks',
  {
    id: text().primaryKey(),
    namespaceId: integer().notNull(),
    name: text().notNull(),
    kind: text({ enum: BLOCK_KINDS }).notNull(),
    /** Cube that holds the text which agents edit; its revisions are the block's history. */
    coreCubeId: text().notNull(),
    /** Pinned blocks stand in front of every context pack of their namespace. */
    pinned: integer({ mode: 'boolean' }).notNull(),
    tokensMax: integer().notNull(),
    /** Rises with every change; of two that decide on the same one, one is refused. */
    version: integer().notNull(),
    /** When it is to evolve, from feedback that came since it last did; null where there is none. */
    dueMs: integer(),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [
    uniqueIndex('blocks_name').on(t.namespaceId, t.name),
    index('blocks_core').on(t.coreCubeId),
    index('blocks_due').on(t.dueMs).where(sql`due_ms is not null`),
  ],
)

export const blockMembers = sqliteTable(
  'block_members',
  {
    blockId: text().notNull(),
    cubeId: text().notNull(),
    namespaceId: integer().notNull(),
    /** -1..1, what feedback has made of it in this block. */
    weight: real().notNull(),
    retiredAtMs: integer(),
    addedAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.blockId, t.cubeId] }), index('block_members_cube').on(t.namespaceId, t.cubeId)],
)

/** What a block changed of itself, why, and what it was before: the way back. */
export const blockChanges = sqliteTable(
  'block_changes',
  {
    id: text().primaryKey(),
    blockId: text().notNull(),
    namespaceId: integer().notNull(),
    kind: text({ enum: BLOCK_CHANGE_KINDS }).notNull(),
    before: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    after: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    reason: text().notNull(),
    caller: text().notNull(),
    atMs: integer().notNull(),
    /** Questions replayed to see what it did, and the mean reciprocal rank of what had helped; null without questions. */
    questions: integer().notNull(),
    qualityBefore: real(),
    qualityAfter: real(),
    /** When it was found to do no harm, or taken back; null while nobody has looked. */
    judgedAtMs: integer(),
    undoneAtMs: integer(),
  },
  (t) => [index('block_changes_block').on(t.blockId, t.id), index('block_changes_namespace').on(t.namespaceId)],
)

/** What became of a memory that was handed out. */
export const feedback = sqliteTable(
  'feedback',
  {
    id: text().primaryKey(),
    namespaceId: integer().notNull(),
    cubeId: text().notNull(),
    outcome: text({ enum: OUTCOMES }).notNull(),
    /** Request that handed the memory out, as the caller names it. */
    requestId: text(),
    /** Question that it was handed out for; replayed to see whether a change does harm. */
    query: text(),
    caller: text().notNull(),
    atMs: integer().notNull(),
  },
  (t) => [
    index('feedback_cube').on(t.namespaceId, t.cubeId, t.id),
    uniqueIndex('feedback_once').on(t.cubeId, t.requestId, t.caller, t.outcome).where(sql`request_id is not null`),
  ],
)
