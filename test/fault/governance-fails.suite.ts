import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'
import type { OpenStore } from '../support/failing-edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'

const CALLS_MAX = 40

interface Operation {
  /** What stands before; answers an id that the operation is about. */
  prepare(tenant: Tenant): Promise<string>
  act(tenant: Tenant, id: string, headers: Record<string, string>): Promise<Response>
  /** Whether a repetition is refused, since the first time took away what it is about. */
  isOnce?: boolean
}

const clerk = { name: 'clerk' }
const kim = { kind: 'user', id: 'kim' } as const
/** More lines than one statement writes. */
const NAMES = Array.from({ length: 8 }, (_, at) => `shared-${at}`)
const template = (names: readonly string[]) => ({
  namespaces: names.map((name) => ({ name, access: 'read' as const, tasks: ['t'] })),
})

async function office(tenant: Tenant): Promise<string> {
  const { admin } = tenant
  for (const name of NAMES) await admin.ok('createNamespace', { body: { name, layer: 'shared' } })
  await admin.ok('createUser', { body: { id: 'kim' } })
  await admin.ok('setRole', { params: clerk, body: { template: template(NAMES.slice(0, 3)) } })
  await admin.ok('setRoleMembers', { params: clerk, body: { members: [{ subject: kim }] } })
  const { id } = await admin.ok('createPermission', {
    body: { subject: { kind: 'role', id: 'clerk' }, namespace: NAMES[0] ?? '', access: 'write' },
  })
  return id
}

const OPERATIONS: Record<string, Operation> = {
  'applying a role': {
    prepare: office,
    act: ({ admin }) => admin.send('setRole', { params: clerk, body: { template: template(NAMES.slice(1)) } }),
  },
  'deleting a role': {
    prepare: office,
    act: ({ admin }) => admin.send('deleteRole', { params: clerk }),
    isOnce: true,
  },
  'replacing the members of a role': {
    prepare: office,
    act: ({ admin }) => admin.send('setRoleMembers', { params: clerk, body: { members: [] } }),
  },
  'granting a permission': {
    prepare: office,
    act: ({ admin }, _, headers) =>
      admin.send('createPermission', { body: { subject: kim, namespace: 'shared-1', access: 'read' }, headers }),
  },
  'taking a permission back': {
    prepare: office,
    act: ({ admin }, id) => admin.send('deletePermission', { params: { id } }),
    isOnce: true,
  },
}

const LOOKS = [
  `select n.name, p.subject_kind, p.subject_id, p.access, p.tasks, p.from_template from permissions p join namespaces n on n.id = p.namespace_id
    where p.org_id = ? order by 1, 2, 3, 4, 5, 6`,
  'select role, subject_kind, subject_id from role_members where org_id = ? order by 1, 2, 3',
  'select name, template from roles where org_id = ? order by 1',
]

/**
 * Goal: permissions and roles change as a whole or not at all, whichever call to the store fails, and a repetition ends where it should.
 * Method: the n-th call fails, for every n, before and after it takes effect; rows are compared with those of a run without faults.
 */
export function governanceFails(name: string, open: () => Promise<OpenStore>) {
  describe(`governance on ${name}, with a store that fails`, () => {
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

    const look = async ({ id }: Tenant) =>
      Promise.all(
        LOOKS.map(async (sql) => (await store.database.all({ sql, params: [id] })).map((row) => row.join(' '))),
      )

    async function failEverywhere({ prepare, act, isOnce }: Operation, when: 'before' | 'after'): Promise<void> {
      const plain = await newTenant(edge)
      const id = await prepare(plain)
      const before = await look(plain)
      expect((await act(plain, id, {})).status).toBeLessThan(300)
      const after = await look(plain)
      expect(after).not.toEqual(before)
      for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
        const tenant = await newTenant(edge)
        const made = await prepare(tenant)
        const headers = { 'idempotency-key': `at-${atCall}` }
        await edge.settle()
        fault.arm(atCall, when)
        const response = await act(tenant, made, headers)
        await response.text()
        await edge.settle()
        fault.disarm()
        const where = `call ${atCall}, ${when}: ${fault.fired}`
        expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
        const left = await look(tenant)
        if (response.ok) expect(left, where).toEqual(after)
        else expect([before, after], where).toContainEqual(left)
        if (fault.fired === null) return
        // After this long a claim whose request died may be taken over.
        edge.clock.nowMs += 61_000
        const again = await act(tenant, made, headers)
        await again.text()
        const isDone = JSON.stringify(left) === JSON.stringify(after)
        if (!(isOnce === true && isDone)) expect(again.status, where).toBeLessThan(500)
        expect(await look(tenant), where).toEqual(after)
      }
      throw new Error(`more than ${CALLS_MAX} calls: raise CALLS_MAX`)
    }

    for (const when of ['before', 'after'] as const)
      for (const [title, operation] of Object.entries(OPERATIONS))
        it(`${title}, ${when} a call takes effect`, () => failEverywhere(operation, when), 120_000)
  })
}
