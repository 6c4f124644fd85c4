import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Who exists and where their memory lives. Read from the default database only. */
export const organisations = sqliteTable('organisations', {
  id: text().primaryKey(),
  name: text().notNull(),
  /** Name of the database that holds the organisation's rows (`default`, a D1 binding, a libSQL name). */
  database: text().notNull().default('default'),
  state: text({ enum: ['active', 'moving'] })
    .notNull()
    .default('active'),
  /** The move under way (id of its task): whoever holds another id may not switch the placement. */
  moveId: text(),
  /** Cubes the organisation may hold; null means no quota. */
  cubesMax: integer(),
  createdAtMs: integer().notNull(),
})

export const apiKeys = sqliteTable(
  'api_keys',
  {
    id: text().primaryKey(),
    orgId: text().notNull(),
    name: text().notNull(),
    /** sha2-256 of the secret, hex. Secrets carry 256 random bits, so a slow hash adds nothing. */
    hash: text().notNull(),
    /** The secret before the last rotation, accepted until `previousUntilMs`. */
    previousHash: text(),
    previousUntilMs: integer(),
    scopes: text({ mode: 'json' }).$type<string[]>().notNull(),
    subjectKind: text({ enum: ['user', 'agent'] }),
    subjectId: text(),
    /** Names of the only namespaces the key may touch; null means all that its subject may. */
    namespaces: text({ mode: 'json' }).$type<string[]>(),
    /** The most sensitive cubes it reads; the scope memory:secret lifts it to `secret`. */
    clearance: text({ enum: ['none', 'personal'] })
      .notNull()
      .default('personal'),
    /** The only purposes and tasks its requests may claim; null for any. */
    purposes: text({ mode: 'json' }).$type<string[]>(),
    tasks: text({ mode: 'json' }).$type<string[]>(),
    ratePerMinute: integer().notNull(),
    createdAtMs: integer().notNull(),
    expiresAtMs: integer(),
    revokedAtMs: integer(),
  },
  (t) => [index('api_keys_org').on(t.orgId)],
)
