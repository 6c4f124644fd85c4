import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { RoleTemplate } from '../permissions.ts'
import { SENSITIVITIES } from '../vocabulary.ts'

/**
 * Permissions: subject x object x context (MemOS paper, section 5.5). A row opens; nothing closes but the absence of a row, its expiry and
 * the contexts it names.
 */
export const permissions = sqliteTable(
  'permissions',
  {
    id: text().primaryKey(),
    orgId: text().notNull(),
    namespaceId: integer().notNull(),
    /** The only cube it opens; null for the whole namespace. */
    cubeId: text(),
    subjectKind: text({ enum: ['user', 'agent', 'role', 'org'] }).notNull(),
    /** Id within the organisation; empty for the organisation itself. */
    subjectId: text().notNull(),
    access: text({ enum: ['read', 'write'] }).notNull(),
    /** Whether a role's template made it: applying the template again replaces it. */
    fromTemplate: integer({ mode: 'boolean' }).notNull(),
    /** Purposes and tasks a request must state one of; null for any. */
    purposes: text({ mode: 'json' }).$type<string[]>(),
    tasks: text({ mode: 'json' }).$type<string[]>(),
    /** The most sensitive cubes it opens. */
    clearance: text({ enum: SENSITIVITIES }).notNull(),
    notBeforeMs: integer(),
    expiresAtMs: integer(),
    grantedBy: text().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [
    index('permissions_namespace').on(t.namespaceId),
    index('permissions_cube').on(t.cubeId),
    index('permissions_subject').on(t.orgId, t.subjectKind, t.subjectId),
  ],
)

/** Roles of an organisation and who holds them. */
export const roleMembers = sqliteTable(
  'role_members',
  {
    orgId: text().notNull(),
    role: text().notNull(),
    subjectKind: text({ enum: ['user', 'agent'] }).notNull(),
    subjectId: text().notNull(),
    expiresAtMs: integer(),
    createdAtMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.role, t.subjectKind, t.subjectId] }),
    index('role_members_subject').on(t.orgId, t.subjectKind, t.subjectId),
  ],
)

/** What a role may do. Its template is kept as it was given; applying it makes the role's permissions. */
export const roles = sqliteTable(
  'roles',
  {
    orgId: text().notNull(),
    name: text().notNull(),
    description: text(),
    template: text({ mode: 'json' }).$type<RoleTemplate>().notNull(),
    createdAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.name] })],
)

/** Head of the hash chain over an organisation's audit rows. */
export const auditHeads = sqliteTable('audit_heads', {
  orgId: text().primaryKey(),
  /** Rows that the chain covers, and the hash of the last one. */
  rowCount: integer().notNull(),
  hash: text().notNull(),
  sealedAtMs: integer().notNull(),
})
