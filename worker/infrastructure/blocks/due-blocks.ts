import { sql } from 'drizzle-orm'
import { blocks } from '../../../schemas/tables/blocks.ts'
import type { Database } from '../../ports/database.ts'
import type { BlockRow } from '../../ports/rows.ts'
import { rowShape, statement } from '../vault/sql.ts'

const BLOCK = rowShape(blocks, 'b')

export type DueBlock = BlockRow & { orgId: string }

/** Blocks of a database that are to evolve, the longest due first; those of organisations on the move wait. */
export async function dueBlocks(database: Database, nowMs: number, limit: number): Promise<DueBlock[]> {
  const rows = await database.all(
    statement(sql`select n.org_id, ${BLOCK.columns} from blocks b cross join namespaces n on n.id = b.namespace_id
      where b.due_ms is not null and b.due_ms <= ${nowMs} and n.org_id not in (select org_id from fences) order by b.due_ms limit ${limit}`),
  )
  return rows.map(([orgId, ...block]) => ({ ...BLOCK.parse(block), orgId: String(orgId) }))
}
