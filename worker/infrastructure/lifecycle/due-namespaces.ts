import { sql } from 'drizzle-orm'
import { namespaces } from '../../../schemas/tables/tenancy.ts'
import type { Database } from '../../ports/database.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { rowShape, statement } from '../vault/sql.ts'

const NAMESPACE = rowShape(namespaces, 'n')

/**
 * Namespaces of a database that ageing is to look at, the longest due first; those of organisations on the move wait. A time further away than
 * any round is from a clock that was wrong: it counts as over.
 */
export async function dueNamespaces(
  database: Database,
  nowMs: number,
  { limit, roundMs }: { limit: number; roundMs: number },
): Promise<NamespaceRow[]> {
  const rows = await database.all(
    statement(sql`select ${NAMESPACE.columns} from namespaces n
      where (n.lifecycle_due_ms <= ${nowMs} or n.lifecycle_due_ms > ${nowMs + roundMs}) and n.org_id not in (select org_id from fences)
      order by n.lifecycle_due_ms limit ${limit}`),
  )
  return rows.map(NAMESPACE.parse)
}
