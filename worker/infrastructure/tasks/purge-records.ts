import { type SQL, sql } from 'drizzle-orm'
import { DECISION_DAYS_MAX, PIPELINE_RECORD_DAYS_MAX, RECORDS_PER_PURGE_MAX } from '../../../schemas/limits.ts'
import type { Database } from '../../ports/database.ts'
import { statement } from '../vault/sql.ts'

const DAY_MS = 86_400_000

/**
 * Forgets decisions of the scheduler, runs of pipelines and side effects that have come to their end, once they are older than they can be looked
 * up; a bounded number of each per call, of every organisation in a database but those that are being moved. What still waits stays, however old.
 */
export async function purgeRecords(database: Database, nowMs: number): Promise<void> {
  const unfenced = sql`org_id not in (select org_id from fences)`
  // The oldest rows stand first by their ids.
  const oldest = (table: SQL) =>
    sql`id in (select id from ${table} order by id limit ${RECORDS_PER_PURGE_MAX}) and ${unfenced}`
  const recordsUntilMs = nowMs - PIPELINE_RECORD_DAYS_MAX * DAY_MS
  await database.batch([
    statement(
      sql`delete from decisions where ${oldest(sql.raw('decisions'))} and at_ms < ${nowMs - DECISION_DAYS_MAX * DAY_MS}`,
    ),
    statement(
      sql`delete from pipeline_runs where ${oldest(sql.raw('pipeline_runs'))} and created_at_ms < ${recordsUntilMs}`,
    ),
    statement(sql`delete from outbox where id in (select id from outbox where state in ('done', 'failed') and kind in ('notify', 'publish')
      and next_at_ms < ${recordsUntilMs} and ${unfenced} limit ${RECORDS_PER_PURGE_MAX})`),
  ])
}
