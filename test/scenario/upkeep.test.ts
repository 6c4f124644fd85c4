/**
 * Goal: what the minute's upkeep removes is gone everywhere, and nothing else is touched.
 * Method: an edge inside the test with a clock that only the test moves, and its rows and blobs asked past every class.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ulid } from '../../schemas/ulid.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { type OpenDatabase, openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { EXPIRED_PER_SWEEP_MAX } from '../../worker/operation/organise/expiry-sweep.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const HOUR_MS = 60 * 60 * 1000
const LARGE = 'lighthouse keeper '.repeat(3000)

let opened: OpenDatabase
let blobs: MemoryBlobStore
let edge: LocalEdge
let admin: Caller
let orgId: string

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  blobs = new MemoryBlobStore()
  edge = await openLocalEdge({
    databases: new Map([['default', opened.database]]),
    blobs,
    embedder: new WordEmbedder('m'),
  })
  const tenant = await newTenant(edge)
  admin = tenant.admin
  orgId = String((await edge.rows(`select id from organisations where id != 'default'`))[0]?.[0])
})
afterEach(async () => {
  await edge.close()
  await opened.close()
})

const count = async (table: string) => Number((await edge.rows(`select count(*) from ${table}`))[0]?.[0])
const totals = () =>
  edge.rows(`select metric, value from usage where org_id = ? and period = 'total' order by metric`, orgId)
const inAnHour = () => new Date(edge.clock.nowMs + HOUR_MS).toISOString()

describe('cubes whose time is over', () => {
  it('are erased everywhere but for their tombstones, once', async () => {
    const expiresAt = inAnHour()
    const { cubes } = await admin.ok('createCubes', {
      body: {
        cubes: [{ content: LARGE, expiresAt }, { content: 'a short note', expiresAt }, { content: 'this one stays' }],
      },
    })
    await edge.runTasks()
    expect([await count('embeddings'), (await blobs.list('cubes/')).length]).toEqual([3, 1])
    await edge.components.tick()
    expect(await count('cubes')).toBe(3)
    edge.clock.nowMs += HOUR_MS
    for (let time = 1; time <= 2; time++) {
      await edge.components.tick()
      expect([await count('cubes'), await count('revisions'), await count('embeddings')]).toEqual([1, 1, 1])
      expect(await blobs.list('cubes/')).toEqual([])
      expect(await edge.rows('select cube_id, reason from tombstones order by cube_id')).toEqual(
        [cubes[0]?.cubeId, cubes[1]?.cubeId].toSorted().map((cubeId) => [cubeId, 'expired']),
      )
      expect(await edge.rows(`select distinct seq from postings`)).toEqual([[3]])
      expect(await edge.rows('select cube_count from namespaces')).toEqual([[1]])
      expect(await totals()).toEqual([
        ['bytes', 'this one stays'.length],
        ['cubes', 1],
      ])
      expect(await faultsOf(opened.database, blobs, orgId)).toEqual([])
      expect(await edge.rows(`select count(*) from audit_log where operation = 'expireCubes'`)).toEqual([[1]])
    }
  })

  it('stay when they are frozen, or their organisation is being moved', async () => {
    const expiresAt = inAnHour()
    await admin.ok('createCubes', {
      body: { cubes: [{ content: 'kept' }, { content: 'moving', expiresAt }].map((one) => ({ ...one, expiresAt })) },
    })
    await edge.rows(`update cubes set state = 'frozen' where seq = 1`)
    await edge.rows(`insert into fences (org_id, move_id) values (?, 'move')`, orgId)
    edge.clock.nowMs += HOUR_MS
    await edge.components.tick()
    expect(await count('cubes')).toBe(2)
    await edge.rows('delete from fences')
    await edge.components.tick()
    expect(await edge.rows('select seq, state from cubes')).toEqual([[1, 'frozen']])
  })

  it('are erased a bounded number at a time, damaged ones too', async () => {
    const expiresAt = inAnHour()
    const cubes = Array.from({ length: EXPIRED_PER_SWEEP_MAX + 5 }, (_, at) => ({ content: `note ${at}`, expiresAt }))
    await admin.ok('createCubes', { body: { cubes } })
    await edge.rows(`update revisions set bytes = x'00' where id = 1`)
    edge.clock.nowMs += HOUR_MS
    await edge.components.tick()
    expect(await count('cubes')).toBe(5)
    await edge.components.tick()
    expect([await count('cubes'), await count('postings'), await count('revisions')]).toEqual([0, 0, 0])
  })
})

describe('blobs without a cube', () => {
  const keyOf = (atMs: number) => `cubes/${orgId}/${ulid(atMs, () => crypto.getRandomValues(new Uint8Array(16)))}/bafy`
  const tickAfter = async (ms: number) => {
    edge.clock.nowMs += ms
    await edge.components.tick()
  }

  it('are removed when they are old and met again an hour later', async () => {
    await admin.ok('createCubes', { body: { cubes: [{ content: LARGE }] } })
    const [living] = await blobs.list('cubes/')
    const orphan = keyOf(edge.clock.nowMs - HOUR_MS - 1000)
    await blobs.put(orphan, new Uint8Array(1))
    await tickAfter(0)
    await tickAfter(HOUR_MS / 2)
    expect(await blobs.list('cubes/')).toContain(orphan)
    await tickAfter(HOUR_MS)
    expect(await blobs.list('cubes/')).toEqual([living])
    expect(await faultsOf(opened.database, blobs, orgId)).toEqual([])
  })

  it('stay while a write may be under way, or their organisation is not known', async () => {
    await tickAfter(0)
    const foreign = keyOf(0).replace(orgId, 'unknown')
    const imported = keyOf(0)
    const fresh = keyOf(edge.clock.nowMs + 2 * HOUR_MS)
    for (const key of [foreign, imported, fresh]) await blobs.put(key, new Uint8Array(1))
    // The first round that meets them proves nothing: an import writes under old ids.
    await tickAfter(HOUR_MS)
    expect(await blobs.list('cubes/')).toEqual([foreign, imported, fresh].sort())
    await tickAfter(HOUR_MS + 1000)
    expect(await blobs.list('cubes/')).toEqual([foreign, fresh].sort())
  })
})
