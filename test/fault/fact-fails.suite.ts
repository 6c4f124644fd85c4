import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'
import type { OpenStore } from '../support/failing-edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'

const CALLS_MAX = 60
const MARCH = '2025-03-01T00:00:00Z'
const MAY = '2025-05-01T00:00:00Z'
const JUNE = '2025-06-01T00:00:00Z'

interface Operation {
  /** What stands before; answers the id that the operation is about. */
  prepare(tenant: Tenant, edge: LocalEdge): Promise<string>
  /** The operation; undefined where nobody is answered. */
  act(tenant: Tenant, edge: LocalEdge, id: string): Promise<Response | undefined>
}

const evidence = async ({ admin }: Tenant, content: string) =>
  (await admin.ok('createCube', { body: { content } })).cubeId

const lives = (cubeId: string, object: string, validFrom: string) => ({
  body: { cubeId, subject: 'Ana', predicate: 'lives_in', object, validFrom },
})

/** Ana lives in Oslo, then in Rome; answers the fact of Rome, whose evidence is its own cube. */
async function moved(tenant: Tenant): Promise<string> {
  await tenant.admin.ok('stateFact', lives(await evidence(tenant, 'Oslo'), 'Oslo', MARCH))
  return (await tenant.admin.ok('stateFact', lives(await evidence(tenant, 'Rome'), 'Rome', MAY))).id
}

/** As a task that failed is tried again: the wait before the next attempt goes by. */
async function work(_: Tenant, edge: LocalEdge): Promise<undefined> {
  edge.clock.nowMs += 10 * 60_000
  await edge.components.tick(['knowledge']).catch(() => undefined)
  await edge.runTasks().catch(() => undefined)
}

const OPERATIONS: Record<string, Operation> = {
  'superseding a statement': {
    prepare: async (tenant) => {
      await moved(tenant)
      return evidence(tenant, 'Paris')
    },
    act: ({ admin }, _, cubeId) => admin.send('stateFact', lives(cubeId, 'Paris', JUNE)),
  },
  'stating something that was so before': {
    prepare: async (tenant) => {
      await moved(tenant)
      return evidence(tenant, 'Lima')
    },
    act: ({ admin }, _, cubeId) => admin.send('stateFact', lives(cubeId, 'Lima', '2025-04-01T00:00:00Z')),
  },
  'undoing a supersession': {
    prepare: moved,
    act: ({ admin }, _, id) => admin.send('undoFact', { params: { id }, body: {} }),
  },
  'retracting a statement': {
    prepare: moved,
    act: ({ admin }, _, id) => admin.send('retractFact', { params: { id } }),
  },
  'deleting the evidence of a statement that ended another': {
    prepare: async (tenant) => (await tenant.admin.ok('getFact', { params: { id: await moved(tenant) } })).cubeId,
    act: ({ admin }, _, cubeId) => admin.send('deleteCube', { params: { cubeId } }),
  },
  'finding facts in texts': {
    prepare: async (tenant) => {
      const messages = ['I live in Oslo.', 'I moved to Rome.'].map((content, at) => ({
        content,
        saidAt: [MARCH, MAY][at],
      }))
      await tenant.admin.ok('remember', { body: { messages } })
      return ''
    },
    act: work,
  },
}

/**
 * Goal: a change of facts that fails at any call leaves all of itself or nothing, and trying again ends where a run without faults ends.
 * Method: the n-th call fails, for every n until the operation no longer reaches it, before and after the call takes effect.
 */
export function factFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`changes of facts on ${host}`, () => {
    const fault = new Fault()
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    let edge: LocalEdge

    beforeAll(async () => {
      store = await open()
      edge = await openLocalEdge({
        databases: new Map([['default', new FailingDatabase(store.database, fault)]]),
        blobs,
      })
    })
    afterAll(async () => {
      await edge.close()
      await store.close()
    })

    /** Facts and links of an organisation, by what they say: ids and times of recording differ from run to run. */
    const look = async ({ id }: Tenant) => {
      const here = 'in (select id from namespaces where org_id = ?)'
      const facts = await store.database.all({
        sql: `select f.object, f.valid_from_ms, f.valid_to_ms, f.retracted_at_ms is not null, (select k.object from facts k where k.id = f.superseded_by)
          from facts f where f.namespace_id ${here} order by f.object, f.valid_from_ms`,
        params: [id],
      })
      const links = await store.database.all({
        sql: `select a.object, l.relation, b.object, l.previous_to_ms, l.undone_at_ms is not null from fact_links l
          join facts a on a.id = l.from_id join facts b on b.id = l.to_id where l.namespace_id ${here} order by 1, 2, 3, 5`,
        params: [id],
      })
      return [...facts, ...links].map((row) => row.join(' '))
    }
    const isSound = async (tenant: Tenant, where: string) =>
      expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
    const clear = (tenant: Tenant) => tenant.admin.ok('deleteNamespace', { params: { name: 'default' } })

    for (const when of ['before', 'after'] as const)
      for (const [name, operation] of Object.entries(OPERATIONS))
        it(`${name}, when the store fails ${when} a call takes effect`, async () => {
          const plain = await newTenant(edge)
          const before = await operation.prepare(plain, edge).then(async (id) => {
            const rows = await look(plain)
            await (await operation.act(plain, edge, id))?.text()
            return rows
          })
          const after = await look(plain)
          expect(after).not.toEqual(before)
          await clear(plain)
          for (let atCall = 1; ; atCall++) {
            expect(atCall).toBeLessThan(CALLS_MAX)
            const tenant = await newTenant(edge)
            const id = await operation.prepare(tenant, edge)
            await edge.settle()
            fault.arm(atCall, when)
            const response = await operation.act(tenant, edge, id)
            await response?.text()
            await edge.settle()
            fault.disarm()
            const where = `call ${atCall}, ${when}: ${fault.fired}`
            await isSound(tenant, where)
            if (response?.ok) expect(await look(tenant), where).toEqual(after)
            else expect([before, after], where).toContainEqual(await look(tenant))
            for (let more = 0; more < 2; more++) await (await operation.act(tenant, edge, id))?.text()
            expect(await look(tenant), where).toEqual(after)
            await isSound(tenant, where)
            await clear(tenant)
            if (fault.fired === null) return
          }
        }, 300_000)
  })
}
