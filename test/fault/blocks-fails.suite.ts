import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { lookAt, type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

/** An evolution asks its questions again after every change. */
const CALLS_MAX = 200
/** After this long a claim whose request died may be taken over. */
const CLAIM_MS = 61_000
const LINES = Array.from(
  { length: 10 },
  (_, at) => `Fact number ${at} about the lighthouse keeper and his ${at} goats.`,
)

interface Operation {
  /** What stands before; answers the block or cube that the operation is about, and a change of it. */
  prepare(tenant: Tenant): Promise<{ id: string; change: string }>
  act(tenant: Tenant, params: { id: string; change: string }, headers: Record<string, string>): Promise<Response>
  /** Whether it is made of steps that each stand for themselves. */
  isGradual?: boolean
}

const TEXTS = [
  'Tom the keeper grows tomatoes behind the lighthouse.',
  'The keeper Tom grows tomatoes behind the old lighthouse.',
  'The weather was fine on that day.',
  'Ships pass the lighthouse at night.',
]

/** A block whose feedback calls for a merge, a retirement and a rewriting. */
async function ripeBlock({ admin }: Tenant): Promise<{ id: string; change: string }> {
  const { cubes } = await admin.ok('createCubes', { body: { cubes: TEXTS.map((content) => ({ content })) } })
  const cubeIds = cubes.map(({ cubeId }) => cubeId)
  const { blockId } = await admin.ok('createBlock', { body: { name: 'Keeper', text: 'The lighthouse stands.' } })
  await admin.ok('addMembers', { params: { id: blockId }, body: { cubeIds } })
  const [, , useless = '', ships = ''] = cubeIds
  const inVain = Array.from({ length: 10 }, (_, at) => ({
    cubeId: useless,
    outcome: 'ignored' as const,
    requestId: `v${at}`,
  }))
  const helped = Array.from({ length: 3 }, (_, at) => ({
    cubeId: ships,
    outcome: 'helped' as const,
    requestId: `h${at}`,
    query: 'When do ships pass?',
  }))
  await admin.ok('sendFeedback', { body: { items: [...inVain, ...helped] } })
  return { id: blockId, change: '' }
}

/** A block in which what helped once helps again, and stands behind what never did. */
async function misrankedBlock({ admin }: Tenant): Promise<{ id: string; change: string }> {
  const texts = [
    'Ships pass the lighthouse.',
    'Ships pass the lighthouse at night.',
    'Owls hunt at night.',
    'Goats sleep.',
  ]
  const { cubes } = await admin.ok('createCubes', {
    body: { cubes: [...texts, 'Trains leave.', 'Bread is baked.'].map((content) => ({ content })) },
  })
  const cubeIds = cubes.map(({ cubeId }) => cubeId)
  const { blockId } = await admin.ok('createBlock', { body: { name: 'Keeper' } })
  await admin.ok('addMembers', { params: { id: blockId }, body: { cubeIds } })
  const [answer = '', decoy = ''] = cubeIds
  const items = ['When', 'Why', 'Which', 'How'].flatMap((word) => {
    const about = { requestId: word, query: `${word} do ships pass the lighthouse at night?` }
    return [
      { cubeId: answer, outcome: 'helped' as const, ...about },
      { cubeId: decoy, outcome: 'ignored' as const, ...about },
    ]
  })
  await admin.ok('sendFeedback', { body: { items } })
  return { id: blockId, change: '' }
}

const undoOf = (kind: string, ripe = ripeBlock): Operation => ({
  prepare: async (tenant) => {
    const { id } = await ripe(tenant)
    const { changes } = await tenant.admin.ok('evolveBlock', { params: { id }, body: {} })
    return { id, change: changes.find((one) => one.kind === kind)?.changeId ?? '' }
  },
  act: ({ admin }, params, headers) => admin.send('undoBlockChange', { params, headers }),
})

const OPERATIONS: Record<string, Operation> = {
  'an edit that pages out': {
    prepare: async ({ admin }) => {
      const body = { name: 'Keeper', text: LINES.slice(0, 2).join('\n'), tokensMax: 64 }
      return { id: (await admin.ok('createBlock', { body })).blockId, change: '' }
    },
    act: ({ admin }, { id }, headers) =>
      admin.send('editBlock', { params: { id }, body: { op: 'append', new: LINES.slice(2).join('\n') }, headers }),
  },
  'feedback with a correction': {
    prepare: async ({ admin }) => {
      const { cubeId } = await admin.ok('createCube', { body: { content: TEXTS[0] ?? '' } })
      const { blockId } = await admin.ok('createBlock', { body: { name: 'Keeper' } })
      await admin.ok('addMembers', { params: { id: blockId }, body: { cubeIds: [cubeId] } })
      return { id: cubeId, change: '' }
    },
    act: ({ admin }, { id: cubeId }, headers) => {
      const body = { cubeId, outcome: 'corrected' as const, correction: 'It is otherwise.', requestId: 'r' }
      return admin.send('sendFeedback', { body, headers })
    },
  },
  'an evolution': {
    prepare: ripeBlock,
    act: ({ admin }, { id }, headers) => admin.send('evolveBlock', { params: { id }, body: {}, headers }),
    isGradual: true,
  },
  'undoing a merge': undoOf('merge'),
  'undoing a retirement': undoOf('retire'),
  'undoing a rewriting': undoOf('rewrite'),
  'undoing a rank': undoOf('rank', misrankedBlock),
}

const LOOKS = [
  `select c.seq, c.revision, c.state, c.content_bytes, c.term_count, round(c.usefulness, 6), c.merged_into is null from cubes c
    where c.namespace_id in here order by c.seq`,
  'select name, tokens_max from blocks where namespace_id in here order by 1',
  `select c.seq, round(m.weight, 6), m.retired_at_ms is null from block_members m join cubes c on c.cube_id = m.cube_id
    where m.namespace_id in here order by 1`,
  `select kind, count(*), sum(undone_at_ms is not null), sum(judged_at_ms is null) from block_changes where namespace_id in here group by 1 order by 1`,
  'select outcome, count(*) from feedback where namespace_id in here group by 1 order by 1',
]

/**
 * Goal: an operation on a block that fails at any call leaves all of itself or nothing, and its retry ends what it began.
 * Method: the n-th call fails, for every n until the operation no longer reaches it, before and after the call takes effect; the checker outside
 * the system looks at rows, postings, vectors and the audit log.
 */
export function blocksFail(host: string, open: () => Promise<OpenStore>): void {
  describe(`blocks on ${host}`, () => {
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
          const madePlain = await operation.prepare(plain)
          const before = await look(plain)
          expect((await operation.act(plain, madePlain, {})).status).toBeLessThan(300)
          const after = await look(plain)
          expect(after).not.toEqual(before)
          for (let atCall = 1; ; atCall++) {
            expect(atCall).toBeLessThan(CALLS_MAX)
            const tenant = await newTenant(edge)
            const params = await operation.prepare(tenant)
            const headers = { 'idempotency-key': `at-${atCall}` }
            await edge.settle()
            fault.arm(atCall, when)
            const response = await operation.act(tenant, params, headers)
            await response.text()
            await edge.settle()
            fault.disarm()
            const where = `call ${atCall}, ${when}: ${fault.fired}`
            expect(await faultsOf(store.database, blobs, tenant.id), where).toEqual([])
            const left = await look(tenant)
            if (response.ok) expect(left, where).toEqual(after)
            else if (operation.isGradual !== true) expect([before, after], where).toContainEqual(left)
            edge.clock.nowMs += CLAIM_MS
            const again = await operation.act(tenant, params, headers)
            expect(again.status, `${where}: ${await again.text()}`).toBeLessThan(500)
            expect(await look(tenant), where).toEqual(after)
            if (fault.fired === null) return
          }
        }, 300_000)
  })
}
