import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { NamespaceSettings } from '../namespace-settings.ts'

/** Users and agents of an organisation, under the ids the organisation itself uses. */
export const principals = sqliteTable(
  'principals',
  {
    orgId: text().notNull(),
    kind: text({ enum: ['user', 'agent'] }).notNull(),
    id: text().notNull(),
    displayName: text(),
    createdAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.kind, t.id] })],
)

export const namespaces = sqliteTable(
  'namespaces',
  {
    /** Random 47-bit number: unique over all databases, so that an organisation moves without renumbering. */
    id: integer().primaryKey(),
    orgId: text().notNull(),
    name: text().notNull(),
    layer: text({ enum: ['private', 'shared', 'global'] }).notNull(),
    ownerKind: text({ enum: ['user', 'agent'] }),
    ownerId: text(),
    settings: text({ mode: 'json' }).$type<NamespaceSettings>().notNull(),
    /** Sequence number of the next cube and of the next vector write. */
    nextSeq: integer().notNull().default(1),
    nextChange: integer().notNull().default(1),
    cubeCount: integer().notNull().default(0),
    /** Sum of the lengths of all documents in terms; with `cubeCount` the average length that BM25 needs. */
    termTotal: integer().notNull().default(0),
    /** Cubes up to this sequence number have been read for entities and facts. */
    knowledgeSeq: integer().notNull().default(0),
    /** When MemLifecycle looks at the namespace next, how far its present walk over the cubes is, and up to which cube it has looked for others that say the same. */
    lifecycleDueMs: integer().notNull().default(0),
    lifecycleSeq: integer().notNull().default(0),
    consolidatedSeq: integer().notNull().default(0),
    createdAtMs: integer().notNull(),
  },
  (t) => [
    uniqueIndex('namespaces_name').on(t.orgId, t.name),
    index('namespaces_owner').on(t.orgId, t.ownerKind, t.ownerId),
    index('namespaces_lifecycle').on(t.lifecycleDueMs),
  ],
)
