import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DECISION_DAYS_MAX } from '../../../schemas/limits.ts'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import { type Outcome, usefulnessAfter, usefulnessChange } from '../../operation/schedule/usefulness.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { statementsOf } from '../vault/write-statements.ts'

const DAY_MS = 86_400_000

let opened: OpenDatabase
const all = (sql: string) => opened.database.all({ sql, params: [] })
const apply = (...writes: VaultWrite[]) => opened.database.batch(writes.flatMap((write) => statementsOf('o', write)))
const decision = (atMs: number) => ({
  namespaceId: 1,
  atMs,
  kind: 'hot_set' as const,
  strategy: 'lru',
  inputs: {},
  choice: {},
  reason: 'r',
  caller: 'system',
  taskId: null,
  cubeId: null,
})

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  for (const seq of [1, 2, 3])
    await all(`insert into cubes (namespace_id, seq, cube_id, revision, cid, state, memory_type, semantic_type, said_at_ms, created_at_ms, updated_at_ms,
      priority, sensitivity, origin_kind, provenance_id, tags, metadata, features, term_count, analyser, content_bytes)
      values (1, ${seq}, 'c${seq}', 1, 'x', 'activated', 'plaintext', 'fact', 0, 0, 0, 'mid', 'none', 'user_input', 'p', '[]', '{}', 0, 0, 1, 0)`)
})
afterEach(() => opened.close())

describe('decisions of the scheduler as statements', () => {
  it('put a hot set in place of the one before, without cubes that are gone', async () => {
    await apply({ kind: 'replace_hot_set', namespaceId: 1, hot: [{ seq: 1, score: 9 }] })
    const hot = [
      { seq: 3, score: 2 },
      { seq: 99, score: 1.5 },
      { seq: 2, score: 1 },
    ]
    await apply({ kind: 'replace_hot_set', namespaceId: 1, hot })
    expect(await all('select seq, rank, score from hot_cubes order by rank')).toEqual([
      [3, 1, 2],
      [2, 3, 1],
    ])
    await apply({ kind: 'replace_hot_set', namespaceId: 1, hot: [] })
    expect(await all('select * from hot_cubes')).toEqual([])
  })

  it('leave out of a hot set what was archived since it was chosen', async () => {
    await all(`update cubes set state = 'archived' where seq = 2`)
    const hot = [2, 1].map((seq) => ({ seq, score: seq }))
    await apply({ kind: 'replace_hot_set', namespaceId: 1, hot })
    expect(await all('select seq from hot_cubes')).toEqual([[1]])
  })

  it('change usefulness as the pure function does, within -1..1, in the named namespace only', async () => {
    const outcomes: Outcome[] = ['helped', 'helped', 'corrected', 'used', 'ignored']
    const change = { cubeId: 'c1', ...usefulnessChange(outcomes) }
    await apply({ kind: 'change_usefulness', namespaceId: 1, changes: [change, { cubeId: 'c2', keep: 1, add: 5 }] })
    await apply({ kind: 'change_usefulness', namespaceId: 2, changes: [{ cubeId: 'c3', keep: 0, add: 1 }] })
    const [[first] = [], ...others] = await all('select usefulness from cubes order by seq')
    expect(first).toBeCloseTo(usefulnessAfter(0, outcomes), 12)
    expect(others).toEqual([[1], [0]])
  })

  it('forget the oldest decisions when they are too old, a hundred at a time', async () => {
    for (let at = 0; at < 150; at++) await apply({ kind: 'record_decision', decision: decision(at) })
    const later = 150 + DECISION_DAYS_MAX * DAY_MS
    await apply({ kind: 'record_decision', decision: decision(later) })
    expect(await all('select count(*) from decisions')).toEqual([[51]])
    await apply({ kind: 'record_decision', decision: decision(later) })
    expect(await all('select distinct at_ms from decisions')).toEqual([[later]])
  })

  it('leave a namespace due that was used since it was claimed', async () => {
    await all('insert into schedules (namespace_id, next_at_ms) values (1, 500)')
    await apply({ kind: 'finish_schedule', namespaceId: 1, claimedUntilMs: 600, nextAtMs: 9000 })
    expect(await all('select next_at_ms from schedules')).toEqual([[500]])
    await apply({ kind: 'finish_schedule', namespaceId: 1, claimedUntilMs: 500, nextAtMs: 9000 })
    expect(await all('select next_at_ms from schedules')).toEqual([[9000]])
  })
})
