import { expect, it } from 'vitest'
import { Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'

const works = async (caller: Caller): Promise<boolean> => {
  const response = await caller.send('listNamespaces', {})
  if (response.status !== 200) expect(await problemOf(response)).toMatchObject({ status: 401, code: 'unauthenticated' })
  return response.status === 200
}

/**
 * Goal: a key can do what it was made for, as long as it was made for, and never make more of itself.
 * Method: keys of every kind, each tried at what it may and what it may not do.
 */
export function keys(open: OpenEdge) {
  describeEdge('API keys', open, (tenant, edge) => {
    it('has exactly the scopes it was given', async () => {
      const { admin } = await tenant()
      await admin.ok('remember', { body: { text: 'seen' } })
      const reader = await admin.newKey({ scopes: ['memory:read'] })
      const writer = await admin.newKey({ scopes: ['memory:write'] })
      expect((await reader.ok('search', { body: { query: 'seen' } })).results).toHaveLength(1)
      await writer.ok('remember', { body: { text: 'written' } })
      for (const problem of [
        await reader.refused('remember', { body: { text: 'x' } }),
        await writer.refused('search', { body: { query: 'x' } }),
        await reader.refused('createKey', { body: { name: 'x' } }),
        await reader.refused('createUser', { body: { id: 'x' } }),
        await reader.refused('createNamespace', { body: { name: 'x', layer: 'shared' } }),
        await reader.refused('queryLog', {}),
        await reader.refused('getUsage', {}),
      ])
        expect(problem).toMatchObject({ status: 403, code: 'forbidden', detail: expect.stringContaining('scope') })
    })

    it('shows what it is, and never its secret or a hash of it', async () => {
      const { admin } = await tenant()
      const body = {
        name: 'web',
        subject: { kind: 'user', id: 'ana' },
        namespaces: ['user:ana'],
        expiresInDays: 7,
        ratePerMinute: 90,
      } as const
      const { key, secret } = await admin.ok('createKey', { body: { ...body, namespaces: [...body.namespaces] } })
      expect(key).toMatchObject({
        name: 'web',
        subject: body.subject,
        namespaces: ['user:ana'],
        ratePerMinute: 90,
        revokedAt: null,
      })
      expect(Date.parse(key.expiresAt ?? '') - Date.parse(key.createdAt)).toBe(7 * 86_400_000)
      const { items } = await admin.ok('listKeys', {})
      expect(items.find(({ id }) => id === key.id)).toEqual(key)
      expect(JSON.stringify(items)).not.toContain(secret.split('_')[2])
      const stored = JSON.stringify(await edge().rows('select * from api_keys where id = ?', key.id))
      expect(stored).not.toContain(secret.split('_')[2])
    })

    it('ends at its revocation, at once', async () => {
      const { admin } = await tenant()
      const key = await admin.newKey({})
      expect(await works(key)).toBe(true)
      await admin.ok('revokeKey', { params: { id: key.keyId } })
      expect(await works(key)).toBe(false)
      await admin.ok('revokeKey', { params: { id: key.keyId } })
      expect(await admin.refused('rotateKey', { params: { id: key.keyId }, body: {} })).toMatchObject({
        code: 'not_found',
      })
    })

    it('ends at its expiry', async () => {
      const { admin } = await tenant()
      const key = await admin.newKey({ expiresInDays: 1 })
      // Nobody waits a day: the row is made a day older before the key is first used.
      await edge().rows('update api_keys set expires_at_ms = ? where id = ? returning id', Date.now() - 1, key.keyId)
      expect(await works(key)).toBe(false)
    })

    it('gets a new secret by rotation; the old one lives for the grace time and no longer', async () => {
      const { admin } = await tenant()
      const old = await admin.newKey({})
      const { secret } = await admin.ok('rotateKey', { params: { id: old.keyId }, body: {} })
      expect(secret).not.toBe(old.secret)
      expect(await works(old)).toBe(false)
      const graceful = await admin.ok('rotateKey', { params: { id: old.keyId }, body: { graceMs: 1500 } })
      const first = new Caller(edge(), secret)
      const second = new Caller(edge(), graceful.secret)
      expect([await works(first), await works(second)]).toEqual([true, true])
      await expect.poll(() => works(first), { timeout: 10_000, interval: 200 }).toBe(false)
      expect(await works(second)).toBe(true)
    })

    it('bound to a subject sees what that subject may see', async () => {
      const { admin } = await tenant()
      const ana = await admin.newKey({ subject: { kind: 'user', id: 'ana' } })
      await ana.ok('remember', { body: { text: 'The password hint is heron.' } })
      await admin.ok('remember', { body: { text: 'The office heron is plastic.' } })
      const found = async (caller: Caller, body: object = {}) =>
        (await caller.ok('search', { body: { query: 'heron', ...body } })).results.map(({ cube }) => cube.namespace)
      expect(await found(ana)).toEqual(['user:ana'])
      expect(await found(admin)).toEqual(['default'])
      expect(await found(admin, { userId: 'ana' })).toEqual(['user:ana'])
      expect(await found(admin, { namespaces: ['default', 'user:ana'] })).toHaveLength(2)
    })

    it('narrowed to namespaces reaches no other one, neither by name nor by default', async () => {
      const { admin } = await tenant()
      for (const name of ['a', 'b']) {
        await admin.ok('createNamespace', { body: { name, layer: 'shared' } })
        await admin.ok('remember', { body: { text: `heron ${name}`, namespace: name } })
      }
      const narrow = await admin.newKey({
        namespaces: ['a'],
        scopes: ['memory:read', 'memory:write', 'namespace:admin'],
      })
      expect((await narrow.ok('listNamespaces', {})).items.map(({ name }) => name)).toEqual(['a'])
      expect(await narrow.refused('search', { body: { query: 'heron', namespaces: ['b'] } })).toMatchObject({
        code: 'not_found',
      })
      expect(await narrow.refused('remember', { body: { text: 'x', namespace: 'b' } })).toMatchObject({
        code: 'not_found',
      })
      expect(await narrow.refused('remember', { body: { text: 'x' } })).toMatchObject({ code: 'not_found' })
      expect(await narrow.refused('createNamespace', { body: { name: 'c', layer: 'shared' } })).toMatchObject({
        code: 'forbidden',
        field: 'name',
      })
      expect((await narrow.ok('search', { body: { query: 'heron', namespaces: ['a'] } })).results).toHaveLength(1)
    })

    it('makes no key that is stronger than itself', async () => {
      const { admin } = await tenant()
      const manager = await admin.newKey({ scopes: ['key:admin', 'memory:read'], ratePerMinute: 1000 })
      const bound = await admin.newKey({ scopes: ['key:admin', 'memory:read'], subject: { kind: 'user', id: 'u1' } })
      const narrow = await admin.newKey({ scopes: ['key:admin', 'memory:read'], namespaces: ['a', 'b'] })
      const scopes = ['memory:read'] as ['memory:read']
      const attempts: [Caller, object, string][] = [
        [manager, { scopes: ['memory:read', 'memory:write'] }, 'scopes'],
        [manager, { scopes: ['org:admin'] }, 'scopes'],
        [manager, { scopes, ratePerMinute: 1001 }, 'ratePerMinute'],
        [bound, { scopes }, 'subject'],
        [bound, { scopes, subject: { kind: 'user', id: 'u10' } }, 'subject'],
        [bound, { scopes, subject: { kind: 'agent', id: 'u1' } }, 'subject'],
        [narrow, { scopes }, 'namespaces'],
        [narrow, { scopes, namespaces: ['a', 'c'] }, 'namespaces'],
      ]
      for (const [caller, body, field] of attempts)
        expect(await caller.refused('createKey', { body: { name: 'x', ...body } })).toMatchObject({
          status: 403,
          code: 'forbidden',
          field,
        })
      await narrow.newKey({ scopes, namespaces: ['b'] })
      await bound.newKey({ scopes, subject: { kind: 'user', id: 'u1' } })
    })

    it('makes no key that outlives itself, and gives no new secret to one that does', async () => {
      const { admin } = await tenant()
      const scopes = ['key:admin'] as ['key:admin']
      const brief = await admin.newKey({ scopes, expiresInDays: 3 })
      const forever = await admin.newKey({ scopes })
      const end = (await admin.ok('listKeys', {})).items.find(({ id }) => id === brief.keyId)?.expiresAt ?? ''
      for (const expiresInDays of [4, 3650])
        expect(await brief.refused('createKey', { body: { name: 'x', scopes, expiresInDays } })).toMatchObject({
          status: 403,
          code: 'forbidden',
          field: 'expiresInDays',
          expected: expect.stringMatching(/^at most [23]: .*Z$/),
        })
      const heir = await brief.ok('createKey', { body: { name: 'x', scopes } })
      expect(heir.key.expiresAt).toBe(end)
      const shorter = await brief.ok('createKey', { body: { name: 'x', scopes, expiresInDays: 1 } })
      expect(Date.parse(shorter.key.expiresAt ?? '')).toBeLessThan(Date.parse(end))
      expect(await brief.refused('rotateKey', { params: { id: forever.keyId }, body: {} })).toMatchObject({
        status: 403,
        code: 'forbidden',
        field: 'id',
      })
      await brief.ok('rotateKey', { params: { id: shorter.key.id }, body: {} })
      await forever.ok('rotateKey', { params: { id: shorter.key.id }, body: {} })
    })

    it('administers users and agents only when it is bound to nothing', async () => {
      const { admin } = await tenant()
      for (const narrow of [{ subject: { kind: 'user' as const, id: 'u1' } }, { namespaces: ['a'] }])
        expect(
          await admin.refused('createKey', { body: { name: 'x', scopes: ['memory:read', 'org:admin'], ...narrow } }),
        ).toMatchObject({ status: 400, code: 'invalid_request', field: 'scopes' })
      const whole = await admin.newKey({ scopes: ['org:admin'] })
      await whole.ok('createUser', { body: { id: 'u1' } })
    })

    it('does not take over a stronger key by rotating it', async () => {
      const { admin } = await tenant()
      const { items } = await admin.ok('listKeys', {})
      const first = { id: items.at(-1)?.id ?? '' }
      const manager = await admin.newKey({ scopes: ['key:admin'] })
      const bound = await admin.newKey({ scopes: ['key:admin'], subject: { kind: 'user', id: 'u1' } })
      const narrow = await admin.newKey({ scopes: ['key:admin'], namespaces: ['a'] })
      const fast = await admin.newKey({ scopes: ['key:admin'], ratePerMinute: 2000 })
      const slow = await admin.newKey({ scopes: ['key:admin'], ratePerMinute: 1000 })
      expect(await slow.refused('rotateKey', { params: { id: fast.keyId }, body: {} })).toMatchObject({
        status: 403,
        code: 'forbidden',
      })
      expect(await manager.refused('rotateKey', { params: first, body: {} })).toMatchObject({
        status: 403,
        code: 'forbidden',
      })
      for (const caller of [bound, narrow]) {
        expect(await caller.refused('rotateKey', { params: first, body: {} })).toMatchObject({
          status: 404,
          code: 'not_found',
        })
        expect(await caller.refused('revokeKey', { params: first })).toMatchObject({ status: 404, code: 'not_found' })
        expect((await caller.ok('listKeys', {})).items.map(({ id }) => id)).toEqual([caller.keyId])
      }
      expect(await works(admin)).toBe(true)
    })

    it('is held to its rate and told when to come back', async () => {
      const { admin } = await tenant()
      const slow = await admin.newKey({ ratePerMinute: 3 })
      const statuses: number[] = []
      for (let at = 0; at < 5; at++) {
        const response = await slow.send('listNamespaces', {})
        statuses.push(response.status)
        if (response.status !== 429) continue
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
        expect(await problemOf(response)).toMatchObject({ code: 'rate_limited' })
      }
      expect(statuses).toEqual([200, 200, 200, 429, 429])
      expect(await works(admin)).toBe(true)
    })

    it('keeps secret cubes to keys with memory:secret', async () => {
      const { admin } = await tenant()
      const plain = await admin.newKey({})
      const { cubeId } = await admin.ok('createCube', {
        body: { content: 'The vault opens with chrysanthemum.', sensitivity: 'secret' },
      })
      await admin.ok('remember', { body: { text: 'The vault is blue.' } })
      const params = { cubeId }
      expect(await plain.refused('getCube', { params })).toMatchObject({ code: 'not_found' })
      expect(await plain.refused('updateCube', { params, body: { sensitivity: 'none' } })).toMatchObject({
        code: 'not_found',
      })
      expect(await plain.refused('deleteCube', { params })).toMatchObject({ code: 'not_found' })
      expect((await plain.ok('listCubes', {})).items).toHaveLength(1)
      for (const query of ['vault', 'chrysanthemum', 'chrysantemum']) {
        const search = JSON.stringify(await plain.ok('search', { body: { query, explain: true } }))
        const pack = JSON.stringify(await plain.ok('context', { body: { query } }))
        for (const answer of [search, pack]) {
          expect(answer).not.toContain(cubeId)
          if (query !== 'chrysanthemum') expect(answer).not.toMatch(/chrysanth/)
        }
      }
      expect((await admin.ok('search', { body: { query: 'chrysanthemum' } })).results).toHaveLength(1)
      for (const problem of [
        await plain.refused('createCube', { body: { content: 'x', sensitivity: 'secret' } }),
        await plain.refused('remember', { body: { text: 'x', sensitivity: 'secret' } }),
      ])
        expect(problem).toMatchObject({ status: 403, code: 'forbidden', field: 'sensitivity' })
    })
  })
}
