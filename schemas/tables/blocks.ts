import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** A MemBlock: cubes that belong together (a skill, a profile, a project), with a text of its own that is one more cube. */
export const blocks = sqliteTable(
  'blocks',
  {
    id: text().primaryKey(),
    namespaceId: integer().notNull(),
    name: text().notNull(),
    kind: text({ enum: ['profile', 'skill', 'project', 'other'] }).notNull(),
    /** Cube that holds the text which agents edit; its revisions are the block's history. */
    coreCubeId: text().notNull(),
    /** Pinned blocks stand in front of every context pack of their namespace. */
    pinned: integer({ mode: 'boolean' }).notNull(),
    tokensMax: integer().notNull(),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [uniqueIndex('blocks_name').on(t.namespaceId, t.name)],
)

export const blockMembers = sqliteTable(
  'block_members',
  {
    blockId: text().notNull(),
    cubeId: text().notNull(),
    namespaceId: integer().notNull(),
    /** What feedback has made of it; added to the rank in searches. */
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
    kind: text({ enum: ['rank', 'merge', 'split', 'rewrite', 'retire', 'page_out', 'rollback'] }).notNull(),
    before: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    after: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    reason: text().notNull(),
    caller: text().notNull(),
    atMs: integer().notNull(),
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
    outcome: text({ enum: ['used', 'helped', 'corrected', 'ignored'] }).notNull(),
    /** Request that handed the memory out, as the caller names it. */
    requestId: text(),
    caller: text().notNull(),
    atMs: integer().notNull(),
  },
  (t) => [index('feedback_cube').on(t.namespaceId, t.cubeId, t.id)],
)
