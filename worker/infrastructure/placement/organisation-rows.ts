import { sql } from 'drizzle-orm'
import { ERASED_ROWS_MAX } from '../../../schemas/limits.ts'
import type { Database, Statement } from '../../ports/database.ts'
import { statement } from '../vault/sql.ts'
import { type MovedTable, NAMESPACE_TABLES, ORGANISATION_TABLES } from './moved-tables.ts'

/**
 * Erases some of an organisation's rows in a database and answers how many; 0 when none is left.
 * @throws GuardError when the expectation was false
 */
export async function eraseRows(database: Database, orgId: string, expectation: Statement): Promise<number> {
  const [namespace] = await database.all(statement(sql`select id from namespaces where org_id = ${orgId} limit 1`))
  const erasures =
    namespace === undefined
      ? ORGANISATION_TABLES.map((table) => eraseSome(table, orgId))
      : // Against the order of references: revisions are found by their cubes.
        NAMESPACE_TABLES.toReversed().map((table) => eraseSome(table, Number(namespace[0])))
  const answers = await database.batch([expectation, ...erasures])
  const erased = answers.reduce((sum, rows) => sum + rows.length, 0)
  if (namespace === undefined || erased > 0) return erased
  const [, gone] = await database.batch([
    expectation,
    statement(sql`delete from namespaces where id = ${namespace[0]} returning 1 as erased`),
  ])
  return gone?.length ?? 0
}

function eraseSome({ name, from, owner, identity, erasable }: MovedTable, of: string | number): Statement {
  const found = `select ${identity.map((column) => `t.${column}`).join(', ')} from ${from} where ${owner} = ?${erasable === undefined ? '' : ` and ${erasable}`}`
  return {
    sql: `delete from ${name} where (${identity.join(', ')}) in (${found} limit ${ERASED_ROWS_MAX}) returning 1 as erased`,
    params: [of],
  }
}
