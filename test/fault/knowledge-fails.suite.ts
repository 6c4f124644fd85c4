import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'
import type { OpenStore } from '../support/failing-edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'

const CALLS_MAX = 80
/** Some dozens of calls, each failing once: on D1 that takes its time. */
const SLOW_MS = 300_000
/** Longer than a lease, a claim without an answer and the rest before a failed task is tried again. */
const LATER_MS = 10 * 60_000
const params = { name: 'default' }
const TEXTS = [
  'We met Melanie Smith in Lisbon.',
  'So Melanie moved to Porto, and Mel wrote from Porto.',
  'Nobody is here.',
  'We trust Zorblax in Gondolin.',
]

/**
 * Goal: reading memories for entities, merging two and splitting one leaves all of itself or nothing when any call to the database fails; what was
 * left is made up for by the next run.
 * Method: the n-th call fails, for every n until the operation no longer reaches it, before and after the call takes effect.
 */
export function knowledgeFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`knowledge on ${host}`, { timeout: SLOW_MS }, () => {
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

    const rows = async ({ id }: Tenant, sql: string) =>
      JSON.stringify(
        await store.database.all({
          sql: sql.replace('in here', 'in (select id from namespaces where org_id = ?)'),
          params: [id],
        }),
      )

    /** What was read of the cubes, without times and ids. */
    const knowledge = async (tenant: Tenant) => ({
      mentions: await rows(tenant, 'select key, seq, count from mentions where namespace_id in here order by 1, 2'),
      entities: await rows(tenant, 'select key, name, kind from entities where namespace_id in here order by 1'),
      aliases: await rows(
        tenant,
        'select alias, parent, key, source from entity_aliases where namespace_id in here order by 1',
      ),
      facts: await rows(
        tenant,
        'select seq, subject, predicate, object from facts where namespace_id in here and retracted_at_ms is null order by 1, 2, 3, 4',
      ),
      read: await rows(tenant, 'select knowledge_seq from namespaces where id in here'),
      stale: await rows(tenant, 'select seq from stale_knowledge where namespace_id in here order by 1'),
    })

    /** One minute of the host; whatever fails in it is left for the next one. */
    const minute = async () => {
      await edge.components.tick().catch(() => undefined)
      await edge.runTasks().catch(() => undefined)
    }

    const remembered = async (tenant: Tenant) => {
      const messages = TEXTS.map((content) => ({ content }))
      return (await tenant.admin.ok('remember', { body: { messages } })).cubes
    }

    /** Read once; then one text is changed and one is added. */
    const changed = async (tenant: Tenant) => {
      const [first] = await remembered(tenant)
      await minute()
      const content = 'We met Melanie Jones in Berlin.'
      await tenant.admin.ok('updateCube', { params: { cubeId: first?.cubeId ?? '' }, body: { content } })
      await tenant.admin.ok('remember', { body: { text: 'I saw Quendor.' } })
    }

    it.each(['before', 'after'] as const)('reads cubes whole batches at a time, %s any call', async (when) => {
      const plain = await newTenant(edge)
      await changed(plain)
      const before = await knowledge(plain)
      await minute()
      const after = await knowledge(plain)
      expect(after).not.toEqual(before)
      expect(after.stale).toBe('[]')
      for (let atCall = 1; ; atCall++) {
        expect(atCall).toBeLessThan(CALLS_MAX)
        const tenant = await newTenant(edge)
        await changed(tenant)
        await edge.settle()
        fault.arm(atCall, when)
        await minute()
        fault.disarm()
        const where = `call ${atCall}, ${when}: ${fault.fired}`
        const left = await knowledge(tenant)
        // The changed text and the new ones are two batches; each is there whole or not at all.
        const isWhole = [
          left.stale === '[]' || left.stale === before.stale,
          left.read === before.read || left.read === after.read,
        ]
        expect(isWhole, where).toEqual([true, true])
        if (left.stale === before.stale) expect(left, where).toEqual({ ...before, read: left.read })
        expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
        edge.clock.nowMs += LATER_MS
        await minute()
        expect(await knowledge(tenant), where).toEqual(after)
        if (fault.fired === null) return
      }
    })

    it('does the same once when it runs twice at once', async () => {
      const plain = await newTenant(edge)
      await changed(plain)
      await minute()
      const tenant = await newTenant(edge)
      await changed(tenant)
      await Promise.all([minute(), minute()])
      edge.clock.nowMs += LATER_MS
      await minute()
      expect(await knowledge(tenant)).toEqual(await knowledge(plain))
    })

    const merge = ({ admin }: Tenant, headers: Record<string, string>) =>
      admin.send('mergeEntities', { params, body: { from: 'Zorblax', into: 'Melanie Smith' }, headers })
    const split = ({ admin }: Tenant, headers: Record<string, string>) =>
      admin.send('splitEntity', { params, body: { alias: 'mel' }, headers })

    it.each([
      { name: 'merging', act: merge, when: 'before' as const },
      { name: 'merging', act: merge, when: 'after' as const },
      { name: 'splitting', act: split, when: 'before' as const },
      { name: 'splitting', act: split, when: 'after' as const },
    ])(
      '$name leaves all or nothing, $when any call, and has one effect when it is sent again',
      async ({ act, when }) => {
        const prepared = async () => {
          const tenant = await newTenant(edge)
          await remembered(tenant)
          await minute()
          await edge.settle()
          return tenant
        }
        const plain = await prepared()
        const before = await knowledge(plain)
        expect((await act(plain, { 'idempotency-key': 'plain' })).status).toBe(200)
        const after = await knowledge(plain)
        expect(after).not.toEqual(before)
        for (let atCall = 1; ; atCall++) {
          expect(atCall).toBeLessThan(CALLS_MAX)
          const tenant = await prepared()
          const key = { 'idempotency-key': `at-${atCall}` }
          fault.arm(atCall, when)
          await (await act(tenant, key)).text()
          await edge.settle()
          fault.disarm()
          const where = `call ${atCall}, ${when}: ${fault.fired}`
          expect([before, after], where).toContainEqual(await knowledge(tenant))
          expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
          edge.clock.nowMs += LATER_MS
          const again = await act(tenant, key)
          expect(again.status, `${where}: ${await again.text()}`).toBeLessThan(500)
          expect(await knowledge(tenant), where).toEqual(after)
          if (fault.fired === null) return
        }
      },
    )
  })
}
