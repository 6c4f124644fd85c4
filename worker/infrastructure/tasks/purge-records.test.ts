import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DECISION_DAYS_MAX, PIPELINE_RECORD_DAYS_MAX, RECORDS_PER_PURGE_MAX } from '../../../schemas/limits.ts'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import { purgeRecords } from './purge-records.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 0, 1)
const OLD_MS = NOW_MS - Math.max(DECISION_DAYS_MAX, PIPELINE_RECORD_DAYS_MAX) * DAY_MS - 1
const KEPT_MS = NOW_MS - Math.min(DECISION_DAYS_MAX, PIPELINE_RECORD_DAYS_MAX) * DAY_MS + 1

let opened: OpenDatabase
const all = (sql: string) => opened.database.all({ sql, params: [] })
const idsOf = async (table: string) => (await all(`select id from ${table} order by id`)).map(([id]) => id)

const decide = (orgId: string, atMs: number, count = 1) =>
  all(`with recursive s (n) as (select 1 union all select n + 1 from s where n < ${count})
    insert into decisions (org_id, namespace_id, at_ms, kind, strategy, inputs, choice, reason, caller)
    select '${orgId}', 1, ${atMs}, 'hot_set', 'lru', '{}', '{}', 'r', 'system' from s`)
const run = (id: string, orgId: string, atMs: number) =>
  all(
    `insert into pipeline_runs (id, org_id, name, caller, report, created_at_ms) values ('${id}', '${orgId}', 'p', 'k', '{}', ${atMs})`,
  )
const effect = (id: string, orgId: string, state: string, kind: string, atMs: number) =>
  all(`insert into outbox (id, org_id, kind, payload, idempotency_key, state, attempts, next_at_ms, created_at_ms)
    values ('${id}', '${orgId}', '${kind}', '{}', '${id}', '${state}', 1, ${atMs}, ${atMs})`)

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  await all(`insert into fences (org_id, move_id) values ('moving', 'm')`)
})
afterEach(() => opened.close())

describe('records of long ago', () => {
  it('are forgotten, those of an organisation on the move aside, and what is younger stays', async () => {
    await decide('moving', OLD_MS)
    await decide('o', OLD_MS)
    await decide('o', KEPT_MS)
    for (const [id, orgId, atMs] of [
      ['1', 'moving', OLD_MS],
      ['2', 'o', OLD_MS],
      ['3', 'o', KEPT_MS],
    ] as const)
      await run(id, orgId, atMs)
    await purgeRecords(opened.database, NOW_MS)
    expect(await idsOf('decisions')).toEqual([1, 3])
    expect(await idsOf('pipeline_runs')).toEqual(['1', '3'])
  })

  it('lose the side effects that came to an end, never those that still wait', async () => {
    await effect('done', 'o', 'done', 'notify', OLD_MS)
    await effect('failed', 'o', 'failed', 'notify', OLD_MS)
    await effect('fresh', 'o', 'done', 'notify', KEPT_MS)
    await effect('moved', 'moving', 'done', 'notify', OLD_MS)
    await effect('waiting', 'o', 'waiting', 'publish', OLD_MS)
    await purgeRecords(opened.database, NOW_MS)
    expect(await idsOf('outbox')).toEqual(['fresh', 'moved', 'waiting'])
  })

  it('go in runs of bounded size, the oldest first, also by two calls at once', async () => {
    await decide('o', OLD_MS, RECORDS_PER_PURGE_MAX + 5)
    await purgeRecords(opened.database, NOW_MS)
    expect(await idsOf('decisions')).toEqual([1, 2, 3, 4, 5].map((at) => RECORDS_PER_PURGE_MAX + at))
    await Promise.all([purgeRecords(opened.database, NOW_MS), purgeRecords(opened.database, NOW_MS)])
    expect(await idsOf('decisions')).toEqual([])
  })
})
