import { sql } from 'drizzle-orm'
import type { Database, Row } from '../../ports/database.ts'
import { statement } from '../vault/sql.ts'

/** How long a task that has ended can be looked up. */
const ENDED_TASK_MS = 7 * 24 * 60 * 60 * 1000
/** Tasks that one call forgets; the next call takes the next ones. */
const TASKS_PER_PURGE_MAX = 1000

/**
 * Forgets tasks that ended long ago, of every organisation in a database but those that are being moved. The task of a move that has not
 * come to its end stays, however old: it knows where the move goes.
 */
export const purgeTasks = (database: Database, nowMs: number): Promise<Row[]> =>
  database.all(
    statement(
      sql`delete from tasks where id in (select id from tasks where state in ('succeeded', 'failed', 'cancelled') and updated_at_ms < ${nowMs - ENDED_TASK_MS}
        and org_id not in (select org_id from fences) and id not in (select move_id from organisations where move_id is not null)
        limit ${TASKS_PER_PURGE_MAX})`,
    ),
  )
