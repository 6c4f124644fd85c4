import { sql } from 'drizzle-orm'
import { check, integer, sqliteTable } from 'drizzle-orm/sqlite-core'

/**
 * Expectations of an atomic batch. Inserting 0 violates the CHECK and rolls the whole batch back; a trigger of the migration empties the
 * table after every insert. D1 has no interactive transaction, so an expectation must be evaluated inside the batch.
 */
export const guard = sqliteTable('guard', { ok: integer().notNull() }, (t) => [check('guard_ok', sql`${t.ok} = 1`)])
