import { beforeAll, describe, expect, it } from 'vitest'
import { Caller, describeEdge, fingerprintOf, type OpenEdge } from '../support/edge.ts'
import { buildWorld, NAMESPACES, NOBODY, user, type World } from './tenant-world.ts'

/**
 * Goal: nobody reads, changes, counts or senses memory that is not theirs, whatever they name.
 * Method: two organisations alike in every name; each key tries every route with every id, name, cursor and filter of what it may not reach. The
 * answer must be the very bytes that something gives which does not exist.
 */
export function tenantIsolation(open: OpenEdge) {
  describeEdge('tenant isolation', open, (tenant, edge) => {
    let worlds: [World, World]
    beforeAll(async () => {
      const plantTask = async (orgId: string, cubeId: string) => {
        const id = cubeId.replace(/^.{10}/, '0000000000')
        await edge().rows(
          `insert into tasks (id, org_id, namespace_id, kind, state, input, progress, attempts, created_at_ms, updated_at_ms)
           select ?, ?, namespace_id, 'planted', 'queued', '{}', 0, 0, 0, 0 from cubes where cube_id = ? returning id`,
          id,
          orgId,
          cubeId,
        )
        return id
      }
      worlds = [
        await buildWorld(await tenant(), 'amber', plantTask),
        await buildWorld(await tenant(), 'cobalt', plantTask),
      ]
    })

    /** Every caller with every place that it must not reach, in its own organisation and in the other one. */
    function* forbidden() {
      for (const world of worlds) {
        for (const { caller, reach } of world.callers) {
          for (const other of worlds) {
            for (const name of NAMESPACES) {
              if (other === world && (reach as readonly string[]).includes(name)) continue
              yield { world, caller, other, name, place: other.places[name] }
            }
          }
        }
      }
    }
    // What a caller gets for something that does not exist, by caller and route.
    const missing = new Map<string, string>()
    const alike = async (
      route: string,
      { secret }: Caller,
      ask: (id: string) => Promise<Response>,
      there: string,
      nowhere: string,
    ) => {
      const key = `${secret} ${route}`
      const expected = missing.get(key) ?? (await fingerprintOf(await ask(nowhere)))
      missing.set(key, expected)
      expect(await fingerprintOf(await ask(there)), route).toBe(expected)
      expect(expected, route).toMatch(/^404 /)
    }

    it('answers for cubes that are out of reach as for cubes that do not exist', async () => {
      for (const { caller, place } of forbidden()) {
        for (const route of ['getCube', 'listRevisions', 'getProvenance', 'deleteCube'] as const)
          await alike(route, caller, (cubeId) => caller.send(route, { params: { cubeId } }), place.cubeId, NOBODY)
        const update = (cubeId: string) =>
          caller.send('updateCube', { params: { cubeId }, body: { content: 'mine', expectedRevision: 9 } })
        await alike('updateCube', caller, update, place.cubeId, NOBODY)
        const tagged = (cubeId: string) =>
          caller.send('updateCube', { params: { cubeId }, body: { content: 'mine' }, headers: { 'if-match': '"x"' } })
        await alike('updateCube with If-Match', caller, tagged, place.cubeId, NOBODY)
      }
      for (const world of worlds) expect((await world.admin.ok('getUsage', {})).cubes).toBe(NAMESPACES.length)
    })

    it('answers for namespaces that are out of reach as for namespaces that do not exist', async () => {
      for (const { world, caller, other, name } of forbidden()) {
        // What the own organisation has under the same name is no secret of the other one.
        if (other !== world && name !== 'default') continue
        const target = other === world ? name : `only-${other.word}`
        const body = { query: 'heron' }
        const asks: [string, (name: string) => Promise<Response>][] = [
          ['getNamespace', (n) => caller.send('getNamespace', { params: { name: n } })],
          ['updateNamespace', (n) => caller.send('updateNamespace', { params: { name: n }, body: { settings: {} } })],
          ['deleteNamespace', (n) => caller.send('deleteNamespace', { params: { name: n } })],
          ['getGrants', (n) => caller.send('getGrants', { params: { name: n } })],
          ['setGrants', (n) => caller.send('setGrants', { params: { name: n }, body: { grants: [] } })],
          ['listCubes', (n) => caller.send('listCubes', { query: { namespace: n } })],
          ['search', (n) => caller.send('search', { body: { ...body, namespaces: [n] } })],
          ['context', (n) => caller.send('context', { body: { ...body, namespaces: [n] } })],
          ['remember', (n) => caller.send('remember', { body: { text: 'x', namespace: n } })],
          ['createCube', (n) => caller.send('createCube', { body: { content: 'x', namespace: n } })],
          ['createCubes', (n) => caller.send('createCubes', { body: { cubes: [{ content: 'x', namespace: n }] } })],
          ['exportNamespace', (n) => caller.send('exportNamespace', { query: { namespace: n } })],
        ]
        for (const [route, ask] of asks) await alike(route, caller, ask, target, 'nowhere')
      }
    })

    it('shows each key the memory in its reach and nothing else', async () => {
      for (const world of worlds) {
        for (const { title, caller, reach } of world.callers) {
          const allowed = new Set(reach.map((name) => world.places[name].cubeId))
          const strangers = worlds
            .flatMap(({ places }) => Object.values(places))
            .filter(({ cubeId }) => !allowed.has(cubeId))
          const ids = strangers.map(({ cubeId }) => cubeId)
          const query = 'heron amber cobalt Same of default a b user u1 u10'
          const bodies = [
            { query },
            { query, vector: [1, 0], mode: 'vector' as const },
            { query, vector: [1, 0] },
            { query, filter: { field: 'cubeId', op: 'in' as const, value: ids } },
            {
              query,
              filter: {
                or: [
                  { field: 'session', op: 'eq' as const, value: 'same session' },
                  { field: 'tags', op: 'exists' as const },
                ],
              },
            },
            { query, filter: { not: { field: 'cubeId', op: 'eq' as const, value: NOBODY } } },
            { query, userId: 'u1' },
            { query, userId: 'u10' },
            { query, userId: 'u%' },
            { query, userId: 'u_' },
          ]
          for (const body of bodies) {
            for (const route of ['search', 'context'] as const) {
              const answer = await (await caller.send(route, { body })).text()
              for (const id of ids) expect(answer, `${title}: ${route} ${JSON.stringify(body)}`).not.toContain(id)
            }
          }
          for (const query of [
            {},
            { session: 'same session' },
            { tag: 'same' },
            { userId: 'u1' },
            { userId: 'u10' },
            { userId: 'u%' },
          ]) {
            const answer = await (await caller.send('listCubes', { query })).text()
            for (const id of ids) expect(answer, `${title}: listCubes`).not.toContain(id)
          }
        }
      }
    })

    it('treats the private memory of another user as that of a user without any', async () => {
      for (const world of worlds) {
        for (const { title, caller, reach } of world.callers.filter(({ title }) => title !== 'the organisation')) {
          const other = (reach as readonly string[]).includes('user:u10') ? 'u1' : 'u10'
          if (reach.length === 0) continue
          for (const route of ['search', 'context'] as const) {
            const ask = async (userId: string) => {
              const text = await (await caller.send(route, { body: { query: 'heron', userId } })).text()
              return text.replace(/"tookMs":[\d.]+/, '')
            }
            expect(await ask(other), `${title}: ${route}`).toBe(await ask('nobody'))
          }
          await alike('listCubes', caller, (userId) => caller.send('listCubes', { query: { userId } }), other, 'nobody')
          await alike(
            'remember',
            caller,
            (userId) => caller.send('remember', { body: { text: 'x', userId } }),
            other,
            'nobody',
          )
        }
      }
    })

    it('answers for tasks that are out of reach as for tasks that do not exist', async () => {
      for (const { caller, place } of forbidden()) {
        await alike('getTask', caller, (id) => caller.send('getTask', { params: { id } }), place.taskId, NOBODY)
        await alike('cancelTask', caller, (id) => caller.send('cancelTask', { params: { id } }), place.taskId, NOBODY)
      }
      for (const world of worlds) {
        for (const { title, caller, reach } of world.callers) {
          const { items } = await caller.ok('listTasks', { query: { limit: 200 } })
          expect(new Set(items.map(({ id }) => id)), title).toEqual(
            new Set(reach.map((name) => world.places[name].taskId)),
          )
        }
      }
    })

    it('answers for keys and subjects of others as for those that do not exist', async () => {
      for (const world of worlds) {
        const strangers = worlds.flatMap((other) => (other === world ? [] : other.callers))
        for (const { title, caller } of world.callers) {
          const mates =
            title === 'the organisation'
              ? []
              : world.callers.filter((mate) => mate.title !== title && !isNarrower(mate.title, title))
          for (const { caller: other } of [...strangers, ...mates]) {
            await alike(
              'rotateKey',
              caller,
              (id) => caller.send('rotateKey', { params: { id }, body: {} }),
              other.keyId,
              NOBODY,
            )
            await alike('revokeKey', caller, (id) => caller.send('revokeKey', { params: { id } }), other.keyId, NOBODY)
            expect((await caller.ok('listKeys', { query: { limit: 200 } })).items.map(({ id }) => id)).not.toContain(
              other.keyId,
            )
          }
        }
        for (const other of worlds.filter((one) => one !== world)) {
          await alike(
            'deleteUser',
            world.admin,
            (id) => world.admin.send('deleteUser', { params: { id } }),
            `only-${other.word}`,
            'nobody',
          )
          expect(JSON.stringify(await world.admin.ok('listUsers', {}))).not.toContain(other.word)
          expect(JSON.stringify(await world.admin.ok('listNamespaces', {}))).not.toContain(other.word)
        }
      }
    })

    it('lets no narrowed key near users and agents, even one that has the scope org:admin', async () => {
      for (const world of worlds) {
        const narrowings = [
          { subject: user('u1') },
          { subject: { kind: 'agent' as const, id: 'u1' } },
          { namespaces: ['a'] },
          { subject: user('u1'), namespaces: ['b', 'user:u10'] },
        ]
        for (const narrowing of narrowings) {
          const caller = await world.admin.newKey(narrowing)
          // No request makes such a key: it is one of before they were refused.
          await edge().rows('update api_keys set scopes = ? where id = ? returning id', '["org:admin"]', caller.keyId)
          const id = `only-${world.word}`
          for (const response of [
            await caller.send('createUser', { body: { id: 'intruder' } }),
            await caller.send('createAgent', { body: { id: 'intruder' } }),
            await caller.send('listUsers', {}),
            await caller.send('listAgents', {}),
            ...(await Promise.all(
              ['u1', 'u10', id, 'nobody'].map((id) => caller.send('deleteUser', { params: { id } })),
            )),
            await caller.send('deleteAgent', { params: { id: 'u1' } }),
          ])
            expect(await fingerprintOf(response)).toMatch(/^403 .*"code":"forbidden"/)
        }
        expect((await world.admin.ok('listUsers', {})).items.map(({ id }) => id)).toEqual([`only-${world.word}`])
        for (const name of ['user:u1', 'user:u10', 'agent:u1'] as const)
          await world.admin.ok('getCube', { params: { cubeId: world.places[name].cubeId } })
      }
    })

    it('shows each key the log of what it reaches', async () => {
      for (const world of worlds) {
        for (const { title, caller, reach } of world.callers) {
          const { items } = await caller.ok('queryLog', { query: { limit: 200 } })
          const allowed = new Set(reach.map((name) => world.places[name].cubeId))
          const strangers = worlds
            .flatMap(({ places }) => Object.values(places).map(({ cubeId }) => cubeId))
            .filter((id) => !allowed.has(id))
          const text = JSON.stringify(items)
          for (const id of strangers) expect(text, title).not.toContain(id)
          for (const cubeId of strangers.slice(0, 4))
            expect((await caller.ok('queryLog', { query: { cubeId } })).items, title).toEqual([])
        }
      }
    })

    it('ignores the organisation that an ordinary key asks to act in', async () => {
      const [one, two] = worlds
      const disguised = new Caller(edge(), one.admin.secret, { 'x-memos-org': two.id })
      const { items } = await disguised.ok('listCubes', {})
      expect(items.map(({ cubeId }) => cubeId)).toEqual([one.places.default.cubeId])
    })

    describe('cursors', () => {
      it.each(['listNamespaces', 'listKeys', 'listUsers', 'listTasks', 'queryLog'] as const)(
        'of %s are refused in another organisation',
        async (route) => {
          const [one, two] = worlds
          for (const world of worlds)
            for (const id of ['x1', 'x2']) await world.admin.send('createUser', { body: { id } })
          const { nextCursor } = await one.admin.ok(route, { query: { limit: 1 } })
          expect(nextCursor).not.toBeNull()
          expect(await two.admin.refused(route, { query: { cursor: nextCursor ?? '' } })).toMatchObject({
            status: 400,
            code: 'invalid_cursor',
            field: 'cursor',
          })
        },
      )

      it('of one list of cubes are refused in another one', async () => {
        const [{ admin }] = worlds
        await admin.ok('createCubes', {
          body: {
            cubes: [
              { content: 'x', namespace: 'a', tags: ['t'] },
              { content: 'y', namespace: 'a', tags: ['t'] },
            ],
          },
        })
        const { nextCursor } = await admin.ok('listCubes', { query: { namespace: 'a', limit: 1 } })
        const cursor = nextCursor ?? ''
        for (const query of [
          { namespace: 'b' },
          {},
          { namespace: 'a', tag: 't' },
          { namespace: 'a', includeArchived: 'true' },
        ])
          expect(await admin.refused('listCubes', { query: { ...query, cursor } })).toMatchObject({
            code: 'invalid_cursor',
          })
        await admin.ok('listCubes', { query: { namespace: 'a', cursor } })
      })

      it.each([
        'x',
        '%',
        'AAAA',
        'bnVsbA',
        'W10',
        btoa('["aaaaaaaaaaaa",1]'),
        '../../etc',
        '\u{1f600}',
        `${'A'.repeat(512)}`,
      ])('made up as %j are refused', async (cursor) => {
        const [{ admin }] = worlds
        expect(await admin.refused('listCubes', { query: { cursor } })).toMatchObject({
          status: 400,
          code: 'invalid_cursor',
        })
      })
    })

    it('gives scores that nothing outside of the namespace changes', async () => {
      const { admin } = await tenant()
      const stranger = await tenant()
      const names = ['mine', 'theirs']
      for (const name of names) await admin.ok('createNamespace', { body: { name, layer: 'shared' } })
      for (const text of ['the grey heron fishes', 'a heron and a stork', 'storks nest on roofs'])
        await admin.ok('remember', { body: { text, namespace: 'mine', session: text.slice(0, 5) } })
      const ask = async () => {
        const { results, retrieval } = await admin.ok('search', {
          body: { query: 'grey heron stork', namespaces: ['mine'], explain: true },
        })
        return JSON.stringify([
          results.map(({ cube, score, explain }) => [cube.cubeId, score, explain]),
          retrieval.terms,
          retrieval.spelling,
        ])
      }
      const before = await ask()
      const cubes = Array.from({ length: 200 }, (_, n) => ({
        content: `grey heron stork ${n} heron`,
        session: `s${n % 5}`,
      }))
      await stranger.admin.ok('createCubes', { body: { cubes } })
      await admin.ok('createCubes', { body: { cubes: cubes.map((cube) => ({ ...cube, namespace: 'theirs' })) } })
      expect(await ask()).toBe(before)
    })

    it('corrects spelling from the words of the namespace only', async () => {
      const { admin } = await tenant()
      const stranger = await tenant()
      await stranger.admin.ok('remember', { body: { text: 'rhododendron' } })
      await admin.ok('remember', { body: { text: 'nothing of the kind' } })
      const { retrieval } = await admin.ok('search', { body: { query: 'rhododendrn' } })
      expect(retrieval.spelling).toEqual({})
    })

    it('deletes one user without touching another whose name begins alike', async () => {
      const { admin } = await tenant()
      for (const userId of ['u1', 'u10', 'u%', 'u_'])
        await admin.ok('remember', { body: { text: `heron ${userId}`, userId } })
      const u10 = await admin.newKey({ subject: user('u10') })
      for (const id of ['u%', 'u_', 'u1']) await admin.ok('deleteUser', { params: { id } })
      expect((await u10.ok('search', { body: { query: 'heron' } })).results).toHaveLength(1)
      expect((await admin.ok('getUsage', {})).cubes).toBe(1)
    })
  })

  /** Whether the first key is narrowed at least as much as the second, so that the second one manages it. */
  function isNarrower(first: string, second: string): boolean {
    return second === 'user u1' && first.startsWith('a key of u1')
  }
}
