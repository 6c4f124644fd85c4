/**
 * Goal: an organisation changes its database while it is read and written; no reader sees an error or a gap, no acknowledged write is lost,
 * and whatever fails in between leaves it wholly in one place.
 */

import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { OLD_ROWS_MS } from '../../schemas/limits.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { Database } from '../../worker/ports/database.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { Caller, newTenant, type Tenant } from '../support/edge.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { asIfRemote, digests, fillOrganisation, LARGE_TEXT, rowsLeft } from '../support/moved-organisation.ts'
import { tempDir } from '../support/temp-dir.ts'

const SEED = 7
/** A failed attempt of a task is repeated within this time. */
const RETRY_MS = 10 * 60_000
const CALLS_MAX = 200

let databases: Map<string, Database>
const blobs = new MemoryBlobStore()
let cleanUp: () => Promise<void>

beforeEach(async () => {
  const home = await tempDir()
  const opened = await Promise.all(
    ['default', 'shard'].map(
      async (name) => [name, await openLibsql(name, `file:${join(home.path, `${name}.db`)}`)] as const,
    ),
  )
  databases = new Map(opened.map(([name, { database }]) => [name, database]))
  cleanUp = async () => {
    for (const [, { close }] of opened) await close()
    await home.remove()
  }
})
afterEach(() => cleanUp())

const place = (name: string) => databases.get(name) as Database
const openEdge = (clock?: { nowMs: number }) => openLocalEdge({ databases, blobs, seed: SEED, ...(clock && { clock }) })
const rootOf = (edge: LocalEdge) => new Caller(edge, edge.rootKey)
const move = (edge: LocalEdge, { id }: Tenant, database = 'shard') =>
  rootOf(edge).ok('moveOrganisation', { params: { id }, body: { database } })
const organisation = async (edge: LocalEdge, { id }: Tenant) => {
  const [[database, state] = []] = await edge.rows('select database, state from organisations where id = ?', id)
  return { database: String(database), state }
}

/** Runs tasks until the move rests, waiting out retries and the time that old rows are kept. */
async function finish(edge: LocalEdge): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await edge.runTasks().catch(() => 0)
    edge.clock.nowMs += Math.max(OLD_ROWS_MS, RETRY_MS)
  }
}

const search = async ({ admin }: Tenant, query: string) => {
  const { results } = await admin.ok('search', { body: { query, limit: 20 } })
  return results.map(({ cube, score }) => [cube.cubeId, cube.descriptive.session, score])
}

