import { beforeAll, expect, it } from 'vitest'
import type { Sensitivity } from '../../schemas/vocabulary.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'
import { user } from './tenant-world.ts'

const SCOPES = ['memory:read', 'memory:write', 'log:read', 'namespace:admin'] as const
const name = 'team'
const params = { name }
/** Cubes of each sensitivity in the namespace: numbers that no sum of others gives. */
const MADE: readonly Sensitivity[] = ['none', 'personal', 'personal', 'secret', 'secret', 'secret', 'secret']

/**
 * Goal: a number is no way around clearance: whatever counts cubes counts those that its reader may read.
 * Method: one namespace with 1, 2 and 4 cubes of the three sensitivities, everything that counts asked by a key of each clearance and by a user
 * whose permission clears it for less than its key.
 */
export function counts(open: OpenEdge) {
  describeEdge('counts', open, (tenant, edge) => {
    let admin: Caller
    let orgId: string
    let readers: { caller: Caller; cubes: number }[]
    const ids: string[] = []
    beforeAll(async () => {
      ;({ admin, id: orgId } = await tenant())
      await admin.ok('createNamespace', { body: { name, layer: 'shared' } })
      await admin.ok('createUser', { body: { id: 'u' } })
      for (const [at, sensitivity] of MADE.entries()) {
        const body = { namespace: name, sensitivity, content: `heron number ${at}` }
        ids.push((await admin.ok('createCube', { body })).cubeId)
      }
      const [single = ''] = ids.slice(-1)
      await admin.ok('createPermission', { body: { subject: user('u'), namespace: name, access: 'write' } })
      const secret = {
        subject: user('u'),
        namespace: name,
        cubeId: single,
        access: 'read',
        clearance: 'secret',
      } as const
      await admin.ok('createPermission', { body: secret })
      const key = (body: object) => admin.newKey({ scopes: [...SCOPES], ...body })
      readers = [
        { caller: await key({ clearance: 'none' }), cubes: 1 },
        { caller: await key({}), cubes: 3 },
        { caller: await key({ scopes: [...SCOPES, 'memory:secret'] }), cubes: 7 },
        // The permission on the namespace clears for personal cubes, the one on a cube for that secret one.
        { caller: await key({ scopes: [...SCOPES, 'memory:secret'], subject: user('u') }), cubes: 4 },
        { caller: await key({ subject: user('u'), clearance: 'none' }), cubes: 1 },
      ]
      await admin.ok('createSnapshot', { params, body: { name: 'pin' } })
    })

    it('of a namespace and of a snapshot are of what the reader may read', async () => {
      for (const { caller, cubes } of readers) {
        expect(await caller.ok('getNamespace', { params })).toMatchObject({ cubes })
        expect((await caller.ok('listNamespaces', {})).items).toMatchObject([{ name, cubes }])
        expect(await caller.ok('updateNamespace', { params, body: { settings: {} } })).toMatchObject({ cubes })
        expect(await caller.ok('getSnapshot', { params: { name, snapshot: 'pin' } })).toMatchObject({ cubes })
        expect((await caller.ok('listSnapshots', { params })).items).toMatchObject([{ cubes }])
        const diff = await caller.ok('diffNamespace', { params, query: { from: '2020-01-01T00:00:00Z' } })
        expect(diff.items).toHaveLength(cubes)
      }
    })

    it('of members of a block are of what the reader may read', async () => {
      const body = { namespace: name, name: 'herons', text: 'About herons.' }
      const { blockId } = await admin.ok('createBlock', { body })
      await admin.ok('addMembers', { params: { id: blockId }, body: { cubeIds: ids } })
      for (const { caller, cubes } of readers)
        expect(await caller.ok('getBlock', { params: { id: blockId } })).toMatchObject({ members: cubes })
      await admin.ok('deleteBlock', { params: { id: blockId } })
    })

    it('of what an organisation uses are of what the key may read', async () => {
      for (const { caller, cubes } of readers.slice(0, 3)) {
        const { bytes, ...usage } = await caller.ok('getUsage', {})
        expect(usage).toMatchObject({ cubes })
        expect(bytes).toBe(cubes * 'heron number 0'.length)
      }
    })

    it('of a log entry are of the ids that a narrowed key is shown', async () => {
      const query = { operation: 'addMembers' }
      // A personal cube may be known of by whoever reaches its namespace.
      for (const clearance of ['none', 'personal'] as const) {
        const key = await admin.newKey({ scopes: [...SCOPES], namespaces: [name], clearance })
        const { items } = await key.ok('queryLog', { query })
        expect(items).toMatchObject([{ cubeCount: 3, cubeIds: ids.slice(0, 3) }])
      }
      expect((await admin.ok('queryLog', { query })).items).toMatchObject([{ cubeCount: MADE.length }])
    })

    it('of tasks, hot sets and pipeline runs are for who may read all that was counted', async () => {
      await edge().rows(
        `insert into tasks (id, org_id, namespace_id, kind, state, input, progress, total, attempts, created_at_ms, updated_at_ms)
         select '0000000000' || substr(hex(randomblob(8)), 1, 16), org_id, id, 'planted', 'cancelled', '{}', 7, 9, 0, 0, 0
         from namespaces where org_id = ? returning id`,
        orgId,
      )
      for (const cubeId of ids) await (await admin.send('getCube', { params: { cubeId } })).text()
      await admin.ok('runSchedule', { params, body: {} })
      const step = { id: 'found', kind: 'retrieve', query: 'heron', limit: 50 } as const
      await admin.ok('runPipeline', { body: { namespace: name, pipeline: { steps: [step] } } })
      for (const [at, { caller, cubes }] of readers.entries()) {
        const readsAll = cubes === MADE.length
        const [task] = (await caller.ok('listTasks', {})).items.filter(({ kind }) => kind === 'planted')
        expect(task).toMatchObject(readsAll ? { progress: 7, total: 9 } : { progress: null, total: null })
        const { cubes: hot, decision } = await caller.ok('getSchedule', { params })
        expect(hot.length).toBeLessThanOrEqual(cubes)
        expect(decision?.choice).toMatchObject({ cubes: hot.length, cubeIds: { length: hot.length } })
        expect('candidates' in (decision?.inputs ?? {})).toBe(readsAll)
        expect('entered' in (decision?.choice ?? {})).toBe(readsAll)
        expect(decision?.reason).not.toMatch(/\d of \d/)
        if (at > 2) continue
        const [run] = (await caller.ok('listPipelineRuns', {})).items
        expect(run?.steps[0]?.cubes).toBe(readsAll ? MADE.length : null)
      }
    })

    it('of erased cubes of a snapshot are of what the reader might have read', async () => {
      for (const cubeId of ids.splice(1)) await admin.ok('deleteCube', { params: { cubeId } })
      for (const { caller, cubes } of readers) {
        // The permission on the single cube went with the cube.
        const erased = (cubes === 4 ? 3 : cubes) - 1
        const restored = await caller.ok('restoreSnapshot', { params: { name, snapshot: 'pin' } })
        expect(restored).toMatchObject({ erased })
        expect(await caller.ok('getSnapshot', { params: { name, snapshot: 'pin' } })).toMatchObject({ cubes: 1 })
      }
    })
  })
}
