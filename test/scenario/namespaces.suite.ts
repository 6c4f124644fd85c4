import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge, type Tenant } from '../support/edge.ts'

const user = (id: string) => ({ kind: 'user', id }) as const
const MEMORY = ['memory:read', 'memory:write'] as ('memory:read' | 'memory:write')[]

const may = async (caller: Caller, namespace: string) => ({
  read: (await caller.send('search', { body: { query: 'x', namespaces: [namespace] } })).status === 200,
  write: (await caller.send('remember', { body: { text: 'x', namespace } })).status === 201,
})

async function withUsers({ admin }: Tenant, ...ids: string[]) {
  const keys = await Promise.all(ids.map((id) => admin.newKey({ subject: user(id), scopes: MEMORY })))
  return { admin, keys }
}

/**
 * Goal: memory lies in layers (private, shared, global), and only those reach it whom the layer and the grants let in.
 * Method: one namespace of each layer, seen by its owner, by a granted and by another user; then the erasure of namespaces and subjects.
 */
export function namespaces(open: OpenEdge) {
  describeEdge('namespaces and subjects', open, (tenant, edge) => {
    it('opens each layer to those it is for', async () => {
      const { admin, keys } = await withUsers(await tenant(), 'ana', 'bob', 'eve')
      const [ana, bob, eve] = keys as Caller[] as [Caller, Caller, Caller]
      await admin.ok('createNamespace', { body: { name: 'diary', layer: 'private', owner: user('ana') } })
      await admin.ok('createNamespace', { body: { name: 'team', layer: 'shared' } })
      await admin.ok('createNamespace', { body: { name: 'handbook', layer: 'global' } })
      await admin.ok('setGrants', {
        params: { name: 'team' },
        body: {
          grants: [
            { subject: user('ana'), access: 'write' },
            { subject: user('bob'), access: 'read' },
          ],
        },
      })
      const closed = { read: false, write: false }
      const readable = { read: true, write: false }
      const open = { read: true, write: true }
      expect([await may(ana, 'diary'), await may(bob, 'diary'), await may(eve, 'diary')]).toEqual([
        open,
        closed,
        closed,
      ])
      expect([await may(ana, 'team'), await may(bob, 'team'), await may(eve, 'team')]).toEqual([open, readable, closed])
      expect([await may(ana, 'handbook'), await may(bob, 'handbook')]).toEqual([readable, readable])
      expect((await eve.ok('listNamespaces', {})).items.map(({ name }) => name)).toEqual(['handbook'])
      expect(await may(admin, 'diary')).toEqual(open)
    })

    it('replaces grants as a whole, and takes them away at once', async () => {
      const { admin, keys } = await withUsers(await tenant(), 'ana')
      const [ana] = keys as Caller[] as [Caller]
      const params = { name: 'team' }
      await admin.ok('createNamespace', { body: { name: 'team', layer: 'shared' } })
      const grants = [{ subject: user('ana'), access: 'write' as const }]
      expect(await admin.ok('setGrants', { params, body: { grants } })).toEqual({ grants })
      expect(await admin.ok('getGrants', { params })).toEqual({ grants })
      expect(await may(ana, 'team')).toEqual({ read: true, write: true })
      await admin.ok('setGrants', { params, body: { grants: [] } })
      expect(await may(ana, 'team')).toEqual({ read: false, write: false })
    })

    it('refuses grants on private memory', async () => {
      const { admin } = await tenant()
      await admin.ok('createNamespace', { body: { name: 'diary', layer: 'private', owner: user('ana') } })
      const body = { grants: [{ subject: user('bob'), access: 'read' as const }] }
      expect(await admin.refused('setGrants', { params: { name: 'diary' }, body })).toMatchObject({
        code: 'invalid_request',
        field: 'grants',
      })
    })

    it('searches the own memory of a subject however many namespaces are open to it', async () => {
      const { admin, keys } = await withUsers(await tenant(), 'zoe')
      const [zoe] = keys as Caller[] as [Caller]
      for (let n = 0; n < 18; n++) await admin.ok('createNamespace', { body: { name: `global-${n}`, layer: 'global' } })
      await zoe.ok('remember', { body: { text: 'My bicycle is turquoise.' } })
      const { results } = await zoe.ok('search', { body: { query: 'bicycle' } })
      expect(results.map(({ cube }) => cube.namespace)).toEqual(['user:zoe'])
    })

    it('takes weights of retrieval that exist and refuses others, when made and when changed', async () => {
      const { admin } = await tenant()
      const params = { name: 'n' }
      const wrong = { weights: { warp: 1 } }
      const refusal = { status: 400, code: 'invalid_request', field: 'settings.weights.warp' }
      expect(
        await admin.refused('createNamespace', { body: { name: 'n', layer: 'shared', settings: wrong } }),
      ).toMatchObject(refusal)
      await admin.ok('createNamespace', {
        body: { name: 'n', layer: 'shared', settings: { weights: { session: 0.5 } } },
      })
      expect(await admin.refused('updateNamespace', { params, body: { settings: wrong } })).toMatchObject(refusal)
      expect((await admin.ok('getNamespace', { params })).settings).toEqual({ weights: { session: 0.5 } })
      expect(
        await admin.refused('updateNamespace', { params, body: { settings: { weights: { session: 1e6 } } } }),
      ).toMatchObject({ field: 'settings.weights.session' })
      await admin.ok('updateNamespace', { params, body: { settings: { weights: { session: 0 } } } })
      expect((await admin.ok('getNamespace', { params })).settings).toEqual({ weights: { session: 0 } })
      const groups = [{ lifecycle: { idleDays: 30 } }, { schedule: { hotMax: 8 } }, { knowledge: { extract: false } }]
      await Promise.all(groups.map((settings) => admin.ok('updateNamespace', { params, body: { settings } })))
      expect((await admin.ok('getNamespace', { params })).settings).toEqual(
        Object.assign({ weights: { session: 0 } }, ...groups),
      )
      await admin.ok('updateNamespace', { params, body: { settings: { weights: null, lifecycle: { ttlDays: 9 } } } })
      expect((await admin.ok('getNamespace', { params })).settings).toEqual({
        ...groups[1],
        ...groups[2],
        lifecycle: { ttlDays: 9 },
      })
    })

    it('refuses a name twice and pages through the list once', async () => {
      const { admin } = await tenant()
      for (const name of ['c', 'a', 'b']) await admin.ok('createNamespace', { body: { name, layer: 'shared' } })
      expect(await admin.refused('createNamespace', { body: { name: 'a', layer: 'global' } })).toMatchObject({
        status: 409,
        code: 'already_exists',
        field: 'name',
      })
      const first = await admin.ok('listNamespaces', { query: { limit: 2 } })
      const rest = await admin.ok('listNamespaces', { query: { limit: 2, cursor: first.nextCursor ?? '' } })
      expect([...first.items, ...rest.items].map(({ name }) => name)).toEqual(['a', 'b', 'c'])
      expect(rest.nextCursor).toBeNull()
    })

    it('makes one default namespace when first writes come at once', async () => {
      const { admin } = await tenant()
      await Promise.all(Array.from({ length: 6 }, (_, n) => admin.ok('remember', { body: { text: `first ${n}` } })))
      expect((await admin.ok('listNamespaces', {})).items).toMatchObject([{ name: 'default', cubes: 6 }])
    })

    it('erases a namespace with all that lay in it', async () => {
      const { admin } = await tenant()
      await admin.ok('createNamespace', { body: { name: 'n', layer: 'shared' } })
      await admin.ok('remember', { body: { text: 'kept' } })
      const body = {
        content: 'z'.repeat(40_000),
        namespace: 'n',
        session: 's',
        embedding: { model: 'm', values: [1, 0] },
      }
      const { cubeId } = await admin.ok('createCube', { body })
      const [row] = await edge().rows('select namespace_id from cubes where cube_id = ?', cubeId)
      const id = row?.[0] as number
      await admin.ok('deleteNamespace', { params: { name: 'n' } })
      for (const table of ['cubes', 'postings', 'sessions', 'embeddings', 'vector_spaces', 'tombstones', 'permissions'])
        expect(await edge().rows(`select count(*) from ${table} where namespace_id = ?`, id), table).toEqual([[0]])
      expect(await edge().rows('select count(*) from revisions where cube_id = ?', cubeId)).toEqual([[0]])
      expect(await admin.refused('getNamespace', { params: { name: 'n' } })).toMatchObject({ code: 'not_found' })
      expect(await admin.refused('getCube', { params: { cubeId } })).toMatchObject({ code: 'not_found' })
      expect(await admin.ok('getUsage', {})).toMatchObject({ cubes: 1, bytes: 4 })
    })

    it.each([
      ['user', 'createUser', 'listUsers', 'deleteUser'],
      ['agent', 'createAgent', 'listAgents', 'deleteAgent'],
    ] as const)(
      'registers, lists and deletes an %s with keys, grants and memory',
      async (kind, create, list, remove) => {
        const { admin } = await tenant()
        const made = await admin.ok(create, { body: { id: 'R2 D2', displayName: 'Artoo' } })
        expect(made).toMatchObject({ kind, id: 'R2 D2', displayName: 'Artoo' })
        expect(await admin.refused(create, { body: { id: 'R2 D2' } })).toMatchObject({
          status: 409,
          code: 'already_exists',
          field: 'id',
        })
        await admin.ok(create, { body: { id: 'C3PO' } })
        const first = await admin.ok(list, { query: { limit: 1 } })
        const second = await admin.ok(list, { query: { limit: 1, cursor: first.nextCursor ?? '' } })
        expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(['C3PO', 'R2 D2'])
        const key = await admin.newKey({ subject: { kind, id: 'R2 D2' } })
        await key.ok('remember', { body: { text: 'beep' } })
        await admin.ok(remove, { params: { id: 'R2 D2' } })
        expect((await key.send('listNamespaces', {})).status).toBe(401)
        expect((await admin.ok('getUsage', {})).cubes).toBe(0)
        expect((await admin.ok(list, {})).items.map(({ id }) => id)).toEqual(['C3PO'])
        expect(await admin.refused(remove, { params: { id: 'R2 D2' } })).toMatchObject({ code: 'not_found' })
      },
    )

    it('deletes the memory of a user who was never registered', async () => {
      const { admin } = await tenant()
      for (const userId of ['guest 7', '访客']) {
        await admin.ok('remember', { body: { text: 'walked in', userId } })
        await admin.ok('deleteUser', { params: { id: userId } })
        expect((await admin.ok('search', { body: { query: 'walked', userId } })).results).toEqual([])
      }
      expect((await admin.ok('getUsage', {})).cubes).toBe(0)
    })

    it('keeps a bound key with namespace:admin inside of its own', async () => {
      const { admin } = await tenant()
      const ana = await admin.newKey({ subject: user('ana'), scopes: [...MEMORY, 'namespace:admin'] })
      const attempts = [
        { name: 'user:bob', layer: 'private', owner: user('ana') },
        { name: 'agent:ana', layer: 'shared', owner: user('ana') },
        { name: 'notes', layer: 'private', owner: user('bob') },
        { name: 'notes', layer: 'shared' },
      ] as const
      for (const body of attempts)
        expect(await ana.refused('createNamespace', { body })).toMatchObject({ status: 403, code: 'forbidden' })
      await ana.ok('createNamespace', { body: { name: 'notes', layer: 'shared', owner: user('ana') } })
      await ana.ok('setGrants', {
        params: { name: 'notes' },
        body: { grants: [{ subject: user('bob'), access: 'read' }] },
      })
      await admin.ok('createNamespace', { body: { name: 'closed', layer: 'shared' } })
      expect(await ana.refused('deleteNamespace', { params: { name: 'closed' } })).toMatchObject({ code: 'not_found' })
    })
  })
}
