import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { lookAt, type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const CALLS_MAX = 120
/** After this long a claim whose request died may be taken over. */
const CLAIM_MS = 61_000
const LARGE_TEXT = 'A long memory of the harbour. '.repeat(1200)
const LINES = ['one', 'two', 'three', 'four', 'five']

interface Operation {
  /** What stands before; answers the cube that the operation is about. */
  prepare(tenant: Tenant, edge: LocalEdge): Promise<string>
  act(tenant: Tenant, cubeId: string, headers: Record<string, string>): Promise<Response>
}

const name = { name: 'default' }
const pin = { ...name, snapshot: 'pin' }
const branch = { ...name, branch: 'idea' }

const remember = async ({ admin }: Tenant, edge: LocalEdge, contents: string[]) => {
  const made = await admin.ok('createCubes', {
    body: { cubes: contents.map((content) => ({ content, session: 's' })) },
  })
  await edge.runTasks()
  return made.cubes.map(({ cubeId }) => cubeId)
}
const revise = ({ admin }: Tenant, cubeId: string, content: string) =>
  admin.ok('updateCube', { params: { cubeId }, body: { content } })
const archive = ({ admin }: Tenant, cubeId: string) =>
  admin.ok('changeLifecycle', { params: { cubeId }, body: { event: 'archive' } })
const openBranch = ({ admin }: Tenant) => admin.ok('createBranch', { params: name, body: { name: 'idea' } })
const onBranch = ({ admin }: Tenant, cubeId: string, content: string) =>
  admin.ok('updateBranchCube', { params: { ...branch, cubeId }, body: { content } })

/** A branch that changed a long text and one line, made a cube and removed one, beside a namespace that moved on. */
async function busyBranch(tenant: Tenant, edge: LocalEdge): Promise<string> {
  const [long = '', lines = '', gone = ''] = await remember(tenant, edge, [LARGE_TEXT, LINES.join('\n'), 'to go'])
  await openBranch(tenant)
  await onBranch(tenant, long, `${LARGE_TEXT} And of the sea.`)
  await onBranch(tenant, lines, LINES.with(4, 'FIVE').join('\n'))
  await tenant.admin.ok('createBranchCube', { params: branch, body: { content: `${LARGE_TEXT} New.` } })
  await tenant.admin.ok('deleteBranchCube', { params: { ...branch, cubeId: gone } })
  await revise(tenant, lines, LINES.with(0, 'ONE').join('\n'))
  return long
}

const OPERATIONS: Record<string, Operation> = {
  'restoring a revision': {
    prepare: async (tenant, edge) => {
      const [cubeId = ''] = await remember(tenant, edge, [LARGE_TEXT, 'another'])
      await revise(tenant, cubeId, 'short')
      return cubeId
    },
    act: ({ admin }, cubeId, headers) =>
      admin.send('restoreCube', { params: { cubeId }, body: { revision: 1, expectedRevision: 2 }, headers }),
  },
  'restoring an archived cube': {
    prepare: async (tenant, edge) => {
      const [cubeId = ''] = await remember(tenant, edge, ['first', 'another'])
      await revise(tenant, cubeId, LARGE_TEXT)
      await archive(tenant, cubeId)
      return cubeId
    },
    act: ({ admin }, cubeId, headers) =>
      admin.send('restoreCube', { params: { cubeId }, body: { revision: 1, expectedRevision: 2 }, headers }),
  },
  'making a snapshot': {
    prepare: async (tenant, edge) => (await remember(tenant, edge, ['one', 'two']))[0] ?? '',
    act: ({ admin }, _, headers) => admin.send('createSnapshot', { params: name, body: { name: 'pin' }, headers }),
  },
  'bringing a namespace back': {
    prepare: async (tenant, edge) => {
      const [long = '', away = ''] = await remember(tenant, edge, [LARGE_TEXT, 'put away later'])
      await tenant.admin.ok('createSnapshot', { params: name, body: { name: 'pin' } })
      await revise(tenant, long, 'short')
      await archive(tenant, away)
      await remember(tenant, edge, ['came later', LARGE_TEXT])
      return long
    },
    act: ({ admin }, _, headers) => admin.send('restoreSnapshot', { params: pin, headers }),
  },
  'writing on a branch': {
    prepare: async (tenant, edge) => {
      const [cubeId = ''] = await remember(tenant, edge, [LARGE_TEXT])
      await openBranch(tenant)
      await onBranch(tenant, cubeId, `${LARGE_TEXT} Before.`)
      return cubeId
    },
    act: ({ admin }, cubeId) =>
      admin.send('updateBranchCube', {
        params: { ...branch, cubeId },
        body: { content: `${LARGE_TEXT} After.`, expectedRevision: 2 },
      }),
  },
  'discarding a branch': {
    prepare: busyBranch,
    act: ({ admin }) => admin.send('discardBranch', { params: branch }),
  },
  'merging a branch': {
    prepare: busyBranch,
    act: ({ admin }, _, headers) => admin.send('mergeBranch', { params: branch, body: {}, headers }),
  },
}

const LOOKS = [
  `select c.seq, c.revision, c.state, c.content_bytes, c.term_count, (select r.mode from revisions r where r.cube_id = c.cube_id and r.number = c.revision)
    from cubes c where c.namespace_id in here order by c.seq`,
  'select name, cube_count, (select count(*) from snapshot_cubes p where p.snapshot_id = s.id) from snapshots s where s.namespace_id in here order by 1, 2',
  'select name, state, (select json_array(count(*), sum(c.revision)) from branch_cubes c where c.branch_id = b.id) from branches b where b.namespace_id in here',
]

/**
 * Goal: an operation of the time machine that fails at any call leaves all of itself or nothing, and its retry ends what it began.
 * Method: the n-th call fails, for every n until the operation no longer reaches it, before and after the call takes effect; the checker outside
 * the system looks at rows, postings, vectors, blobs and the audit log.
 */
export function timeMachineFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`the time machine on ${host}`, () => {
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

    const look = (tenant: Tenant) => lookAt(store.database, LOOKS, tenant)

    for (const when of ['before', 'after'] as const)
      for (const [title, operation] of Object.entries(OPERATIONS))
        it(`${title}, when the store fails ${when} a call takes effect`, async () => {
          const plain = await newTenant(edge)
          const madePlain = await operation.prepare(plain, edge)
          const before = await look(plain)
          expect((await operation.act(plain, madePlain, {})).status).toBeLessThan(300)
          const after = await look(plain)
          expect(after).not.toEqual(before)
          for (let atCall = 1; ; atCall++) {
            expect(atCall).toBeLessThan(CALLS_MAX)
            const tenant = await newTenant(edge)
            const cubeId = await operation.prepare(tenant, edge)
            const headers = { 'idempotency-key': `at-${atCall}` }
            await edge.settle()
            fault.arm(atCall, when)
            const response = await operation.act(tenant, cubeId, headers)
            await response.text()
            await edge.settle()
            fault.disarm()
            const where = `call ${atCall}, ${when}: ${fault.fired}`
            expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
            const left = await look(tenant)
            if (response.ok) expect(left, where).toEqual(after)
            else expect([before, after], where).toContainEqual(left)
            edge.clock.nowMs += CLAIM_MS
            const again = await operation.act(tenant, cubeId, headers)
            expect(again.status, `${where}: ${await again.text()}`).toBeLessThan(500)
            expect(await look(tenant), where).toEqual(after)
            await edge.settle()
            await edge.runTasks()
            expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
            if (fault.fired === null) return
          }
        }, 300_000)
  })
}
