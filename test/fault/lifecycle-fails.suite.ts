import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const CALLS_MAX = 120
const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const LARGE_TEXT = 'A long memory of the harbour. '.repeat(1200)

interface Operation {
  /** What stands before; answers the cube that the operation is about. */
  prepare(tenant: Tenant, edge: LocalEdge): Promise<string>
  /** The operation; undefined where nobody is answered. */
  act(tenant: Tenant, edge: LocalEdge, cubeId: string): Promise<Response | undefined>
  /** State of the cubes once it is done. */
  after: string[]
}

const SAME = 'Alice prefers window seats on long flights to Lisbon'
const lifecycle = (idleDays: number | null, more: object = {}) => ({
  lifecycle: { idleDays, consolidate: false, ...more },
})

const namespace = (tenant: Tenant, settings: object) =>
  tenant.admin.ok('createNamespace', { body: { name: 'default', layer: 'shared', settings } })

const remember = async ({ admin }: Tenant, edge: LocalEdge, cubes: object[]) => {
  const made = await admin.ok('createCubes', { body: { cubes: cubes as { content: string }[] } })
  await edge.runTasks()
  return made.cubes[0]?.cubeId ?? ''
}

const change = ({ admin }: Tenant, cubeId: string, event: 'archive' | 'restore' | 'freeze') =>
  admin.send('changeLifecycle', { params: { cubeId }, body: { event } })

/** What one minute of upkeep does about ageing. A step that fails is over for this minute. */
const tick = async (_: Tenant, edge: LocalEdge) => {
  edge.clock.nowMs += 2 * MINUTE_MS
  await edge.components.tick(['expiry', 'lifecycle'])
  return undefined
}

const pair = [
  { content: LARGE_TEXT, session: 'talk' },
  { content: 'a short note', session: 'talk' },
]

const OPERATIONS: Record<string, Operation> = {
  'archiving a cube': {
    prepare: async (tenant, edge) => remember(tenant, edge, pair),
    act: (tenant, _, cubeId) => change(tenant, cubeId, 'archive'),
    after: ['archived', 'generated'],
  },
  'restoring a cube': {
    prepare: async (tenant, edge) => {
      const cubeId = await remember(tenant, edge, pair)
      await (await change(tenant, cubeId, 'archive')).text()
      return cubeId
    },
    act: (tenant, _, cubeId) => change(tenant, cubeId, 'restore'),
    after: ['activated', 'generated'],
  },
  'freezing a cube': {
    prepare: async (tenant, edge) => remember(tenant, edge, pair),
    act: (tenant, _, cubeId) => change(tenant, cubeId, 'freeze'),
    after: ['frozen', 'generated'],
  },
  'putting away what is idle': {
    prepare: async (tenant, edge) => {
      await namespace(tenant, lifecycle(5))
      const cubeId = await remember(tenant, edge, pair)
      edge.clock.nowMs += 6 * DAY_MS
      return cubeId
    },
    act: tick,
    after: ['archived', 'archived'],
  },
  'making one of what says the same': {
    prepare: async (tenant, edge) => {
      await namespace(tenant, lifecycle(null, { consolidate: true }))
      return remember(tenant, edge, [{ content: `${SAME}.` }, { content: `${SAME}!`, tags: ['seat'] }])
    },
    act: tick,
    after: ['merged', 'archived'],
  },
  'erasing what is over': {
    prepare: async (tenant, edge) => {
      await namespace(tenant, lifecycle(null, { ttlDays: 5 }))
      const expiresAt = edge.clock.nowMs + 2 * DAY_MS
      const cubeId = await remember(tenant, edge, [...pair, { content: LARGE_TEXT, expiresAt }])
      await (await change(tenant, cubeId, 'archive')).text()
      edge.clock.nowMs += 6 * DAY_MS
      return cubeId
    },
    act: tick,
    after: [],
  },
  'purging old revisions': {
    prepare: async (tenant, edge) => {
      const cubeId = await remember(tenant, edge, [{ content: LARGE_TEXT }])
      for (const content of [`${LARGE_TEXT} Two.`, 'Three.'])
        await tenant.admin.ok('updateCube', { params: { cubeId }, body: { content } })
      await tenant.admin.ok('updateNamespace', {
        params: { name: 'default' },
        body: { settings: lifecycle(null, { revisionsKept: 1 }) },
      })
      return cubeId
    },
    act: tick,
    after: ['generated'],
  },
}

/**
 * Goal: a change of state that fails at any call leaves all of itself or nothing, and the next run ends what it began.
 * Method: the n-th call fails, for every n until the operation no longer reaches it, before and after the call takes effect; the checker outside the
 * system looks at rows, postings, vectors, blobs and the audit log.
 */
export function lifecycleFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`changes of state on ${host}`, () => {
    const fault = new Fault()
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    let edge: LocalEdge

    beforeAll(async () => {
      store = await open()
      edge = await openFailingEdge(store.database, blobs, fault, new WordEmbedder('m'))
    })
    afterAll(async () => {
      await edge.close()
      await store.close()
    })

    const states = async ({ id }: Tenant) =>
      (
        await store.database.all({
          sql: 'select c.state from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ? order by c.seq',
          params: [id],
        })
      ).map(([state]) => state)
    const isSound = async (tenant: Tenant, where: string) =>
      expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])

    for (const when of ['before', 'after'] as const)
      for (const [name, operation] of Object.entries(OPERATIONS))
        it(`${name}, when the store fails ${when} a call takes effect`, async () => {
          for (let atCall = 1; ; atCall++) {
            expect(atCall).toBeLessThan(CALLS_MAX)
            const tenant = await newTenant(edge)
            const cubeId = await operation.prepare(tenant, edge)
            await edge.settle()
            const before = await states(tenant)
            fault.arm(atCall, when)
            const response = await operation.act(tenant, edge, cubeId)
            await response?.text()
            await edge.settle()
            fault.disarm()
            const where = `call ${atCall}, ${when}: ${fault.fired}`
            await isSound(tenant, where)
            if (response?.ok) expect(await states(tenant), where).toEqual(operation.after)
            else if (response !== undefined)
              expect([before, operation.after], where).toContainEqual(await states(tenant))
            // Whoever asked asks again; upkeep comes again by itself.
            for (let more = 0; more < 2; more++) {
              const again = await operation.act(tenant, edge, cubeId)
              if (again !== undefined) expect([200, 409], `${where}: ${await again.text()}`).toContain(again.status)
            }
            expect(await states(tenant), where).toEqual(operation.after)
            await edge.settle()
            await isSound(tenant, where)
            // Else the upkeep of the next one would have its work to do as well.
            await tenant.admin.ok('deleteNamespace', { params: { name: 'default' } })
            if (fault.fired === null) return
          }
        }, 300_000)
  })
}