it('moves under readers and writers: no error, no gap, nothing lost, equal to the last row', async () => {
  databases = new Map([...databases].map(([name, one]) => [name, asIfRemote(one)]))
  const edge = await openEdge()
  const tenant = await newTenant(edge)
  const neighbour = await newTenant(edge)
  await fillOrganisation(neighbour, 1)
  await fillOrganisation(tenant, 12)
  await edge.settle()
  const before = await digests(place('default'), tenant.id, ['audit_log', 'usage', 'idempotency'])
  const neighbourBefore = await digests(place('default'), neighbour.id)
  const namespaceIds = (
    await place('default').all({ sql: 'select id from namespaces where org_id = ?', params: [tenant.id] })
  ).flat()
  const ranking = await search(tenant, 'boat with 84 sailors')
  const firstPage = await tenant.admin.ok('listCubes', { query: { limit: 50 } as never })

  const { id: taskId } = await move(edge, tenant)
  await edge.settle()
  const log = await rootOf(edge).ok('queryLog', { query: { operation: 'moveOrganisation' } })
  expect(log.items.map(({ outcome }) => outcome)).toEqual(['ok'])
  let isMoving = true
  let reads = 0
  const reader = async () => {
    while (isMoving) {
      expect(await search(tenant, 'boat with 84 sailors')).toEqual(ranking)
      expect((await tenant.admin.ok('getCube', { params: { cubeId: String(ranking[0]?.[0]) } })).content).toContain(
        'sailors',
      )
      reads += 1
      await turn()
    }
  }
  let refusals = 0
  const acknowledged: string[] = []
  const writer = async () => {
    for (let at = 0; at < 40 || isMoving; at++) {
      const headers = { 'idempotency-key': `write-${at}` }
      for (;;) {
        const response = await tenant.admin.send('remember', {
          body: { namespace: 'team', text: `note ${at}` },
          headers,
        })
        const text = await response.text()
        if (response.status === 201) {
          acknowledged.push(`note ${at}`)
          break
        }
        expect(JSON.parse(text)).toMatchObject({ code: 'organisation_moving' })
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
        refusals += 1
        await turn()
      }
      await turn()
    }
  }
  const others = Promise.all([reader(), writer()])
  await edge.runTasks()
  isMoving = false
  await others

  expect(reads).toBeGreaterThan(3)
  expect(refusals).toBeGreaterThan(0)
  expect(await organisation(edge, tenant)).toMatchObject({ database: 'shard', state: 'active' })
  expect(await search(tenant, 'boat with 84 sailors')).toEqual(ranking)
  const found = (
    await place('shard').all({
      sql: "select count(*) from cubes c join namespaces n on n.id = c.namespace_id where n.name = 'team' and n.org_id = ?",
      params: [tenant.id],
    })
  )[0]?.[0]
  expect(found).toBe(acknowledged.length + 1)
  await edge.settle()
  expect(await faultsOf(place('shard'), blobs, tenant.id)).toEqual([])

  // What was not written meanwhile is equal to the last bit; what was, stands in the tables left out.
  const team = ['cubes', 'revisions', 'postings', 'namespaces', 'embeddings', 'transitions', 'schedules']
  const after = await digests(place('shard'), tenant.id, ['audit_log', 'usage', 'idempotency'])
  for (const [table, digest] of Object.entries(before))
    if (!team.includes(table)) expect(after[table], table).toBe(digest)
  expect(await digests(place('default'), neighbour.id)).toEqual(neighbourBefore)

  // Cursors and keys from before the move work after it.
  const query = { limit: 50, cursor: firstPage.nextCursor ?? '' } as never
  const secondPage = await tenant.admin.ok('listCubes', { query })
  expect(secondPage.items).toHaveLength(50)
  expect(firstPage.items.map(({ cubeId }) => cubeId)).not.toContain(secondPage.items[0]?.cubeId)
  const nearest = await tenant.admin.ok('search', {
    body: {
      query: 'tower',
      mode: 'vector',
      namespaces: ['team'],
      vector: [0.6, 0.8, 0],
    },
  })
  expect(nearest.results[0]?.cube.content).toBe('A red lighthouse')

  // The old rows outlive requests that still read them, and are gone then.
  expect(await rowsLeft(place('default'), tenant.id, namespaceIds)).toBeGreaterThan(1000)
  await finish(edge)
  expect(await rowsLeft(place('default'), tenant.id, namespaceIds)).toBe(0)
  expect(await rootOf(edge).ok('getTask', { params: { id: taskId } })).toMatchObject({
    state: 'succeeded',
    error: null,
  })
  expect(await digests(place('default'), neighbour.id)).toEqual(neighbourBefore)
  expect(await search(tenant, 'boat with 84 sailors')).toEqual(ranking)
  await edge.close()
}, 120_000)

it('copies every row as it is when nobody writes, log and usage included, and so back again', async () => {
  const edge = await openEdge()
  const tenant = await newTenant(edge)
  // The other place is not empty: row numbers there are taken.
  const resident = await newTenant(edge)
  await fillOrganisation(resident, 1)
  await move(edge, resident)
  await fillOrganisation(tenant, 2)
  await edge.settle()
  await finish(edge)
  const before = await digests(place('default'), tenant.id)
  await move(edge, tenant)
  await finish(edge)
  expect(await digests(place('shard'), tenant.id)).toEqual(before)
  await move(edge, tenant, 'default')
  await finish(edge)
  expect(await digests(place('default'), tenant.id)).toEqual(before)
  expect(await organisation(edge, tenant)).toMatchObject({ database: 'default', state: 'active' })
  expect(await faultsOf(place('default'), blobs, tenant.id)).toEqual([])
  await tenant.admin.ok('remember', { body: { text: 'home again' } })
  await edge.close()
}, 60_000)

