/**
 * Goal: the policy of a namespace is applied by the minute's upkeep, within its bounds, and by nothing else.
 * Method: an edge inside the test with a clock that only the test moves, and a checker outside the system after every step.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LIFECYCLE_STATEMENTS_PER_TICK_MAX } from '../../schemas/limits.ts'
import type { NamespaceSettings } from '../../schemas/namespace-settings.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { type OpenDatabase, openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { Database } from '../../worker/ports/database.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const LARGE = 'lighthouse keeper '.repeat(3000)

let opened: OpenDatabase
let blobs: MemoryBlobStore
let edge: LocalEdge
let admin: Caller
let orgId: string
let statements = 0

/** Counts what D1 would count against an invocation. */
const counted = (database: Database): Database => ({
  name: database.name,
  vectorDistance: database.vectorDistance,
  all: (one) => {
    statements += 1
    return database.all(one)
  },
  read: (list) => {
    statements += list.length
    return database.read(list)
  },
  batch: (list) => {
    statements += list.length
    return database.batch(list)
  },
})

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  blobs = new MemoryBlobStore()
  edge = await openLocalEdge({
    databases: new Map([['default', counted(opened.database)]]),
    blobs,
    embedder: new WordEmbedder('m'),
  })
  const tenant = await newTenant(edge)
  admin = tenant.admin
  orgId = tenant.id
})
afterEach(async () => {
  await edge.settle()
  expect(await faultsOf(opened.database, blobs, orgId)).toEqual([])
  await edge.close()
  await opened.close()
})

const namespace = (lifecycle: NonNullable<NamespaceSettings['lifecycle']>) =>
  admin.ok('createNamespace', { body: { name: 'default', layer: 'shared', settings: { lifecycle } } })
const remember = async (...contents: string[]) =>
  (await admin.ok('createCubes', { body: { cubes: contents.map((content) => ({ content })) } })).cubes.map(
    ({ cubeId }) => cubeId,
  )
const states = async () => (await edge.rows('select state from cubes order by seq')).map(([state]) => String(state))
const stateOf = async (cubeId: string) => (await admin.ok('getCube', { params: { cubeId } })).behavioural
const change = (cubeId: string, event: 'freeze' | 'unfreeze' | 'archive' | 'restore') =>
  admin.ok('changeLifecycle', { params: { cubeId }, body: { event } })
const count = async (table: string) => Number((await edge.rows(`select count(*) from ${table}`))[0]?.[0])

/** Upkeep, minute after minute. */
async function tick(times = 1): Promise<void> {
  for (let time = 0; time < times; time++) {
    await edge.settle()
    edge.clock.nowMs += MINUTE_MS
    await edge.components.tick()
    await edge.settle()
  }
}
const afterDays = async (days: number, ticks = 3) => {
  edge.clock.nowMs += days * DAY_MS
  await tick(ticks)
}

describe('cubes that nobody uses', () => {
  it('are archived after the idle time with postings and vectors; what is used, frozen or restored stays', async () => {
    await namespace({ idleDays: 10, consolidate: false })
    const [idle = '', used = '', frozen = '', restored = ''] = await remember(
      'one boat',
      'two oars',
      'three sails',
      'four masts',
    )
    await edge.runTasks()
    await change(frozen, 'freeze')
    await change(restored, 'archive')
    await afterDays(8)
    expect(await states()).toEqual(['generated', 'generated', 'frozen', 'archived'])
    await admin.ok('getCube', { params: { cubeId: used } })
    await change(restored, 'restore')
    await edge.settle()
    await afterDays(3)
    expect((await states()).map((state) => (state === 'archived' ? state : '-'))).toEqual(['archived', '-', '-', '-'])
    expect([await count('embeddings'), await count('cold_embeddings')]).toEqual([3, 1])
    const { items } = await admin.ok('listTransitions', { params: { cubeId: idle }, query: {} })
    expect(items[0]).toMatchObject({ event: 'idle', caller: 'system', reason: 'not used for 10 days' })
    await edge.runTasks()
    expect([await count('embeddings'), await count('cold_embeddings')]).toEqual([3, 1])
  })

  it('stay where the policy says so, and follow a new policy within the next minute', async () => {
    await namespace({ idleDays: null, consolidate: false })
    await remember('one boat')
    await afterDays(4000)
    expect(await states()).toEqual(['generated'])
    await admin.ok('updateNamespace', {
      params: { name: 'default' },
      body: { settings: { lifecycle: { idleDays: 1 } } },
    })
    await tick(1)
    expect(await states()).toEqual(['archived'])
  })

  it('are archived in runs of bounded cost, each cube once, also by two runs at once', async () => {
    await namespace({ idleDays: 1, consolidate: false })
    const many = Array.from({ length: 1000 }, (_, n) => `boat ${n} of the harbour`)
    for (let time = 0; time < 2; time++) await remember(...many)
    await afterDays(2, 0)
    let most = 0
    for (let ticks = 0; (await states()).includes('generated'); ticks++) {
      expect(ticks).toBeLessThan(10)
      edge.clock.nowMs += MINUTE_MS
      statements = 0
      await edge.components.tick()
      most = Math.max(most, statements)
      // The other run looks at what this one has just left.
      await Promise.all([edge.components.tick(), edge.components.tick()])
    }
    expect(most).toBeLessThan(LIFECYCLE_STATEMENTS_PER_TICK_MAX + 200)
    expect([await count('transitions'), await count('postings')]).toEqual([2000, 0])
  }, 60_000)
})

