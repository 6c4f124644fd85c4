import { sql } from 'drizzle-orm'
import { TASK_LEASE_MS } from '../../../schemas/limits.ts'
import type { Database } from '../../ports/database.ts'
import { inJson, statement } from '../vault/sql.ts'

/** A namespace that the scheduler is to look at, claimed until a moment at which it is due again unless that look came to its end. */
export interface DueSchedule {
  orgId: string
  namespaceId: number
  name: string
  claimedUntilMs: number
}

/**
 * Claims the namespaces of a database that have been due the longest, those of organisations on the move aside. Of two looks at once each
 * gets its own.
 */
export async function claimSchedules(database: Database, nowMs: number, limit: number): Promise<DueSchedule[]> {
  // A select first: most looks find nothing, and a look must not take the write lock.
  const due = await database.all(
    statement(sql`select s.namespace_id, n.org_id, n.name from schedules s cross join namespaces n on n.id = s.namespace_id
      where s.next_at_ms <= ${nowMs} and n.org_id not in (select org_id from fences) order by s.next_at_ms limit ${limit}`),
  )
  if (due.length === 0) return []
  const claimedUntilMs = nowMs + TASK_LEASE_MS
  const ids = due.map(([id]) => Number(id))
  const claimed = await database.all(
    statement(
      sql`update schedules set next_at_ms = ${claimedUntilMs} where namespace_id in ${inJson(ids)} and next_at_ms <= ${nowMs} returning namespace_id`,
    ),
  )
  const mine = new Set(claimed.map(([id]) => Number(id)))
  return due.flatMap(([id, orgId, name]) =>
    mine.has(Number(id)) ? [{ namespaceId: Number(id), orgId: String(orgId), name: String(name), claimedUntilMs }] : [],
  )
}
