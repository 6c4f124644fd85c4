import { sql } from 'drizzle-orm'
import type { Database } from '../../ports/database.ts'
import { statement } from './sql.ts'

/**
 * Cubes of a database whose time is over, by organisation, the longest over first. Frozen ones stay, and so do those of an organisation that
 * is being moved.
 */
export async function expiredCubes(database: Database, nowMs: number, limit: number): Promise<Map<string, string[]>> {
  const rows = await database.all(
    statement(sql`select n.org_id, c.cube_id from cubes c cross join namespaces n on n.id = c.namespace_id
      where c.expires_at_ms is not null and c.expires_at_ms <= ${nowMs} and c.state != 'frozen' and n.org_id not in (select org_id from fences)
      order by c.expires_at_ms limit ${limit}`),
  )
  const groups = Map.groupBy(rows, ([orgId]) => String(orgId))
  return new Map([...groups].map(([orgId, found]) => [orgId, found.map(([, cubeId]) => String(cubeId))]))
}
