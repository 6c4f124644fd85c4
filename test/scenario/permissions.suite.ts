import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge, type Tenant } from '../support/edge.ts'
import { user } from './tenant-world.ts'

const scopes = ['memory:read', 'memory:write'] as const

/** What a key finds by a word, by id order; with claims where given. */
const finds = async (caller: Caller, query: string, headers: Record<string, string> = {}, body: object = {}) =>
  (await caller.ok('search', { body: { query, ...body }, headers })).results.map(({ cube }) => cube.content).toSorted()

const shared = ({ admin }: Tenant, name: string) => admin.ok('createNamespace', { body: { name, layer: 'shared' } })

const remembered = async ({ admin }: Tenant, namespace: string, content: string, further: object = {}) =>
  (await admin.ok('createCube', { body: { content, namespace, ...further } })).cubeId

/**
 * Goal: memory opens to whom it was opened, for as long and for what it was opened, as far as its sensitivity allows, and to nobody else.
 * Method: keys of one organisation, each tried at what a permission opens and at what lies beside it.
 */
export function permissions(open: OpenEdge) {
  describeEdge('permissions', open, (tenant, edge) => {
    const grant = ({ admin }: Tenant, body: object) =>
      admin.ok('createPermission', { body: { access: 'read', ...body } as never })

    it('lets one person see family memory as a parent and work memory as a manager, and never the other', async () => {
      const org = await tenant()
      for (const name of ['family', 'work']) await shared(org, name)
      await remembered(org, 'family', 'The piano lesson of Mia is on Tuesday.')
      await remembered(org, 'work', 'The review lesson of the quarter is on Tuesday.')
      await org.admin.ok('createUser', { body: { id: 'kim' } })
      const lines = [
        ['parent', 'family', 'parenting'],
        ['manager', 'work', 'managing'],
      ] as const
      for (const [name, namespace, task] of lines) {
        const template = { namespaces: [{ name: namespace, access: 'write' as const, tasks: [task] }] }
        await org.admin.ok('setRole', { params: { name }, body: { template } })
        await org.admin.ok('setRoleMembers', { params: { name }, body: { members: [{ subject: user('kim') }] } })
      }
      const kim = await org.admin.newKey({ scopes: [...scopes], subject: user('kim') })
      const family = ['The piano lesson of Mia is on Tuesday.']
      const work = ['The review lesson of the quarter is on Tuesday.']
      expect(await finds(kim, 'lesson', { 'memos-task': 'parenting' })).toEqual(family)
      expect(await finds(kim, 'lesson', { 'memos-task': 'managing' })).toEqual(work)
      expect(await finds(kim, 'lesson')).toEqual([])
      expect(await finds(kim, 'lesson', { 'memos-task': 'gardening' })).toEqual([])
      const elsewhere = { body: { query: 'lesson', namespaces: ['work'] }, headers: { 'memos-task': 'parenting' } }
      for (const route of ['search', 'context'] as const)
        expect(await kim.refused(route, elsewhere)).toMatchObject({ code: 'not_found' })

      const asParent = await org.admin.newKey({ scopes: [...scopes], subject: user('kim'), tasks: ['parenting'] })
      const asManager = await org.admin.newKey({ scopes: [...scopes], subject: user('kim'), tasks: ['managing'] })
      expect(await finds(asParent, 'lesson')).toEqual(family)
      expect(await finds(asManager, 'lesson')).toEqual(work)
      const claim = { body: { query: 'lesson' }, headers: { 'memos-task': 'managing' } }
      expect(await asParent.refused('search', claim)).toMatchObject({ code: 'forbidden', field: 'memos-task' })
      await asParent.ok('remember', { body: { text: 'Swimming lesson on Friday.', namespace: 'family' } })
      const toWork = { body: { text: 'x', namespace: 'work' } }
      expect(await asParent.refused('remember', toWork)).toMatchObject({ code: 'not_found' })

      await org.admin.ok('setRoleMembers', { params: { name: 'parent' }, body: { members: [] } })
      expect(await finds(asParent, 'lesson')).toEqual([])
      expect(await finds(asManager, 'lesson')).toEqual(work)
    })

    it('opens one cube of a namespace and lets nothing of the others show', async () => {
      const org = await tenant()
      await shared(org, 'team')
      const cubeId = await remembered(org, 'team', 'The heron nests by the lake.', { tags: ['bird'] })
      const hidden = await remembered(org, 'team', 'The heron of the secret plan nests in a vault.')
      await org.admin.ok('createUser', { body: { id: 'bob' } })
      const bob = await org.admin.newKey({ scopes: [...scopes], subject: user('bob') })
      expect(await finds(bob, 'heron')).toEqual([])
      await grant(org, { subject: user('bob'), namespace: 'team', cubeId })
      expect((await bob.ok('getCube', { params: { cubeId } })).content).toBe('The heron nests by the lake.')
      expect((await bob.ok('listCubes', { query: { namespace: 'team' } })).items.map((c) => c.cubeId)).toEqual([cubeId])
      expect(await finds(bob, 'heron')).toEqual(['The heron nests by the lake.'])
      expect(await finds(bob, 'heron', {}, { namespaces: ['team'] })).toEqual(['The heron nests by the lake.'])
      expect((await bob.ok('context', { body: { query: 'heron' } })).text).toContain('lake')
      for (const params of [{ cubeId: hidden }])
        expect(await bob.refused('getCube', { params })).toMatchObject({ code: 'not_found' })
      const asWriter = { params: { cubeId }, body: { content: 'mine', mode: 'overwrite' as const } }
      for (const problem of [
        await bob.refused('updateCube', asWriter),
        await bob.refused('getNamespace', { params: { name: 'team' } }),
        await bob.refused('exportNamespace', { query: { namespace: 'team' } }),
        await bob.refused('remember', { body: { text: 'x', namespace: 'team' } }),
      ])
        expect(problem).toMatchObject({ status: 404, code: 'not_found' })
      expect((await bob.ok('listNamespaces', {})).items).toEqual([])
      const ask = async () => {
        const { results, retrieval } = await bob.ok('search', { body: { query: 'heron nests', explain: true } })
        return JSON.stringify([results.map(({ score, explain }) => [score, explain]), retrieval])
      }
      const before = await ask()
      await org.admin.ok('createCubes', {
        body: { cubes: Array.from({ length: 50 }, (_, n) => ({ content: `heron nests ${n}`, namespace: 'team' })) },
      })
      expect(await ask()).toBe(before)

      await grant(org, { subject: user('bob'), namespace: 'team', cubeId, access: 'write' })
      expect((await bob.ok('updateCube', asWriter)).content).toBe('mine')
      expect(await bob.refused('updateCube', { ...asWriter, params: { cubeId: hidden } })).toMatchObject({
        status: 404,
      })
      await org.admin.ok('deleteCube', { params: { cubeId } })
      expect((await org.admin.ok('listPermissions', { query: { namespace: 'team' } })).items).toEqual([])
    })

    it('shares one cube of a private namespace, and never the namespace', async () => {
      const org = await tenant()
      const ana = await org.admin.newKey({ scopes: [...scopes, 'namespace:admin'], subject: user('ana') })
      const { cubeId } = await ana.ok('createCube', { body: { content: 'Her recipe for plum cake.' } })
      await ana.ok('createCube', { body: { content: 'Her plum diary.' } })
      const bob = await org.admin.newKey({ scopes: [...scopes], subject: user('bob') })
      const body = { subject: user('bob'), namespace: 'user:ana', access: 'read' as const }
      expect(await ana.refused('createPermission', { body })).toMatchObject({
        code: 'invalid_request',
        field: 'cubeId',
      })
      expect(await bob.refused('getCube', { params: { cubeId } })).toMatchObject({ code: 'not_found' })
      const made = await ana.ok('createPermission', { body: { ...body, cubeId } })
      expect(await finds(bob, 'plum')).toEqual(['Her recipe for plum cake.'])
      expect(await finds(bob, 'plum', {}, { userId: 'ana' })).toEqual(['Her recipe for plum cake.'])
      await ana.ok('deletePermission', { params: { id: made.id } })
      expect(await finds(bob, 'plum')).toEqual([])
    })

    it('holds between its beginning and its end, for its purposes, and is taken back at once', async () => {
      const org = await tenant()
      await shared(org, 'team')
      const cubeId = await remembered(org, 'team', 'heron')
      await org.admin.ok('createUser', { body: { id: 'bob' } })
      const bob = await org.admin.newKey({ scopes: [...scopes], subject: user('bob') })
      const status = async (headers = {}) => (await bob.send('getCube', { params: { cubeId }, headers })).status
      const object = { subject: user('bob'), namespace: 'team' }
      const far = '2999-01-01T00:00:00Z'
      const later = await grant(org, { ...object, notBefore: far })
      expect(await status()).toBe(404)
      await edge().rows('update permissions set not_before_ms = 1 where id = ? returning id', later.id)
      expect(await status()).toBe(200)
      await edge().rows('update permissions set expires_at_ms = 2 where id = ? returning id', later.id)
      expect(await status()).toBe(404)
      const audit = await grant(org, { ...object, purposes: ['audit', 'care'], expiresAt: far })
      expect(await status()).toBe(404)
      expect(await status({ 'memos-purpose': 'Audit' })).toBe(404)
      expect(await status({ 'memos-purpose': 'audit' })).toBe(200)
      expect(await status({ 'memos-purpose': 'sales' })).toBe(404)
      for (const purpose of ['a b', 'x'.repeat(65), '-']) expect(await status({ 'memos-purpose': purpose })).toBe(400)
      await org.admin.ok('deletePermission', { params: { id: audit.id } })
      expect(await status({ 'memos-purpose': 'audit' })).toBe(404)
      const { items } = await org.admin.ok('listPermissions', { query: { namespace: 'team' } })
      expect(items.map(({ id }) => id)).toEqual([later.id])
      await grant(org, { subject: { kind: 'org' }, namespace: 'team' })
      expect(await status()).toBe(200)
      const stranger = await tenant()
      const bobElsewhere = await stranger.admin.newKey({ scopes: [...scopes], subject: user('bob') })
      expect(await bobElsewhere.refused('getCube', { params: { cubeId } })).toMatchObject({ code: 'not_found' })
    })

    it('keeps roles whole: members that end, templates that are applied again, roles that go', async () => {
      const org = await tenant()
      for (const name of ['a', 'b']) await shared(org, name)
      const inA = await remembered(org, 'a', 'heron')
      const inB = await remembered(org, 'b', 'stork')
      await org.admin.ok('createAgent', { body: { id: 'bot' } })
      const bot = await org.admin.newKey({ scopes: [...scopes], subject: { kind: 'agent', id: 'bot' } })
      const status = async (cubeId: string) => (await bot.send('getCube', { params: { cubeId } })).status
      const params = { name: 'clerk' }
      const set = (...names: string[]) =>
        org.admin.ok('setRole', {
          params,
          body: {
            description: 'reads',
            template: { namespaces: names.map((name) => ({ name, access: 'read' as const })) },
          },
        })
      await set('a')
      const subject = { kind: 'agent', id: 'bot' } as const
      const members = await org.admin.ok('setRoleMembers', {
        params,
        body: { members: [{ subject, expiresAt: '2999-01-01T00:00:00Z' }] },
      })
      expect(members).toEqual({ members: [{ subject, expiresAt: '2999-01-01T00:00:00.000Z' }] })
      expect(await org.admin.ok('getRoleMembers', { params })).toEqual(members)
      expect([await status(inA), await status(inB)]).toEqual([200, 404])
      await grant(org, { subject: { kind: 'role', id: 'clerk' }, namespace: 'a' })
      await set('b')
      expect([await status(inA), await status(inB)]).toEqual([200, 200])
      expect((await org.admin.ok('getRole', { params })).template.namespaces).toMatchObject([{ name: 'b' }])
      expect((await org.admin.ok('listRoles', {})).items.map(({ name }) => name)).toEqual(['clerk'])
      await edge().rows('update role_members set expires_at_ms = 1 where org_id = ? returning role', org.id)
      expect([await status(inA), await status(inB)]).toEqual([404, 404])
      await org.admin.ok('deleteRole', { params })
      expect(await org.admin.refused('getRole', { params })).toMatchObject({ code: 'not_found' })
      for (const table of ['permissions', 'role_members', 'roles'])
        expect(await edge().rows(`select count(*) from ${table} where org_id = ?`, org.id), table).toEqual([[0]])
    })

    it('withholds personal content from a key that is cleared for none, wherever it looks', async () => {
      const org = await tenant()
      await shared(org, 'team')
      const open = await remembered(org, 'team', 'The heron fishes.', { session: 's' })
      const declared = await remembered(org, 'team', 'Ana has quinsy, says the heron.', {
        sensitivity: 'personal',
        tags: ['quinsy'],
        metadata: { illness: 'quinsy' },
        session: 's',
      })
      const found = await remembered(org, 'team', 'Write to quokka@example.org about the heron.')
      const clerk = await org.admin.newKey({ scopes: ['memory:read'], clearance: 'none' })
      for (const query of ['quinsy', 'quokka', 'heron', 'heron quinsy quokka example.org']) {
        for (const route of ['search', 'context'] as const) {
          const answer = await clerk.ok(route, { body: { query, namespaces: ['team'] } })
          const text = JSON.stringify({ ...answer, retrieval: null })
          expect(text, `${route} ${query}`).not.toMatch(/quinsy|quokka/)
          for (const id of [declared, found]) expect(text).not.toContain(id)
        }
      }
      const { items } = await clerk.ok('listCubes', { query: { namespace: 'team' } })
      expect(new Map(items.map(({ cubeId, content }) => [cubeId, content]))).toEqual(
        new Map([
          [open, 'The heron fishes.'],
          [declared, '[redacted]'],
          [found, 'Write to [email] about the heron.'],
        ]),
      )
      const one = await clerk.ok('getCube', { params: { cubeId: declared } })
      expect(one).toMatchObject({ content: '[redacted]', metadata: {}, descriptive: { tags: [], session: null } })
      expect(JSON.stringify(one)).not.toContain('quinsy')
      const filtered = await clerk.ok('listCubes', { query: { namespace: 'team', tag: 'quinsy' } })
      expect(filtered.items).toEqual([])
      for (const route of ['listRevisions', 'getProvenance'] as const)
        expect(await clerk.refused(route, { params: { cubeId: declared } })).toMatchObject({ code: 'not_found' })
      const reader = await org.admin.newKey({ scopes: ['memory:read'] })
      expect((await reader.ok('getCube', { params: { cubeId: declared } })).content).toContain('quinsy')
    })

    it('opens to a bound key what its permission clears, never more than the key itself', async () => {
      const org = await tenant()
      await shared(org, 'team')
      const cubes = {
        none: await remembered(org, 'team', 'heron'),
        personal: await remembered(org, 'team', 'heron of Ana', { sensitivity: 'personal' }),
        secret: await remembered(org, 'team', 'heron of the vault', { sensitivity: 'secret' }),
      }
      const levels = ['none', 'personal', 'secret'] as const
      for (const granted of levels) {
        const id = `with-${granted}`
        await org.admin.ok('createUser', { body: { id } })
        await grant(org, { subject: user(id), namespace: 'team', access: 'write', clearance: granted })
        for (const own of levels) {
          const secret = own === 'secret' ? (['memory:secret'] as const) : []
          const key = await org.admin.newKey({
            scopes: [...scopes, ...secret],
            subject: user(id),
            ...(own === 'none' ? { clearance: 'none' as const } : {}),
          })
          const reach = Math.min(levels.indexOf(granted), levels.indexOf(own))
          const expected = levels.slice(0, reach + 1).map((level) => cubes[level])
          const { results } = await key.ok('search', { body: { query: 'heron' } })
          const seen = results.map(({ cube }) => cube.cubeId)
          expect(new Set(seen), `${granted} x ${own}`).toEqual(new Set(expected))
          const made = { namespace: 'team', content: 'stork' }
          for (const [at, sensitivity] of levels.entries()) {
            const response = await key.send('createCube', { body: { ...made, sensitivity } })
            expect(response.status, `${granted} x ${own}: writes ${sensitivity}`).toBe(at <= reach ? 201 : 403)
          }
        }
      }
    })

    it('writes no cube that its permission to write does not clear, whatever it may read', async () => {
      const org = await tenant()
      await org.admin.ok('createNamespace', { body: { name: 'world', layer: 'global' } })
      await org.admin.ok('createUser', { body: { id: 'u' } })
      const permission = { subject: user('u'), namespace: 'world', access: 'write', clearance: 'personal' } as const
      await grant(org, permission)
      const key = await org.admin.newKey({ scopes: [...scopes, 'memory:secret'], subject: user('u') })
      const body = { namespace: 'world', content: 'stork' }
      const refusal = { status: 403, field: 'sensitivity' }
      expect(await key.refused('createCube', { body: { ...body, sensitivity: 'secret' } })).toMatchObject(refusal)
      const { cubeId } = await key.ok('createCube', { body: { ...body, sensitivity: 'personal' } })
      const secret = { params: { cubeId }, body: { sensitivity: 'secret' } } as const
      expect(await key.refused('updateCube', secret)).toMatchObject(refusal)
      expect((await org.admin.ok('listCubes', { query: { namespace: 'world' } })).items).toMatchObject([
        { cubeId, governance: { sensitivity: 'personal' } },
      ])
    })

    it('names no cube in the log that the reader of the log is not cleared for', async () => {
      const org = await tenant()
      await shared(org, 'team')
      const cubeId = await remembered(org, 'team', 'heron', { sensitivity: 'secret' })
      const open = await remembered(org, 'team', 'stork')
      const key = await org.admin.newKey({ scopes: ['log:read'], namespaces: ['team'] })
      const { items } = await key.ok('queryLog', {})
      expect(items.flatMap(({ cubeIds }) => cubeIds)).toEqual([open])
      expect((await key.ok('queryLog', { query: { cubeId } })).items).toEqual([])
      expect((await org.admin.ok('queryLog', { query: { cubeId } })).items).toHaveLength(1)
    })

    it('forgets what a deleted user was granted, and the roles it held', async () => {
      const org = await tenant()
      await shared(org, 'team')
      await remembered(org, 'team', 'heron')
      await org.admin.ok('createUser', { body: { id: 'bob' } })
      await grant(org, { subject: user('bob'), namespace: 'team' })
      const template = { namespaces: [{ name: 'team', access: 'read' as const }] }
      await org.admin.ok('setRole', { params: { name: 'r' }, body: { template } })
      await org.admin.ok('setRoleMembers', { params: { name: 'r' }, body: { members: [{ subject: user('bob') }] } })
      await org.admin.ok('deleteUser', { params: { id: 'bob' } })
      expect((await org.admin.ok('getRoleMembers', { params: { name: 'r' } })).members).toEqual([])
      const again = await org.admin.newKey({ scopes: [...scopes], subject: user('bob') })
      expect(await finds(again, 'heron')).toEqual([])
      await org.admin.ok('deleteNamespace', { params: { name: 'team' } })
      expect(await edge().rows('select count(*) from permissions where org_id = ?', org.id)).toEqual([[0]])
    })
  })
}