describe('a clock that jumps', () => {
  it('archives and erases nothing when it steps back, and goes on when it is right again', async () => {
    await namespace({ idleDays: 10, ttlDays: 20, consolidate: false })
    await remember('one boat')
    await tick()
    edge.clock.nowMs -= 400 * DAY_MS
    await tick(3)
    await remember('two boats')
    edge.clock.nowMs += 400 * DAY_MS
    await tick(3)
    // The second was written 400 days ago as far as the clock knows; the first was written now.
    expect(await states()).toEqual(['generated'])
    await afterDays(11)
    expect(await states()).toEqual(['archived'])
    await afterDays(20)
    expect(await states()).toEqual([])
  })

  it('looks again soon after it was far ahead', async () => {
    await namespace({ idleDays: 1000, consolidate: false })
    edge.clock.nowMs += 900 * DAY_MS
    await tick(2)
    edge.clock.nowMs -= 900 * DAY_MS
    await admin.ok('createNamespace', { body: { name: 'other', layer: 'shared' } })
    await tick(2)
    const [[due] = []] = await edge.rows(`select lifecycle_due_ms from namespaces where name = 'default'`)
    expect(Number(due) - edge.clock.nowMs).toBeLessThan(DAY_MS)
  })
})

describe('cubes with a time to live', () => {
  it('are erased with a tombstone, archived ones too, blobs and vectors included', async () => {
    await namespace({ idleDays: 5, ttlDays: 20, consolidate: false })
    const [large = '', frozen = ''] = await remember(LARGE, 'kept')
    await admin.ok('createCube', { body: { content: 'its own time', expiresAt: edge.clock.nowMs + 100 * DAY_MS } })
    await edge.runTasks()
    await change(frozen, 'freeze')
    await afterDays(6)
    expect(await states()).toEqual(['archived', 'frozen', 'archived'])
    await afterDays(15)
    expect(await states()).toEqual(['frozen', 'archived'])
    expect(await edge.rows('select cube_id, reason from tombstones')).toEqual([[large, 'expired']])
    expect(await blobs.list('cubes/')).toEqual([])
    expect(await count('cold_embeddings')).toBe(1)
  })
})

describe('old revisions', () => {
  it('are purged beyond what is kept, with the blobs that only they named', async () => {
    await namespace({ idleDays: null, revisionsKept: 2, consolidate: false })
    const { cubeId } = await admin.ok('createCube', { body: { content: LARGE } })
    const params = { cubeId }
    for (const content of [`${LARGE} two`, `${LARGE} three`, `${LARGE} two`, 'short'])
      await admin.ok('updateCube', { params, body: { content } })
    const [other = ''] = await remember('another cube')
    await admin.ok('updateCube', { params: { cubeId: other }, body: { content: 'another text' } })
    expect((await blobs.list('cubes/')).length).toBe(3)
    await afterDays(1)
    const { items } = await admin.ok('listRevisions', { params, query: {} })
    expect(items.map(({ number }) => number)).toEqual([5, 4])
    expect((await blobs.list('cubes/')).length).toBe(1)
    expect((await admin.ok('listRevisions', { params: { cubeId: other }, query: {} })).items).toHaveLength(2)
  })

  it('stay where a snapshot names them or the cube is frozen', async () => {
    await namespace({ idleDays: null, revisionsKept: 1, consolidate: false })
    const [named = '', frozen = ''] = await remember('first', 'other')
    const [[namespaceId, seq, cid] = []] = await edge.rows('select namespace_id, seq, cid from cubes where seq = 1')
    await edge.rows(
      `insert into snapshots (id, namespace_id, cube_count, created_by, created_at_ms) values ('s', ?, 1, 'k', 0)`,
      Number(namespaceId),
    )
    await edge.rows(
      `insert into snapshot_cubes (snapshot_id, cube_id, namespace_id, seq, revision, cid, state) values ('s', ?, ?, ?, 1, ?, 'generated')`,
      named,
      Number(namespaceId),
      Number(seq),
      String(cid),
    )
    for (const cubeId of [named, frozen])
      for (const content of ['second', 'third']) await admin.ok('updateCube', { params: { cubeId }, body: { content } })
    await change(frozen, 'freeze')
    await afterDays(1)
    const numbers = async (cubeId: string) =>
      (await admin.ok('listRevisions', { params: { cubeId }, query: {} })).items.map(({ number }) => number)
    expect(await numbers(named)).toEqual([3, 1])
    expect(await numbers(frozen)).toEqual([3, 2, 1])
  })
})

