import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge, type Tenant } from '../support/edge.ts'
import { user } from './tenant-world.ts'

const scopes = ['memory:read', 'memory:write'] as const

const shared = ({ admin }: Tenant, name: string) => admin.ok('createNamespace', { body: { name, layer: 'shared' } })

const remembered = async ({ admin }: Tenant, namespace: string, content: string) =>
  (await admin.ok('createCube', { body: { content, namespace } })).cubeId

const grant = ({ admin }: Tenant, body: object) =>
  admin.ok('createPermission', { body: { access: 'read', ...body } as never })

/**
 * Goal: nobody gives what he does not have, to somebody who does not exist, or for a time that is over.
 * Method: each wrong permission, role and key in turn; the answer names the field, or nothing of what belongs to others.
 */
export function permissionRefusals(open: OpenEdge) {
  describeEdge('what permissions refuse', open, (tenant) => {
    it('refuses subjects that do not exist, ends in the past, more than the granter sees', async () => {
      const org = await tenant()
      await shared(org, 'team')
      const cubeId = await remembered(org, 'team', 'x')
      const object = { namespace: 'team', access: 'read' as const }
      const refused = (body: object) => org.admin.refused('createPermission', { body: { ...object, ...body } as never })
      for (const subject of [user('nobody'), { kind: 'agent', id: 'nobody' }, { kind: 'role', id: 'nobody' }])
        expect(await refused({ subject })).toMatchObject({ status: 400, code: 'invalid_request', field: 'subject' })
      await org.admin.ok('createUser', { body: { id: 'bob' } })
      const subject = user('bob')
      expect(await refused({ subject, expiresAt: 1 })).toMatchObject({ code: 'invalid_request', field: 'expiresAt' })
      const turned = { subject, notBefore: '2999-01-02T00:00:00Z', expiresAt: '2999-01-01T00:00:00Z' }
      expect(await refused(turned)).toMatchObject({ code: 'invalid_request', field: 'notBefore' })
      for (const subject of [{ kind: 'org', id: 'x' }, { kind: 'user' }])
        expect(await refused({ subject })).toMatchObject({ status: 400, field: 'subject.id' })
      expect(await refused({ subject, tasks: ['a b'] })).toMatchObject({ status: 400, field: 'tasks.0' })
      const plain = await org.admin.newKey({ scopes: ['namespace:admin', 'memory:read'] })
      const body = { ...object, subject, clearance: 'secret' as const }
      expect(await plain.refused('createPermission', { body })).toMatchObject({
        code: 'forbidden',
        field: 'clearance',
      })
      const other = await tenant()
      await shared(other, 'theirs')
      const theirs = await remembered(other, 'theirs', 'x')
      for (const body of [
        { subject, namespace: 'theirs' },
        { subject, cubeId: theirs },
        { subject, namespace: 'missing' },
      ])
        expect(await refused(body)).toMatchObject({ status: 404, code: 'not_found' })
      await shared(org, 'second')
      expect(await refused({ subject, namespace: 'second', cubeId })).toMatchObject({ code: 'not_found' })
      const [made] = [await grant(org, { subject, namespace: 'team' })]
      await other.admin.ok('createUser', { body: { id: 'bob' } })
      expect(await other.admin.refused('deletePermission', { params: { id: made.id } })).toMatchObject({
        status: 404,
      })
      const template = { namespaces: [{ name: 'theirs', access: 'read' as const }] }
      expect(await org.admin.refused('setRole', { params: { name: 'r' }, body: { template } })).toMatchObject({
        status: 404,
      })
      await org.admin.ok('setRole', { params: { name: 'r' }, body: { template: { namespaces: [] } } })
      const someone = { params: { name: 'r' }, body: { members: [{ subject }, { subject: user('nobody') }] } }
      expect(await org.admin.refused('setRoleMembers', someone)).toMatchObject({
        code: 'invalid_request',
        field: 'members.1.subject',
      })
      await org.admin.newKey({ subject: user('keyed') })
      const keyed = { params: { name: 'r' }, body: { members: [{ subject }, { subject: user('keyed') }] } }
      expect((await org.admin.ok('setRoleMembers', keyed)).members).toHaveLength(2)
      const params = { name: 'missing' }
      expect(await org.admin.refused('setRoleMembers', { params, body: { members: [] } })).toMatchObject({
        status: 404,
      })
    })

    it('refuses to let a bound key give what it has for a time, in a context or by a role', async () => {
      const org = await tenant()
      await shared(org, 'team')
      await org.admin.ok('createUser', { body: { id: 'bob' } })
      await org.admin.ok('createUser', { body: { id: 'eve' } })
      const bob = await org.admin.newKey({ scopes: [...scopes, 'namespace:admin'], subject: user('bob') })
      const give = () =>
        bob.send('createPermission', { body: { subject: user('eve'), namespace: 'team', access: 'read' } })
      const write = { subject: user('bob'), namespace: 'team', access: 'write' }
      for (const further of [{ expiresAt: '2999-01-01T00:00:00Z' }, { tasks: ['t'] }, { access: 'read' }]) {
        const { id } = await grant(org, { ...write, ...further })
        expect((await give()).status, JSON.stringify(further)).toBe(404)
        const grants = { params: { name: 'team' }, body: { grants: [] }, headers: { 'memos-task': 't' } }
        expect(await bob.refused('setGrants', grants)).toMatchObject({ status: 404 })
        await org.admin.ok('deletePermission', { params: { id } })
      }
      await grant(org, write)
      expect((await give()).status).toBe(201)
      for (const route of ['listRoles', 'getRole'] as const)
        expect((await bob.send(route, { params: { name: 'r' } })).status).toBe(403)
    })

    it('refuses keys that claim, or clear, more than their maker', async () => {
      const { admin } = await tenant()
      const subject = user('kim')
      const refused = (caller: Caller, body: object) =>
        caller.refused('createKey', { body: { name: 'x', scopes: ['memory:read'], ...body } as never })
      expect(await refused(admin, { tasks: ['a'] })).toMatchObject({ code: 'invalid_request', field: 'tasks' })
      expect(await refused(admin, { scopes: ['memory:secret'], clearance: 'none' })).toMatchObject({
        code: 'invalid_request',
        field: 'clearance',
      })
      const maker = await admin.newKey({
        scopes: ['memory:read', 'key:admin'],
        subject,
        tasks: ['a', 'b'],
        clearance: 'none',
      })
      for (const tasks of [undefined, ['c'], ['a', 'c']])
        expect(await refused(maker, { subject, tasks })).toMatchObject({ code: 'forbidden', field: 'tasks' })
      expect(await refused(maker, { subject, tasks: ['a'], clearance: 'personal' })).toMatchObject({
        code: 'forbidden',
        field: 'clearance',
      })
      const made = await maker.ok('createKey', {
        body: { name: 'x', scopes: ['memory:read'], subject, tasks: ['a'] },
      })
      expect(made.key).toMatchObject({ clearance: 'none', tasks: ['a'], purposes: null })
      const wider = await admin.newKey({ scopes: ['memory:read'], subject })
      expect(await maker.refused('rotateKey', { params: { id: wider.keyId }, body: {} })).toMatchObject({
        code: 'forbidden',
      })
    })

    it('refuses to tell a narrowed key what the organisation uses', async () => {
      const { admin } = await tenant()
      for (const narrowing of [{ subject: user('kim') }, { namespaces: ['default'] }]) {
        const key = await admin.newKey({ scopes: ['log:read'], ...narrowing })
        expect(await key.refused('getUsage', {})).toMatchObject({ status: 403, code: 'forbidden' })
      }
    })
  })
}
