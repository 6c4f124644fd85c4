/**
 * Goal: the scheduler's reads are bounded by what they ask for, whatever the size of the namespace.
 * Method: the plan that SQLite makes of every statement, with a principal of the whole organisation and with a bound one.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import type { Database } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import { systemContext } from '../governance/system-context.ts'
import { TaskRunner } from '../tasks/task-runner.ts'
import { MemVault } from '../vault/mem-vault.ts'
import { claimSchedules } from './due-schedules.ts'
import { ScheduleReader } from './schedule-reader.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const CUBES = 5000

let opened: OpenDatabase
let plans: string[] = []
let watched: Database

beforeAll(async () => {
  opened = await openLibsql('default', ':memory:')
  const all = (sql: string) => opened.database.all({ sql, params: [] })
  await all(
    `insert into organisations (id, name, database, state, created_at_ms) values ('o', 'o', 'default', 'active', 0)`,
  )
  await all(
    `insert into namespaces (id, org_id, name, layer, settings, next_seq, created_at_ms) values (1, 'o', 'n', 'shared', '{}', ${CUBES + 1}, 0)`,
  )
  await all(`with recursive s (n) as (select 1 union all select n + 1 from s where n < ${CUBES})
    insert into cubes (namespace_id, seq, cube_id, revision, cid, state, memory_type, semantic_type, said_at_ms, created_at_ms, updated_at_ms,
      last_used_at_ms, priority, sensitivity, origin_kind, provenance_id, tags, metadata, features, term_count, analyser, content_bytes)
    select 1, n, 'c' || n, 1, 'x', 'activated', case when n % 500 = 0 then 'activation' else 'plaintext' end, 'fact', 0, 0, 0,
      case when n % 3 = 0 then n end, 'mid', 'none', 'user_input', 'p', '[]', '{}', 0, 0, 1, 0 from s`)
  await all('insert into schedules (namespace_id, next_at_ms) values (1, 0)')
  watched = {
    name: 'default',
    vectorDistance: false,
    all: async (statement) => {
      const plan = await opened.database.all({ ...statement, sql: `explain query plan ${statement.sql}` })
      plans.push(...plan.map((row) => String(row[3])))
      return opened.database.all(statement)
    },
    read: (statements) => opened.database.read(statements),
    batch: (statements) => opened.database.batch(statements),
  }
})
afterAll(() => opened.close())

const system = systemContext('o', 'test', NOW_MS, new AbortController().signal).principal
const bound: Principal = { ...system, subject: { kind: 'user', id: 'ana' }, namespaces: ['n'] }

async function readerOf(principal: Principal): Promise<ScheduleReader> {
  const vault = await new MemVault({ databases: new Map([['default', watched]]) }).of('o', NOW_MS)
  plans = []
  return new ScheduleReader(vault, principal, NOW_MS)
}
/** Steps that read a whole table, or sort what they read. */
const unbounded = () => plans.filter((plan) => /^SCAN (c|cubes|d|h|s|t)\b(?!.*INDEX)|TEMP B-TREE FOR ORDER/.test(plan))

describe.each([
  ['the organisation', system],
  ['a bound key', bound],
] as const)('the reads of %s', (_, principal) => {
  it('take the cubes used last from their index', async () => {
    const reader = await readerOf(principal)
    const found = await reader.recent(1, 3)
    expect(plans.join('\n')).toMatch(/SEARCH c USING INDEX cubes_used \(namespace_id=\?/)
    expect(unbounded()).toEqual([])
    if (principal === system) expect(found.map(({ seq }) => seq)).toEqual([4998, 4995, 4992])
  })

  it('take the newest cubes, cubes by place and by id from their keys', async () => {
    const reader = await readerOf(principal)
    await reader.newest(1, 3)
    const many = Array.from({ length: 200 }, (_, at) => at + 1)
    await reader.bySeq(1, many)
    expect(plans.join('\n')).toMatch(/\(namespace_id=\? AND seq=\?\)/)
    plans = []
    await reader.byId(
      1,
      many.map((seq) => `c${seq}`),
    )
    expect(plans.join('\n')).toMatch(/cubes_cube_id \(cube_id=\?\)/)
    expect(unbounded()).toEqual([])
  })

  it('take the cubes of other types than text from their index', async () => {
    const reader = await readerOf(principal)
    const found = await reader.ofType(1, 'activation', 4)
    expect(plans.join('\n')).toMatch(/SEARCH c USING INDEX cubes_typed \(namespace_id=\? AND memory_type=\?/)
    expect(unbounded()).toEqual([])
    if (principal === system) expect(found).toHaveLength(4)
  })

  it('take decisions from the index of the namespace or of the organisation, newest first', async () => {
    const reader = await readerOf(principal)
    const none = { namespace: null, kind: null, fromMs: null, toMs: null }
    await reader.decisions(none, 5, 100)
    expect(plans.join('\n')).toMatch(/SEARCH d USING INDEX decisions_org \(org_id=\?/)
    plans = []
    await reader.decisions({ ...none, namespace: 'n', kind: 'hot_set' }, 5, null)
    expect(plans.join('\n')).toMatch(/SEARCH d USING INDEX decisions_namespace \(namespace_id=\?/)
    expect(unbounded()).toEqual([])
  })
})

it('namespaces that are due are taken from their index', async () => {
  plans = []
  const [due] = await claimSchedules(watched, NOW_MS, 5)
  expect(due).toMatchObject({ orgId: 'o', namespaceId: 1, name: 'n' })
  expect(plans.join('\n')).toContain('USING COVERING INDEX schedules_next')
  expect(unbounded()).toEqual([])
  expect(await claimSchedules(watched, NOW_MS, 5)).toEqual([])
})

it('a look for work passes over the tasks that wait for a node, however many', async () => {
  const runtime = { nowMs: () => NOW_MS, randomBytes: (length: number) => new Uint8Array(length), defer() {} }
  const logger = { info() {}, warn() {}, error() {} }
  const handlers = new Map([['embed', async () => {}]])
  const runner = new TaskRunner({ databases: new Map([['default', watched]]), runtime, logger, handlers })
  plans = []
  expect(await runner.runDue(new AbortController().signal)).toBe(0)
  expect(plans.join('\n')).toMatch(/SEARCH tasks USING INDEX tasks_due \(state=\? AND kind=\?/)
})
