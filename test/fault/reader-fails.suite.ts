import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'

const CALLS_MAX = 60
const CLAIM_MS = 61_000
const LONG = 'The regatta report of the harbour: every boat came home. '.repeat(700)

async function prepare({ admin }: Tenant): Promise<void> {
  const texts = [
    'I live in Berlin.',
    'I like green tea.',
    'Project Apollo ships in autumn.',
    `My locker code is 4471. ${LONG}`,
  ]
  for (const text of texts) await admin.ok('remember', { body: { text, saidAt: '2025-01-01T00:00:00Z' } })
}

const act = ({ admin }: Tenant, key: string) =>
  admin.send('remember', {
    headers: { 'idempotency-key': key },
    body: {
      mode: 'plan',
      confirm: true,
      session: 'talk',
      saidAt: '2025-06-01T00:00:00Z',
      messages: [
        { content: 'I moved to Lisbon.' },
        { content: 'I like green tea with honey in the morning.' },
        { content: 'Regarding Project Apollo, the budget was cut by a third.' },
        { content: 'Forget my locker code.' },
        { content: `I own a kayak ${LONG.replaceAll('.', ',')}` },
        { content: 'Thanks!' },
      ],
    },
  })

/**
 * Goal: a plan that fails at any call to a store leaves all of itself or nothing, and its retry has one effect.
 * Method: a plan that adds, supersedes, updates, links and forgets at once; the n-th call fails, for every n, once before and once after the
 * call takes effect. A checker outside of the system looks at the rows.
 */
export function readerFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`plans on ${host}`, () => {
    const fault = new Fault()
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    let edge: LocalEdge

    beforeAll(async () => {
      store = await open()
      edge = await openFailingEdge(store.database, blobs, fault)
    })
    afterAll(async () => {
      await edge.close()
      await store.close()
    })

    /** What stands there, without what differs from run to run. */
    const look = async ({ id }: Tenant) =>
      (
        await store.database.all({
          sql: `select c.seq, c.revision, c.content_bytes, c.valid_to_ms from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ? order by c.seq`,
          params: [id],
        })
      ).map((row) => row.join(' '))

    describe.each(['before', 'after'] as const)('a store that fails %s a call takes effect', (when) => {
      it('leaves a plan whole or undone', async () => {
        const plain = await newTenant(edge)
        await prepare(plain)
        const before = await look(plain)
        const answer = (await (await act(plain, 'plain')).json()) as {
          plan: { operations: { op: string; applied: boolean }[] }
        }
        expect(answer.plan.operations.map(({ op }) => op)).toEqual([
          'supersede',
          'update',
          'link',
          'forget',
          'add',
          'skip',
        ])
        const after = await look(plain)
        expect(after).toHaveLength(6)
        expect(await faultsOf(store.database, blobs, plain.id)).toEqual([])

        for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
          const tenant = await newTenant(edge)
          await prepare(tenant)
          await edge.settle()
          fault.arm(atCall, when)
          const response = await act(tenant, `at-${atCall}`)
          await response.text()
          await edge.settle()
          fault.disarm()
          const where = `call ${atCall}, ${when}: ${fault.fired}`
          expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
          const left = await look(tenant)
          if (response.ok) expect(left, where).toEqual(after)
          else expect([before, after], where).toContainEqual(left)
          edge.clock.nowMs += CLAIM_MS
          const again = await act(tenant, `at-${atCall}`)
          expect(again.status, `${where}: ${await again.text()}`).toBe(201)
          expect(await look(tenant), where).toEqual(after)
          expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
          if (fault.fired === null) return
        }
        throw new Error(`more than ${CALLS_MAX} calls: raise CALLS_MAX`)
      }, 120_000)
    })
  })
}
