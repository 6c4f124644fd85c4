/**
 * Goal: what is collected about uses is lost at most for one flush, and never wrong.
 * Method: random uses, flushes and faults on both sides of a flush, against a model that counts the uses whose batch took effect.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nextState } from '../../schemas/lifecycle.ts'
import { systemContext } from '../../worker/infrastructure/governance/system-context.ts'
import { ActivityLog } from '../../worker/infrastructure/log/activity-log.ts'
import { MemVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import { fingerprintOf } from '../../worker/operation/schedule/fingerprint.ts'
import { COLD, type Heat, heatAfter } from '../../worker/operation/schedule/heat.ts'
import type { Database, SqlValue } from '../../worker/ports/database.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const HALF_LIFE_DAYS = 0.01
const HALF_LIFE_MS = HALF_LIFE_DAYS * 86_400_000
const CUBES = 6
const STATES = ['generated', 'merged', 'activated', 'frozen', 'archived', 'generated'] as const

export function activityFlush(openDatabase: () => Promise<{ database: Database; close(): Promise<void> }>) {
  let opened: { database: Database; close(): Promise<void> }
  let fault: Fault
  let vault: MemVault
  let lost: number

  const all = (sql: string, ...params: SqlValue[]) => opened.database.all({ sql, params })
  const runtime = { nowMs: () => NOW_MS, randomBytes: (length: number) => new Uint8Array(length), defer() {} }
  const logOf = (flushMs = 1e9) => {
    const logger = { info() {}, warn: () => void lost++, error() {} }
    return new ActivityLog({ vault, runtime, logger, fingerprintOf }, { flushMs })
  }
  const use = (log: ActivityLog, seqs: readonly number[], atMs: number, terms: string[] = []) =>
    log.record({
      context: systemContext('o', 'search', atMs, new AbortController().signal),
      outcome: 'ok',
      metric: 'searches',
      audited: true,
      used: seqs.map((seq) => ({ namespaceId: 1, seq, cubeId: `c${seq}`, memoryType: 'plaintext' as const })),
      terms,
    })

  beforeEach(async () => {
    opened = await openDatabase()
    for (const table of ['organisations', 'namespaces', 'cubes', 'transitions', 'schedules', 'audit_log', 'usage'])
      await all(`delete from ${table}`)
    fault = new Fault()
    lost = 0
    vault = new MemVault({ databases: new Map([['default', new FailingDatabase(opened.database, fault)]]) })
    await all(
      `insert into organisations (id, name, database, state, created_at_ms) values ('o', 'o', 'default', 'active', 0)`,
    )
    await all(
      `insert into namespaces (id, org_id, name, layer, settings, next_seq, created_at_ms) values (1, 'o', 'n', 'shared', ?, ${CUBES + 1}, 0)`,
      JSON.stringify({ schedule: { halfLifeDays: HALF_LIFE_DAYS } }),
    )
    for (let seq = 1; seq <= CUBES; seq++)
      await all(
        `insert into cubes (namespace_id, seq, cube_id, revision, cid, state, memory_type, semantic_type, said_at_ms, created_at_ms, updated_at_ms,
        priority, sensitivity, origin_kind, provenance_id, tags, metadata, features, term_count, analyser, content_bytes)
       values (1, ?, ?, 1, 'x', ?, 'plaintext', 'fact', 0, 0, 0, 'mid', 'none', 'user_input', 'p', '[]', '{}', 0, 0, 1, 0)`,
        seq,
        `c${seq}`,
        STATES[seq - 1] ?? 'generated',
      )
    // The placement is looked up once: from here on a flush is one call.
    await vault.of('o', NOW_MS)
  })
  afterEach(() => opened.close())

  describe('what is collected about uses', () => {
    it('is exact for every interleaving of uses, flushes and faults', async () => {
      const seed = Date.now() % 1e9
      const random = seededRandom(seed)
      const logs = [logOf(), logOf()]
      const waiting: { seq: number; atMs: number }[][] = [[], []]
      const counted: { seq: number; atMs: number }[][] = []
      let uses = 0
      for (let step = 0; step < 400; step++) {
        const which = random(2)
        const log = logs[which] as ActivityLog
        if (random(4) > 0) {
          const seqs = [...new Set(Array.from({ length: 1 + random(4) }, () => 1 + random(CUBES)))]
          const atMs = NOW_MS + random(10 * HALF_LIFE_MS)
          use(log, seqs, atMs)
          uses += seqs.length
          waiting[which]?.push(...seqs.map((seq) => ({ seq, atMs })))
          continue
        }
        const kind = random(4)
        if (kind === 0) fault.arm(1, 'before')
        if (kind === 1) fault.arm(1, 'after')
        await log.flush()
        fault.disarm()
        if (kind !== 0) counted.push(waiting[which] ?? [])
        waiting[which] = []
      }
      for (const [which, log] of logs.entries()) {
        await log.flush()
        counted.push(waiting[which] ?? [])
      }
      const rows = await all('select seq, access_count, heat, last_used_at_ms, state from cubes order by seq')
      for (const [seq, accessCount, heat, lastUsedAtMs, state] of rows) {
        const message = `seed ${seed}, cube ${seq}`
        const model = modelOf(counted, Number(seq))
        expect(accessCount, message).toBe(model.count)
        expect(lastUsedAtMs, message).toBe(model.heat.lastUsedAtMs)
        expect(Number(heat), message).toBeCloseTo(model.heat.heat, 6)
        const first = STATES[Number(seq) - 1] ?? 'generated'
        const recalled = model.count > 0 ? nextState(first, 'recall') : null
        expect(state, message).toBe(recalled ?? first)
        const moves = await all(
          'select from_state, to_state, event, caller from transitions where seq = ?',
          Number(seq),
        )
        expect(moves, message).toEqual(recalled === null ? [] : [[first, recalled, 'recall', 'system']])
      }
      expect(counted.flat().length, `seed ${seed}`).toBeLessThan(uses)
    })

    it('is lost as a whole with a flush that the database refuses, which is logged, and the next flush counts on', async () => {
      const log = logOf()
      use(log, [1, 2], NOW_MS)
      fault.arm(1, 'before')
      await log.flush()
      fault.disarm()
      expect(lost).toBe(1)
      expect(
        await all(
          'select sum(access_count), (select count(*) from audit_log), (select count(*) from transitions) from cubes',
        ),
      ).toEqual([[0, 0, 0]])
      use(log, [1], NOW_MS)
      await log.flush()
      expect(await all('select access_count, heat from cubes where seq = 1')).toEqual([[1, 1]])
    })

    it('is counted once when the answer to a flush is lost', async () => {
      const log = logOf()
      use(log, [1], NOW_MS)
      fault.arm(1, 'after')
      await log.flush()
      fault.disarm()
      await log.flush()
      expect(await all('select access_count, heat from cubes where seq = 1')).toEqual([[1, 1]])
    })

    it('passes over cubes that are gone, and marks no namespace that is gone', async () => {
      const log = logOf()
      use(log, [1, 99], NOW_MS)
      await all('delete from cubes where seq = 1')
      await log.flush()
      expect(await all('select * from transitions')).toEqual([])
      await all('delete from schedules')
      await all('delete from namespaces')
      use(log, [2], NOW_MS)
      await log.flush()
      expect(await all('select * from schedules')).toEqual([])
    })

    it('renews the fingerprint by halves, so that it follows what the cube is found by', async () => {
      const log = logOf()
      const fingerprint = async () => String((await all('select context_fingerprint from cubes where seq = 1'))[0]?.[0])
      const find = async (...terms: string[]) => {
        use(log, [1], NOW_MS, terms)
        await log.flush()
        return fingerprint()
      }
      const [boat, train] = [fingerprintOf(['boat']) as string, fingerprintOf(['train']) as string]
      expect(await find('boat')).toBe(boat)
      expect(await find('train')).toBe(boat.slice(0, 8) + train.slice(8))
      expect(await find('train')).toBe(train)
      expect(await find()).toBe(train)
    })

    it('tells the scheduler that there is something to look at, once', async () => {
      const log = logOf()
      use(log, [1], NOW_MS)
      await log.flush()
      expect(await all('select * from schedules')).toEqual([[1, NOW_MS]])
      use(log, [2], NOW_MS + 5)
      await log.flush()
      expect(await all('select * from schedules')).toEqual([[1, NOW_MS]])
      await all(`update schedules set next_at_ms = ${NOW_MS + 60_000}`)
      use(log, [2], NOW_MS + 10)
      await log.flush()
      expect(await all('select * from schedules')).toEqual([[1, NOW_MS + 10]])
    })

    it('finds the used cubes by their key: no statement of a flush reads a table from end to end', async () => {
      const plans: string[] = []
      vault = new MemVault({
        databases: new Map([
          [
            'default',
            {
              ...opened.database,
              name: 'default',
              vectorDistance: false,
              all: (one) => opened.database.all(one),
              read: (many) => opened.database.read(many),
              batch: async (statements) => {
                for (const { sql, params } of statements)
                  plans.push(
                    ...(await opened.database.all({ sql: `explain query plan ${sql}`, params })).map((row) =>
                      String(row[3]),
                    ),
                  )
                return []
              },
            },
          ],
        ]),
      })
      const watched = logOf()
      use(watched, [1, 2, 3], NOW_MS, ['boat'])
      await watched.flush()
      expect(plans.length).toBeGreaterThan(3)
      expect(plans.filter((plan) => /^SCAN (?!j VIRTUAL|u$|CONSTANT|json_each)/.test(plan))).toEqual([])
    })
  })
}

/** What the counted batches come to for one cube: the uses of a batch count as of the last of them. */
function modelOf(counted: readonly { seq: number; atMs: number }[][], seq: number): { count: number; heat: Heat } {
  let heat = COLD
  let count = 0
  for (const batch of counted) {
    const moments = batch.filter((one) => one.seq === seq).map(({ atMs }) => atMs)
    if (moments.length === 0) continue
    count += moments.length
    heat = heatAfter(heat, moments.length, Math.max(...moments), HALF_LIFE_MS)
  }
  return { count, heat }
}
