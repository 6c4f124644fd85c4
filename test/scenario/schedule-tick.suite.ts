import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SCHEDULES_PER_TICK_MAX, TASK_LEASE_MS } from '../../schemas/limits.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { claimSchedules } from '../../worker/infrastructure/schedule/due-schedules.ts'
import { TYPE_CHANGE_TASKS } from '../../worker/operation/schedule/type-changes.ts'
import type { Database } from '../../worker/ports/database.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const CALLS_MAX = 60
const KINDS: string[] = Object.values(TYPE_CHANGE_TASKS)
const POLICY = { promoteHeat: 2, promoteStableDays: 1, distilHeat: 1000 }

/**
 * Goal: the minute's upkeep keeps hot sets and planned changes of type as memory is used; a plan that nobody can run yet waits and is never lost.
 * Method: an edge inside the test with a clock that only the test moves, over a real database of the host; faults at every call of a look.
 */
export function scheduleTick(openDatabase: () => Promise<{ database: Database; close(): Promise<void> }>) {
  let opened: { database: Database; close(): Promise<void> }
  let edge: LocalEdge
  let admin: Caller
  const fault = new Fault()
  const clock = { nowMs: Date.UTC(2026, 0, 1) }

  const openEdge = () =>
    openLocalEdge({
      databases: new Map([['default', new FailingDatabase(opened.database, fault)]]),
      blobs: new MemoryBlobStore(),
      clock,
      seed: clock.nowMs % 1e9,
    })
  beforeAll(async () => {
    opened = await openDatabase()
    edge = await openEdge()
  })
  afterAll(async () => {
    await edge.close()
    await opened.close()
  })
  beforeEach(async () => {
    // What earlier tests left is not due any more, so that each counts its own calls.
    await opened.database.all({ sql: 'update schedules set next_at_ms = 9e15', params: [] })
    ;({ admin } = await newTenant(edge))
    await admin.ok('createNamespace', { body: { name: 'n', layer: 'shared', settings: { schedule: POLICY } } })
  })

  const add = async (content: string) => (await admin.ok('createCube', { body: { namespace: 'n', content } })).cubeId
  const use = async (cubeId: string, times = 1) => {
    for (let time = 0; time < times; time++) await admin.ok('getCube', { params: { cubeId } })
    await edge.settle()
  }
  /** What the upkeep step `schedule` does. */
  const look = async () => {
    const database = new FailingDatabase(opened.database, fault)
    await edge.components.edge.scheduler.tick(await claimSchedules(database, clock.nowMs++, SCHEDULES_PER_TICK_MAX))
  }
  const tickAfter = async (ms: number) => {
    clock.nowMs += ms
    await look()
  }
  const tasks = async () =>
    (await admin.ok('listTasks', { query: {} })).items.filter(({ kind }) => KINDS.includes(kind))
  const decisions = async (kind?: 'hot_set' | 'promote') =>
    (await admin.ok('listDecisions', { query: kind === undefined ? {} : { kind } })).items
  const hot = async () => (await admin.ok('getSchedule', { params: { name: 'n' } })).cubes.map(({ cubeId }) => cubeId)
  const newestOrganisation = async () =>
    (
      await opened.database.all({
        sql: 'select org_id from namespaces order by created_at_ms desc limit 1',
        params: [],
      })
    )[0]?.[0]
  const setCube = (cubeId: string, change: string) =>
    opened.database.all({ sql: `update cubes set ${change} where cube_id = ?`, params: [cubeId] })
  /** A used cube whose promotion is planned. */
  const promoted = async () => {
    const cubeId = await add('The boat is blue.')
    await use(cubeId, 3)
    await tickAfter(DAY_MS + MINUTE_MS)
    return cubeId
  }

  describe('the hot set of a namespace', () => {
    it('follows what is used, and a look that changes nothing decides nothing', async () => {
      const boat = await add('The boat is blue.')
      const train = await add('The train is late.')
      await use(boat, 2)
      await use(train)
      await tickAfter(MINUTE_MS)
      expect(await hot()).toEqual([boat, train])
      expect(await decisions()).toMatchObject([
        { kind: 'hot_set', strategy: 'heat', caller: 'system', choice: { cubes: 2 } },
      ])
      await use(boat)
      await tickAfter(MINUTE_MS)
      expect(await decisions()).toHaveLength(1)
      await use(train, 4)
      await tickAfter(MINUTE_MS)
      expect(await hot()).toEqual([train, boat])
      expect(await decisions()).toHaveLength(2)
    })

    it('is chosen once by two ticks at the same time', async () => {
      await use(await add('The boat is blue.'))
      clock.nowMs += MINUTE_MS
      await Promise.all([look(), look()])
      expect(await decisions()).toHaveLength(1)
    })

    it('rests while the organisation is on the move', async () => {
      await use(await add('The boat is blue.'))
      const params = [(await newestOrganisation()) ?? '']
      await opened.database.all({ sql: `insert into fences (org_id, move_id) values (?, 'm')`, params })
      await tickAfter(MINUTE_MS)
      expect(await decisions()).toEqual([])
      await opened.database.all({ sql: 'delete from fences where org_id = ?', params })
      await tickAfter(MINUTE_MS)
      expect(await decisions()).toHaveLength(1)
    })
  })

  it('the strategy semantic goes by vectors where a model answers, and says by which', async () => {
    const embedded = await openLocalEdge({
      databases: new Map([['default', opened.database]]),
      blobs: new MemoryBlobStore(),
      embedder: new WordEmbedder('words'),
      clock,
      seed: clock.nowMs % 1e9,
    })
    const { admin: owner } = await newTenant(embedded)
    const { cubes } = await owner.ok('createCubes', {
      body: { cubes: [{ content: 'The boat is blue.' }, { content: 'The train is late.' }] },
    })
    await embedded.runTasks()
    const body = { strategy: 'semantic' as const, query: 'late train', hotMax: 1 }
    const set = await owner.ok('runSchedule', { params: { name: 'default' }, body })
    expect(set.cubes.map(({ cubeId }) => cubeId)).toEqual([cubes[1]?.cubeId])
    expect(set.decision).toMatchObject({ inputs: { similarity: 'vector', model: 'words' } })
    expect(set.decision?.reason).toContain('vectors')
    await embedded.close()
  })

  describe('a change of memory type', () => {
    it('is planned as a task that says what it waits for, with a decision that names measures and thresholds', async () => {
      const cubeId = await promoted()
      const [task] = await tasks()
      expect(task).toMatchObject({ kind: 'promote_activation', state: 'queued', waitingFor: 'gpu-node', error: null })
      const [decision] = await decisions('promote')
      expect(decision).toMatchObject({
        cubeId,
        taskId: task?.id,
        strategy: 'thresholds',
        inputs: { memoryType: 'plaintext', thresholds: { promoteHeat: 2, promoteStableDays: 1 } },
        choice: { action: 'plan' },
      })
      expect(decision?.inputs.heat).toBeGreaterThan(2)
      expect(decision?.reason).toMatch(/^Heat 2\.7\d of 2 and unchanged for 1\.0 of 1 days\.$/)
    })

    it('is not planned before memory is hot for long enough', async () => {
      const cubeId = await add('The boat is blue.')
      await use(cubeId, 3)
      await tickAfter(MINUTE_MS)
      expect(await tasks()).toEqual([])
    })

    it('is planned once, waits for weeks, survives a restart and is not spun, failed or purged', async () => {
      const cubeId = await promoted()
      const before = await tasks()
      expect(before).toHaveLength(1)
      for (let look = 0; look < 5; look++) {
        await use(cubeId)
        clock.nowMs += 2 * DAY_MS
        await edge.components.tick()
        await edge.runTasks()
      }
      const again = await openEdge()
      await again.components.tick()
      await again.runTasks()
      await again.close()
      expect(await tasks()).toEqual(before)
      expect(await decisions('promote')).toHaveLength(1)
    })

    it('stays cancelled when a caller cancels it', async () => {
      const cubeId = await promoted()
      const [task] = await tasks()
      expect(await admin.ok('cancelTask', { params: { id: task?.id ?? '' } })).toMatchObject({
        state: 'cancelled',
        waitingFor: null,
      })
      await use(cubeId)
      await tickAfter(DAY_MS)
      expect(await tasks()).toMatchObject([{ state: 'cancelled', error: null }])
    })

    it('is dropped while its cube is frozen, and planned again afterwards', async () => {
      const cubeId = await promoted()
      await setCube(cubeId, `state = 'frozen'`)
      await tickAfter(11 * MINUTE_MS)
      expect(await tasks()).toMatchObject([{ state: 'cancelled', error: 'cube_frozen' }])
      await setCube(cubeId, `state = 'activated'`)
      await use(cubeId)
      await tickAfter(MINUTE_MS)
      expect(await tasks()).toMatchObject([{ state: 'queued', error: null, waitingFor: 'gpu-node' }])
      expect((await decisions('promote')).map(({ choice }) => choice.action)).toEqual(['plan', 'drop', 'plan'])
    })

    it('is dropped when its cube is erased', async () => {
      const cubeId = await promoted()
      await admin.ok('deleteCube', { params: { cubeId } })
      await tickAfter(11 * MINUTE_MS)
      expect(await tasks()).toMatchObject([{ state: 'cancelled', error: 'cube_erased' }])
      expect(JSON.stringify(await decisions('promote'))).not.toContain(cubeId)
    })

    it('begins anew when its cube is written', async () => {
      const cubeId = await promoted()
      await admin.ok('updateCube', {
        params: { cubeId },
        body: { mode: 'overwrite', content: 'The boat is red.' } as never,
      })
      await tickAfter(11 * MINUTE_MS)
      expect(await tasks()).toMatchObject([{ state: 'cancelled', error: 'cube_changed' }])
      await use(cubeId, 2)
      await tickAfter(DAY_MS)
      expect((await tasks()).filter(({ state }) => state === 'queued')).toMatchObject([{ kind: 'promote_activation' }])
    })

    it('goes back from activation and parametric memory', async () => {
      const cache = await add('The boat is blue.')
      const adapter = await add('The train is late.')
      await use(cache)
      await use(adapter)
      await setCube(cache, `memory_type = 'activation', heat = 0.1`)
      await setCube(adapter, `memory_type = 'parametric'`)
      await tickAfter(MINUTE_MS)
      expect((await tasks()).map(({ kind }) => kind)).toEqual(['demote_activation'])
      await tickAfter(181 * DAY_MS)
      expect((await tasks()).map(({ kind }) => kind).sort()).toEqual(['demote_activation', 'externalise_parametric'])
    })
  })

  describe.each(['before', 'after'] as const)('a database that fails %s a call takes effect', (when) => {
    it('leaves a look of the tick whole or undone, and the next look has its one effect', async () => {
      for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
        await opened.database.all({ sql: 'update schedules set next_at_ms = 9e15', params: [] })
        ;({ admin } = await newTenant(edge))
        await admin.ok('createNamespace', { body: { name: 'n', layer: 'shared', settings: { schedule: POLICY } } })
        const cubeId = await add('The boat is blue.')
        await use(cubeId, 3)
        clock.nowMs += DAY_MS + MINUTE_MS
        fault.arm(atCall, when)
        await look().catch(() => undefined)
        fault.disarm()
        const where = `call ${atCall}, ${when}: ${fault.fired}`
        const [left, set, decided] = [await tasks(), await hot(), await decisions()]
        expect([`0 0 0`, `1 1 2`], where).toContain(`${left.length} ${set.length} ${decided.length}`)
        await tickAfter(TASK_LEASE_MS + MINUTE_MS)
        expect(await tasks(), where).toMatchObject([{ state: 'queued', kind: 'promote_activation' }])
        expect(await hot(), where).toEqual([cubeId])
        expect(await decisions(), where).toHaveLength(2)
        if (fault.fired === null) return
      }
      throw new Error(`more than ${CALLS_MAX} calls: raise CALLS_MAX`)
    }, 120_000)

    it('leaves the hot set of a request whole or undone', async () => {
      const boat = await add('The boat is blue.')
      const train = await add('The train is late.')
      await use(boat, 3)
      await use(train)
      const run = (strategy: 'lru' | 'heat') => admin.send('runSchedule', { params: { name: 'n' }, body: { strategy } })
      for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
        await (await run('heat')).text()
        const count = (await decisions()).length
        fault.arm(atCall, when)
        const response = await run('lru')
        await response.text()
        await edge.settle()
        fault.disarm()
        const where = `call ${atCall}, ${when}: ${fault.fired}`
        const isDone = (await hot())[0] === train
        expect((await decisions()).length - count, where).toBe(isDone ? 1 : 0)
        if (response.ok) expect(isDone, where).toBe(true)
        if (fault.fired === null) return
      }
      throw new Error(`more than ${CALLS_MAX} calls: raise CALLS_MAX`)
    }, 120_000)
  })
}
