import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TASK_ATTEMPTS_MAX, TASK_LEASE_MS } from '../../../schemas/limits.ts'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import type { Database } from '../../ports/database.ts'
import type { TaskHandler } from '../../ports/tasks.ts'
import { planMissingEmbeddings } from './missing-embeddings.ts'
import { purgeTasks } from './purge-tasks.ts'
import { TaskRunner } from './task-runner.ts'

const HOUR_MS = 60 * 60 * 1000
const SIGNAL = new AbortController().signal

let opened: OpenDatabase[]
let nowMs: number

const databases = () => new Map(opened.map(({ database }, at) => [`d${at}`, database]))
const runtime = { nowMs: () => nowMs, randomBytes: (length: number) => new Uint8Array(length), defer() {} }
const runnerOf = (work: TaskHandler, init = {}) =>
  new TaskRunner(
    {
      databases: databases(),
      runtime,
      logger: { info() {}, warn() {}, error() {} },
      handlers: new Map([['work', work]]),
    },
    init,
  )
const first = (): Database => opened[0]?.database as Database
const add = (database: Database, id: string, updatedAtMs = 0, state = 'queued') =>
  database.all({
    sql: `insert into tasks (id, org_id, kind, state, input, created_at_ms, updated_at_ms) values (?, 'org', 'work', ?, '{}', 0, ?)`,
    params: [id, state, updatedAtMs],
  })
const stateOf = async (id: string) =>
  (await first().all({ sql: 'select state, attempts, error from tasks where id = ?', params: [id] }))[0]

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1)
  opened = [await openLibsql('d0', ':memory:'), await openLibsql('d1', ':memory:')]
})
afterEach(async () => {
  for (const { close } of opened) await close()
})

describe('a task runner', () => {
  it('runs the task that has waited longest first', async () => {
    for (const [id, at] of [
      ['a', 3],
      ['b', 1],
      ['c', 2],
    ] as const)
      await add(first(), id, at)
    const ran: string[] = []
    await runnerOf(async ({ id }) => void ran.push(id)).runDue(SIGNAL)
    expect(ran).toEqual(['b', 'c', 'a'])
  })

  it('interrupts a long task so that others have their turn, which is no failure', async () => {
    await add(first(), 'long', 1)
    await add(first(), 'short', 2)
    const ran: string[] = []
    const work: TaskHandler = async ({ id }, { signal }) => {
      nowMs += 10
      ran.push(id)
      if (id === 'long' && ran.length < 20 && !ran.includes('short'))
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    await runnerOf(work, { sliceMs: 5 }).runDue(SIGNAL)
    expect(ran).toEqual(['long', 'short', 'long'])
    expect(await stateOf('long')).toEqual(['succeeded', 0, null])
  })

  it('takes the databases in turn, and begins with another one the next time', async () => {
    for (const { database } of opened)
      for (const id of ['a', 'b']) await add(database, `${id}-${opened.findIndex((one) => one.database === database)}`)
    const ran: string[] = []
    const runner = runnerOf(async ({ id }) => void ran.push(id))
    await runner.runDue(SIGNAL, 1)
    await runner.runDue(SIGNAL, 1)
    await runner.runDue(SIGNAL)
    expect(ran).toEqual(['a-0', 'a-1', 'b-0', 'b-1'])
  })

  it('does not count interruptions as attempts', async () => {
    await add(first(), 'a')
    for (let stop = 0; stop < 2 * TASK_ATTEMPTS_MAX; stop++) {
      const stopping = new AbortController()
      await runnerOf(async () => stopping.abort()).runDue(stopping.signal)
    }
    expect(await stateOf('a')).toEqual(['queued', 0, null])
  })

  it('fails a task after so many failures', async () => {
    await add(first(), 'a')
    const runner = runnerOf(() => Promise.reject(new Error('no')))
    for (let attempt = 1; attempt <= TASK_ATTEMPTS_MAX; attempt++) {
      await runner.runDue(SIGNAL)
      expect((await stateOf('a'))?.[1]).toBe(attempt)
      nowMs += HOUR_MS
    }
    expect(await stateOf('a')).toEqual(['failed', TASK_ATTEMPTS_MAX, 'internal'])
  })

  it('ends a task that takes its process with it every time', async () => {
    await add(first(), 'a')
    let claims = 0
    for (let look = 0; look < 2 * TASK_ATTEMPTS_MAX; look++) {
      const begun = Promise.withResolvers<void>()
      const dies = runnerOf(() => {
        claims += 1
        begun.resolve()
        return new Promise(() => {})
      })
      await Promise.race([begun.promise, dies.runDue(SIGNAL)])
      nowMs += TASK_LEASE_MS
    }
    expect(claims).toBe(TASK_ATTEMPTS_MAX)
    expect(await stateOf('a')).toEqual(['failed', TASK_ATTEMPTS_MAX, 'internal'])
  })

  it('keeps a worker that was thought dead from ending what another one took over', async () => {
    await add(first(), 'a')
    const [begun, wakes] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const late = runnerOf(async (_, { report }) => {
      await report(1, null)
      begun.resolve()
      await wakes.promise
    }).runDue(SIGNAL)
    await begun.promise
    nowMs += TASK_LEASE_MS
    await runnerOf(async () => {
      wakes.resolve()
      await late
      expect(await stateOf('a')).toEqual(['running', 1, null])
    }).runDue(SIGNAL)
    expect(await stateOf('a')).toEqual(['succeeded', 1, null])
  })
})

it('tasks that ended a week ago are forgotten, the others stay', async () => {
  for (const state of ['queued', 'running', 'succeeded', 'failed', 'cancelled']) {
    await add(first(), `old-${state}`, nowMs - 7 * 24 * HOUR_MS - 1, state)
    await add(first(), `new-${state}`, nowMs - 7 * 24 * HOUR_MS + 1, state)
  }
  await first().all({
    sql: `insert into organisations (id, name, database, state, move_id, created_at_ms) values ('moving', 'moving', 'default', 'moving', 'old-failed', 0)`,
    params: [],
  })
  await purgeTasks(first(), nowMs)
  const left = await first().all({ sql: `select id from tasks where id like 'old-%' order by id`, params: [] })
  expect(left.flat()).toEqual(['old-failed', 'old-queued', 'old-running'])
  expect(await first().all({ sql: `select count(*) from tasks where id like 'new-%'`, params: [] })).toEqual([[5]])
})

it('a namespace whose task failed rests for an hour before the next one is planned', async () => {
  const all = (sql: string) => first().all({ sql, params: [] })
  await all(
    `insert into namespaces (id, org_id, name, layer, settings, next_seq, cube_count, created_at_ms) values (1, 'org', 'n', 'shared', '{}', 3, 2, 0)`,
  )
  const plan = () => planMissingEmbeddings(first(), { kind: 'embed', model: 'm' }, runtime)
  const queued = async () => (await all(`select count(*) from tasks where state = 'queued'`))[0]?.[0]
  await plan()
  expect(await queued()).toBe(1)
  await all(`update tasks set state = 'failed', updated_at_ms = ${nowMs}`)
  nowMs += HOUR_MS - 1
  await plan()
  expect(await queued()).toBe(0)
  nowMs += 1
  await plan()
  expect(await queued()).toBe(1)
})