it('refuses a write of a process that has not heard of the move', async () => {
  const edge = await openEdge()
  const other = await openEdge(edge.clock)
  const tenant = await newTenant(edge)
  const elsewhere = new Caller(other, tenant.admin.secret)
  await elsewhere.ok('remember', { body: { text: 'before' } })
  await move(edge, tenant)
  const clock = edge.clock.nowMs
  await edge.runTasks()
  // The other process still believes the placement that it read a moment ago.
  edge.clock.nowMs = clock
  expect(await elsewhere.refused('remember', { body: { text: 'into the old place' } })).toMatchObject({
    code: 'organisation_moving',
  })
  edge.clock.nowMs += 3000
  await elsewhere.ok('remember', { body: { text: 'after' } })
  await finish(edge)
  const { items } = await tenant.admin.ok('listCubes', { query: {} })
  expect(items.map(({ content }) => content)).toEqual(['after', 'before'])
  await Promise.all([edge.close(), other.close()])
})

it('lets two workers run one move: one of them goes on, the rows are there once', async () => {
  const edge = await openEdge()
  const other = await openEdge(edge.clock)
  const tenant = await newTenant(edge)
  await fillOrganisation(tenant, 3)
  await edge.settle()
  const before = await digests(place('default'), tenant.id)
  await move(edge, tenant)
  const first = edge.runTasks()
  await turn()
  // As after a lease that ran out while its worker lives.
  edge.clock.nowMs += 120_000
  await Promise.all([first, other.runTasks()])
  await finish(edge)
  expect(await organisation(edge, tenant)).toMatchObject({ database: 'shard', state: 'active' })
  expect(await digests(place('shard'), tenant.id)).toEqual(before)
  await Promise.all([edge.close(), other.close()])
}, 60_000)

it('refuses what cannot be moved', async () => {
  const edge = await openEdge()
  const tenant = await newTenant(edge)
  const root = rootOf(edge)
  const ask = (id: string, database: string, caller = root) =>
    caller.refused('moveOrganisation', { params: { id }, body: { database } })
  expect(await ask(tenant.id, 'nowhere')).toMatchObject({ code: 'invalid_request', field: 'database' })
  expect(await ask(tenant.id, 'default')).toMatchObject({ code: 'invalid_request', field: 'database' })
  expect(await ask('default', 'shard')).toMatchObject({ code: 'invalid_request', field: 'id' })
  expect(await ask('nobody', 'shard')).toMatchObject({ code: 'not_found' })
  expect(await ask(tenant.id, 'shard', tenant.admin)).toMatchObject({ code: 'forbidden' })
  const first = await move(edge, tenant)
  expect((await move(edge, tenant)).id).toBe(first.id)
  await edge.close()
})

it('ends a move on request: planned, or left half done by a worker that died', async () => {
  const fault = new Fault()
  const inner = databases
  const edge = await openEdge()
  const tenant = await newTenant(edge)
  await fillOrganisation(tenant, 1)
  await edge.settle()
  const before = await digests(place('default'), tenant.id)
  const abort = () => rootOf(edge).ok('abortMove', { params: { id: tenant.id } })

  await move(edge, tenant)
  expect(await abort()).toMatchObject({ database: 'default', state: 'active' })
  expect(await edge.runTasks()).toBe(0)

  await move(edge, tenant)
  databases = new Map([...inner].map(([name, one]) => [name, new FailingDatabase(one, fault)]))
  const dying = await openEdge(edge.clock)
  fault.arm(25, 'after')
  await dying.runTasks().catch(() => 0)
  fault.disarm()
  databases = inner
  expect(await organisation(edge, tenant)).toMatchObject({ database: 'default', state: 'moving' })
  expect(await abort()).toMatchObject({ database: 'default', state: 'active' })
  expect(await digests(place('default'), tenant.id)).toEqual(before)
  expect(await rowsLeft(place('shard'), tenant.id, [])).toBe(0)
  await finish(edge)
  expect(await organisation(edge, tenant)).toMatchObject({ database: 'default', state: 'active' })
  await tenant.admin.ok('remember', { body: { text: 'still here' } })

  // And a later move is none the worse for it.
  await move(edge, tenant)
  await finish(edge)
  expect(await organisation(edge, tenant)).toMatchObject({ database: 'shard', state: 'active' })
  expect(await faultsOf(place('shard'), blobs, tenant.id)).toEqual([])
  await edge.close()
}, 60_000)