describe('cubes that say the same', () => {
  const TEXT = 'Alice prefers window seats on long flights to Lisbon'

  it('become one revision that names both; the newer one is archived and comes back on request', async () => {
    await namespace({ idleDays: null })
    const [first = ''] = await remember(`${TEXT}.`, 'Bob collects stamps.', `${TEXT}!`)
    const { cubeId: third } = await admin.ok('createCube', { body: { content: TEXT.toUpperCase(), tags: ['seat'] } })
    await edge.runTasks()
    await tick(2)
    expect(await states()).toEqual(['merged', 'generated', 'archived', 'archived'])
    const target = await admin.ok('getCube', { params: { cubeId: first } })
    expect(target).toMatchObject({ content: `${TEXT}.\n${TEXT}!\n${TEXT.toUpperCase()}`, revision: 3 })
    expect(target.descriptive.tags).toEqual(['seat'])
    const { lineage } = await admin.ok('getProvenance', { params: { cubeId: first } })
    const source = await admin.ok('getCube', { params: { cubeId: third } })
    expect(lineage.map(({ relation }) => relation)).toEqual(['merged', 'merged'])
    expect(lineage[1]?.cid).toBe(source.cid)
    expect(source.behavioural).toMatchObject({ state: 'archived', mergedInto: first })
    const { results } = await admin.ok('search', { body: { query: 'window seats', mode: 'lexical' } })
    expect(results.map(({ cube }) => cube.cubeId)).toEqual([first])
    await change(third, 'restore')
    await tick(3)
    expect(await stateOf(third)).toMatchObject({ state: 'activated', mergedInto: null })
    expect((await admin.ok('listRevisions', { params: { cubeId: first }, query: {} })).items).toHaveLength(3)
  })

  it('stay apart in conversations, across kinds, and where the policy switches it off', async () => {
    await namespace({ idleDays: null })
    const cubes = [
      {},
      { session: 'talk' },
      { semanticType: 'event' },
      { sensitivity: 'personal' as const },
      { priority: 'high' as const },
      { expiresAt: '2999-01-01T00:00:00Z' },
      { speaker: 'Bob' },
      { metadata: { place: 'Porto' } },
    ].map((more) => ({ content: TEXT, metadata: { place: 'Lisbon' }, ...more }))
    await admin.ok('createCubes', { body: { cubes } })
    await admin.ok('createNamespace', {
      body: { name: 'off', layer: 'shared', settings: { lifecycle: { consolidate: false } } },
    })
    await admin.ok('createCubes', { body: { cubes: [TEXT, TEXT].map((content) => ({ content, namespace: 'off' })) } })
    await tick(2)
    expect(new Set(await states())).toEqual(new Set(['generated']))
  })

  it('are each looked at once, whatever the number of runs', async () => {
    await namespace({ idleDays: null })
    const words = ['boat', 'mast', 'sail', 'rope', 'hull', 'deck', 'oar', 'keel']
    const text = (n: number) => words.map((word) => `${word}${'abcdefghij'[n % 10]}`).join(' ')
    await remember(...Array.from({ length: 60 }, (_, n) => text(n)))
    for (let time = 0; time < 8; time++) {
      edge.clock.nowMs += MINUTE_MS
      await Promise.all([edge.components.tick(), edge.components.tick()])
      await edge.settle()
    }
    const found = await states()
    expect(found.filter((state) => state !== 'archived')).toEqual(Array(10).fill('merged'))
    expect(found.slice(10)).toEqual(Array(50).fill('archived'))
  })
})
