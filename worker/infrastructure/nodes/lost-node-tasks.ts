import { sql } from 'drizzle-orm'
import type { Database, Row } from '../../ports/database.ts'
import { statement } from '../vault/sql.ts'

/** Tasks that one call ends; the next call takes the next ones. */
const TASKS_PER_CALL_MAX = 200

/**
 * Ends tasks of nodes whose edge died before it could: their lease is over, and nobody waits for them any more. Those of organisations on the
 * move wait for it in the new place.
 */
export const endLostNodeTasks = (database: Database, nowMs: number): Promise<Row[]> =>
  database.all(
    statement(sql`update tasks set state = 'failed', error = 'node_lost', lease_until_ms = null, updated_at_ms = ${nowMs}
      where id in (select id from tasks where state = 'running' and kind >= 'node:' and kind < 'node;' and lease_until_ms <= ${nowMs}
        and org_id not in (select org_id from fences) limit ${TASKS_PER_CALL_MAX})`),
  )