it.each(['before', 'after'] as const)(
  'survives a failure %s any call takes effect: readable at once, moved in the end',
  async (when) => {
    const fault = new Fault()
    const plain = databases
    databases = new Map([...plain].map(([name, one]) => [name, new FailingDatabase(one, fault)]))
    const edge = await openEdge()
    for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
      const tenant = await newTenant(edge)
      await tenant.admin.ok('remember', {
        body: { session: 's', messages: [{ content: 'one' }, { content: LARGE_TEXT }] },
      })
      await tenant.admin.ok('remember', { body: { userId: 'ana', text: 'two boats' } })
      await edge.settle()
      const before = await digests(plain.get('default') as Database, tenant.id)
      await move(edge, tenant)
      fault.arm(atCall, when)
      await edge.runTasks().catch(() => 0)
      edge.clock.nowMs += OLD_ROWS_MS
      await edge.runTasks().catch(() => 0)
      fault.disarm()
      const where = `call ${atCall}, ${when}: ${fault.fired}`
      const { results } = await tenant.admin.ok('search', { body: { query: 'boats', userId: 'ana' } })
      expect(results[0]?.cube.content, where).toBe('two boats')
      const half = await organisation(edge, tenant)
      expect(await digests(plain.get(half.database) as Database, tenant.id), where).toEqual(before)
      await finish(edge)
      expect(await organisation(edge, tenant), where).toMatchObject({ database: 'shard', state: 'active' })
      expect(await digests(plain.get('shard') as Database, tenant.id), where).toEqual(before)
      expect(await rowsLeft(plain.get('default') as Database, tenant.id, []), where).toBe(0)
      await tenant.admin.ok('remember', { body: { text: 'arrived' } })
      expect(await faultsOf(plain.get('shard') as Database, blobs, tenant.id), where).toEqual([])
      if (fault.fired === null) return await edge.close()
    }
    throw new Error(`more than ${CALLS_MAX} calls: raise CALLS_MAX`)
  },
  120_000,
)

it('gives up wherever its worker died: the organisation is where it was, or already in its new place', async () => {
  const fault = new Fault()
  const plain = databases
  const edge = await openEdge()
  databases = new Map([...plain].map(([name, one]) => [name, new FailingDatabase(one, fault)]))
  const dying = await openEdge(edge.clock)
  const ends = { default: 0, shard: 0 }
  for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
    const tenant = await newTenant(edge)
    await tenant.admin.ok('remember', {
      body: { session: 's', messages: [{ content: 'one' }, { content: LARGE_TEXT }] },
    })
    await edge.settle()
    const before = await digests(plain.get('default') as Database, tenant.id)
    await move(edge, tenant)
    fault.arm(atCall, 'after')
    await dying.runTasks().catch(() => 0)
    fault.disarm()
    await rootOf(edge).ok('abortMove', { params: { id: tenant.id } })
    const where = `call ${atCall}: ${fault.fired}`
    const { database, state } = await organisation(edge, tenant)
    ends[database as keyof typeof ends] += 1
    if (database === 'default') {
      expect(state, where).toBe('active')
      expect(await rowsLeft(plain.get('shard') as Database, tenant.id, []), where).toBe(0)
    } else await finish(edge)
    expect(await digests(plain.get(database) as Database, tenant.id), where).toEqual(before)
    await tenant.admin.ok('remember', { body: { text: 'goes on' } })
    expect(await faultsOf(plain.get(database) as Database, blobs, tenant.id), where).toEqual([])
    if (fault.fired === null) break
  }
  expect(ends.default).toBeGreaterThan(10)
  expect(ends.shard).toBeGreaterThan(1)
  await Promise.all([edge.close(), dying.close()])
}, 120_000)
