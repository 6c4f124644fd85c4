import { expect, it } from 'vitest'
import { type Caller, describeEdge, type EdgeUnderTest, type OpenEdge, problemOf } from '../support/edge.ts'

/** An edge whose minute passes when the test says so. */
export type TickingEdge = EdgeUnderTest & { tick(): Promise<void> }

const params = { name: 'default' }

const remember = (caller: Caller, ...texts: string[]) =>
  caller.ok('remember', { body: { messages: texts.map((content) => ({ content })) } })

const keysOf = async (caller: Caller, query: object = {}) =>
  (await caller.ok('listEntities', { params, query })).items.map(({ key }) => key)

const entity = async (caller: Caller, key: string) =>
  (await caller.ok('getEntity', { params: { ...params, key } })).entity

/**
 * Goal: what memories speak of is found in the background, read through the API, merged and split, walked by searches, and never shows what the
 * caller may not read.
 * Method: the entity routes; the minute of the host is called by hand.
 */
export function knowledgeGraph(open: () => Promise<TickingEdge>) {
  let edge: TickingEdge
  const opened: OpenEdge = async () => {
    edge = await open()
    return edge
  }
  describeEdge('knowledge graph', opened, (tenant) => {
    it('reads memories for entities in the background, lists them in pages and traces each to its memories', async () => {
      const { admin } = await tenant()
      const { cubes } = await remember(
        admin,
        'We met Melanie Smith at Acme Corp in Lisbon.',
        'Later Melanie Smith moved to Porto.',
        'The weather is fine.',
      )
      expect(await keysOf(admin)).toEqual([])
      await edge.tick()
      expect(await keysOf(admin)).toEqual(['acme corp', 'lisbon', 'melanie smith', 'porto'])
      expect(await keysOf(admin, { prefix: 'Mel' })).toEqual(['melanie smith'])
      expect(await keysOf(admin, { kind: 'place' })).toEqual(['lisbon', 'porto'])
      const first = await admin.ok('listEntities', { params, query: { limit: 3 } })
      const rest = await admin.ok('listEntities', { params, query: { limit: 3, cursor: first.nextCursor ?? '' } })
      expect([...first.items, ...rest.items].map(({ key }) => key)).toHaveLength(4)

      const detail = await admin.ok('getEntity', { params: { ...params, key: 'Melanie Smith' } })
      expect(detail.entity).toEqual({
        key: 'melanie smith',
        name: 'Melanie Smith',
        kind: 'person',
        cubes: 2,
        aliases: [],
      })
      expect(detail.mentions.map(({ cubeId }) => cubeId)).toEqual([cubes[1]?.cubeId, cubes[0]?.cubeId])
      expect(detail.related.map(({ key, together }) => [key, together])).toEqual([
        ['acme corp', 1],
        ['lisbon', 1],
        ['porto', 1],
      ])
      const tags = await admin.ok('listPredictedTags', { params: { cubeId: cubes[1]?.cubeId ?? '' } })
      expect(tags.items.map(({ key, kind }) => [key, kind])).toEqual([
        ['melanie smith', 'person'],
        ['porto', 'place'],
      ])
    })

    it('filters searches by entity, whatever name is used', async () => {
      const { admin } = await tenant()
      await remember(
        admin,
        'My friend Melanie Smith likes tea.',
        'I saw Melanie today with tea.',
        'We drank tea in Porto.',
      )
      await edge.tick()
      const found = async (value: string) => {
        const filter = { field: 'entity', op: 'eq' as const, value }
        const { results } = await admin.ok('search', { body: { query: 'tea', filter } })
        return results.map(({ cube }) => cube.content).sort()
      }
      expect(await found('Porto')).toEqual(['We drank tea in Porto.'])
      expect(await found('melanie')).toHaveLength(2)
      expect(await found('Melanie Smith')).toHaveLength(2)
      expect(await found('nobody')).toEqual([])
      const count = async (condition: object) => {
        const filter = { field: 'entity', ...condition }
        return (await admin.ok('search', { body: { query: 'tea', filter } })).results.length
      }
      expect(await count({ op: 'in', value: ['Porto', 'Mel', 'Melanie'] })).toBe(3)
      expect(await count({ op: 'nin', value: ['Melanie'] })).toBe(1)
      expect(await count({ op: 'ne', value: 'porto' })).toBe(2)
      expect(await count({ op: 'exists' })).toBe(3)
      const wrong = { query: 'tea', filter: { field: 'entity', op: 'gt' as const, value: 'a' } }
      expect(await admin.refused('search', { body: wrong })).toMatchObject({ field: 'filter(entity gt)' })
    })

    it('follows a changed text and forgets an erased one, names included', async () => {
      const { admin } = await tenant()
      const { cubes } = await remember(admin, 'The trip to Bilbao was long.', 'We love Oviedo, and Oviedo loves us.')
      await edge.tick()
      expect(await keysOf(admin)).toEqual(['bilbao', 'oviedo'])
      const cubeId = cubes[0]?.cubeId ?? ''
      await admin.ok('updateCube', { params: { cubeId }, body: { content: 'The trip to Gijon was long.' } })
      await edge.tick()
      expect(await keysOf(admin)).toEqual(['gijon', 'oviedo'])
      await admin.ok('deleteCube', { params: { cubeId } })
      expect(await keysOf(admin)).toEqual(['oviedo'])
      expect(await edge.rows("select key from entities where key in ('gijon', 'bilbao')")).toEqual([])
    })

    it('leaves a namespace alone whose policy says so', async () => {
      const { admin } = await tenant()
      await remember(admin, 'We love Oviedo.')
      await admin.ok('updateNamespace', { params, body: { settings: { knowledge: { extract: false } } } })
      await edge.tick()
      expect(await keysOf(admin)).toEqual([])
      await admin.ok('updateNamespace', { params, body: { settings: { knowledge: null } } })
      await edge.tick()
      expect(await keysOf(admin)).toEqual(['oviedo'])
    })

    it('takes a first name for the full one while only one person has it', async () => {
      const { admin } = await tenant()
      await remember(admin, 'I met Melanie Smith.', 'So Melanie called.', 'And Mel wrote.')
      await edge.tick()
      expect(await entity(admin, 'mel')).toMatchObject({ key: 'melanie smith', cubes: 3, aliases: ['mel', 'melanie'] })
      await remember(admin, 'I also met Melanie Jones.')
      await edge.tick()
      expect(await entity(admin, 'melanie smith')).toMatchObject({ cubes: 1, aliases: [] })
      expect(await entity(admin, 'melanie')).toMatchObject({ cubes: 2, aliases: ['mel'] })
    })

    it('merges entities and takes it back completely', async () => {
      const { admin } = await tenant()
      await remember(admin, 'We trust Zorblax.', 'They fear Quendor.', 'I serve Quendor in Gondolin.')
      await edge.tick()
      const before = await admin.ok('listEntities', { params })
      const merged = await admin.ok('mergeEntities', { params, body: { from: 'Zorblax', into: 'Quendor' } })
      expect(merged.entity).toMatchObject({ key: 'quendor', cubes: 3, aliases: ['zorblax'] })
      expect(await keysOf(admin)).toEqual(['gondolin', 'quendor'])
      expect(await entity(admin, 'zorblax')).toEqual(merged.entity)
      await admin.ok('mergeEntities', { params, body: { from: 'Quendor', into: 'Gondolin' } })
      expect(await entity(admin, 'zorblax')).toMatchObject({ key: 'gondolin', aliases: ['quendor', 'zorblax'] })
      await admin.ok('splitEntity', { params, body: { alias: 'quendor' } })
      expect(await entity(admin, 'zorblax')).toEqual(merged.entity)
      await admin.ok('splitEntity', { params, body: { alias: 'zorblax' } })
      expect(await admin.ok('listEntities', { params })).toEqual(before)
      expect((await admin.refused('splitEntity', { params, body: { alias: 'zorblax' } })).code).toBe('invalid_request')
      const self = { from: 'Quendor', into: 'quendor' }
      expect((await admin.refused('mergeEntities', { params, body: self })).code).toBe('invalid_request')
      const nobody = { from: 'Quendor', into: 'nobody' }
      expect((await admin.refused('mergeEntities', { params, body: nobody })).code).toBe('not_found')
    })

    it('does not show by name or number what only secret memories mention', async () => {
      const { admin } = await tenant()
      await remember(admin, 'We met Zorblax in Lisbon.')
      const secret = { sensitivity: 'secret' as const }
      await admin.ok('remember', { body: { text: 'It is said that Zorblax hides in Gondolin.', ...secret } })
      await admin.ok('remember', { body: { text: 'They call him Quendor.', ...secret } })
      const plain = await admin.newKey({ scopes: ['memory:read', 'memory:write'] })
      await edge.tick()
      expect(await keysOf(admin)).toEqual(['gondolin', 'lisbon', 'quendor', 'zorblax'])
      expect(await keysOf(plain)).toEqual(['lisbon', 'zorblax'])
      expect((await entity(admin, 'zorblax')).cubes).toBe(2)
      const seen = await plain.ok('getEntity', { params: { ...params, key: 'zorblax' } })
      expect(seen.entity.cubes).toBe(1)
      expect(seen.related.map(({ key }) => key)).toEqual(['lisbon'])
      const hidden = await plain.refused('getEntity', { params: { ...params, key: 'gondolin' } })
      const absent = await plain.refused('getEntity', { params: { ...params, key: 'nowhere' } })
      expect({ ...hidden, requestId: '' }).toEqual({ ...absent, requestId: '' })
      const merge = { from: 'zorblax', into: 'quendor' }
      expect((await plain.refused('mergeEntities', { params, body: merge })).code).toBe('not_found')
      await admin.ok('mergeEntities', { params, body: merge })
      expect(await keysOf(admin)).toEqual(['gondolin', 'lisbon', 'quendor'])
      expect(await keysOf(plain)).toEqual(['lisbon', 'zorblax'])
      expect(await entity(plain, 'zorblax')).toMatchObject({ key: 'zorblax', cubes: 1, aliases: [] })
      const filter = { field: 'entity', op: 'eq' as const, value: 'gondolin' }
      expect((await plain.ok('search', { body: { query: 'Zorblax', filter } })).results).toEqual([])
      const byAlias = { ...filter, value: 'quendor' }
      expect((await plain.ok('search', { body: { query: 'Zorblax', filter: byAlias } })).results).toEqual([])
      expect((await plain.ok('search', { body: { query: 'Quendor', graph: true } })).results).toEqual([])
      const walk = { query: 'Where is Zorblax?', graph: true, explain: true }
      const wayOf = async (caller: Caller) =>
        (await caller.ok('search', { body: walk })).retrieval.plan?.find(({ channel }) => channel === 'graph')?.why
      expect(await wayOf(admin)).toContain('From quendor over')
      expect(await wayOf(plain)).toContain('From zorblax over')
    })

    it('tells of a statement only the end that memories give which the caller may read', async () => {
      const { admin } = await tenant()
      const plain = await admin.newKey({ scopes: ['memory:read'] })
      const { cubes } = await remember(admin, 'We met Zorblax in Lisbon.')
      const hidden = await admin.ok('createCube', {
        body: { content: 'Zorblax hides in Gondolin.', sensitivity: 'secret' },
      })
      await edge.tick()
      const live = { subject: 'Zorblax', predicate: 'lives_in' }
      const said = (cubeId: string, object: string, validFrom: string) =>
        admin.ok('stateFact', { body: { ...live, cubeId, object, validFrom } })
      await said(cubes[0]?.cubeId ?? '', 'Lisbon', '2020-01-01T00:00:00.000Z')
      await said(hidden.cubeId, 'Gondolin', '2024-05-05T00:00:00.000Z')
      const endsFor = async (caller: Caller) =>
        (await caller.ok('getEntity', { params: { ...params, key: 'zorblax' } })).facts
          .filter(({ object }) => object === 'Lisbon')
          .map(({ validTo }) => validTo)
      expect(await endsFor(admin)).toEqual(['2024-05-05T00:00:00.000Z'])
      expect(await endsFor(plain)).toEqual([null])
    })

    it('obeys the layers: a private namespace and another organisation have no entities', async () => {
      const { admin } = await tenant()
      const owner = await admin.newKey({ subject: { kind: 'user', id: 'ana' } })
      const other = await admin.newKey({ subject: { kind: 'user', id: 'ben' } })
      const { admin: stranger } = await tenant()
      const { cubes } = await owner.ok('remember', { body: { text: 'I keep Zorblax in Gondolin.' } })
      await edge.tick()
      const mine = { name: 'user:ana' }
      expect((await owner.ok('listEntities', { params: mine })).items.map(({ key }) => key)).toEqual([
        'gondolin',
        'zorblax',
      ])
      for (const caller of [other, stranger]) {
        expect((await caller.refused('listEntities', { params: mine })).code).toBe('not_found')
        expect((await caller.refused('getEntity', { params: { ...mine, key: 'zorblax' } })).code).toBe('not_found')
        const merge = { params: mine, body: { from: 'zorblax', into: 'gondolin' } }
        expect((await caller.refused('mergeEntities', merge)).code).toBe('not_found')
        const split = { params: mine, body: { alias: 'zorblax' } }
        expect((await caller.refused('splitEntity', split)).code).toBe('not_found')
        const tags = { params: { cubeId: cubes[0]?.cubeId ?? '' } }
        expect((await caller.refused('listPredictedTags', tags)).code).toBe('not_found')
      }
      await admin.ok('createNamespace', { body: { name: 'all', layer: 'global' } })
      await admin.ok('remember', { body: { text: 'We use Zorblax.', namespace: 'all' } })
      await edge.tick()
      const items = (await other.ok('listEntities', { params: { name: 'all' } })).items
      expect(items.map(({ key }) => key)).toEqual(['zorblax'])
    })

    it('finds by the graph what shares no word with the question, and explains it', async () => {
      const { admin } = await tenant()
      await remember(
        admin,
        'The flat in Gondolin belongs to Zorblax.',
        'Last week Zorblax broke an arm.',
        'The oven is broken.',
        'Somebody painted the fence.',
      )
      await edge.tick()
      const body = { query: 'What about the flat in Gondolin?', explain: true }
      const plain = await admin.ok('search', { body })
      expect(plain.results.map(({ cube }) => cube.content)).toEqual(['The flat in Gondolin belongs to Zorblax.'])
      expect(plain.results[0]?.explain?.graph).toBe(0)
      const walked = await admin.ok('search', { body: { ...body, graph: true } })
      expect(walked.results.map(({ cube }) => cube.content)).toEqual([
        'The flat in Gondolin belongs to Zorblax.',
        'Last week Zorblax broke an arm.',
      ])
      expect(walked.results[1]?.explain?.graph).toBeGreaterThan(0)
      const taken = walked.retrieval.plan?.filter(({ used }) => used).map(({ what, channel }) => `${what} ${channel}`)
      expect(taken).toEqual([
        'topic time',
        'topic filter',
        'topic namespace',
        'concept graph',
        'fact words',
        'ranking fusion',
      ])
      expect(walked.retrieval.plan?.find(({ channel }) => channel === 'graph')?.why).toContain('From gondolin over')
      const passedBy = plain.retrieval.plan?.find(({ channel }) => channel === 'graph')
      expect(passedBy).toMatchObject({ used: false, where: 'default (shared)' })
      expect((await admin.ok('search', { body: { query: 'flat' } })).retrieval.plan).toBeUndefined()
      await admin.ok('updateNamespace', { params, body: { settings: { knowledge: { graphSearch: true } } } })
      expect((await admin.ok('search', { body })).results).toHaveLength(2)
      expect((await admin.ok('search', { body: { ...body, graph: false } })).results).toHaveLength(1)
    })

    it('leaves archived memory out of the walk unless it is asked for', async () => {
      const { admin } = await tenant()
      const { cubes } = await remember(
        admin,
        'The flat in Gondolin is empty.',
        'The owner of Gondolin is Zorblax.',
        'Zorblax broke an arm.',
      )
      await edge.tick()
      const bridge = { cubeId: cubes[1]?.cubeId ?? '' }
      const body = { query: 'the flat in Gondolin', graph: true }
      const arm = async (more: object = {}) =>
        (await admin.ok('search', { body: { ...body, ...more } })).results.some(({ cube }) =>
          cube.content?.includes('arm'),
        )
      expect(await arm()).toBe(true)
      await admin.ok('changeLifecycle', { params: bridge, body: { event: 'archive' } })
      expect(await arm()).toBe(false)
      expect(await arm({ includeArchived: true })).toBe(true)
      expect((await entity(admin, 'gondolin')).cubes).toBe(2)
    })

    it.each<[string, string, string, object | undefined, string]>([
      ['GET', '/entities?kind=animal', 'invalid_request', undefined, 'kind'],
      ['GET', '/entities?limit=0', 'invalid_request', undefined, 'limit'],
      ['GET', '/entities?cursor=nonsense', 'invalid_cursor', undefined, 'cursor'],
      ['GET', `/entities/${'x'.repeat(200)}`, 'invalid_request', undefined, 'key'],
      ['POST', '/entities/merge', 'invalid_request', { from: 'a' }, 'into'],
      ['POST', '/entities/merge', 'invalid_request', { from: '', into: 'b' }, 'from'],
      ['POST', '/entities/split', 'invalid_request', { alias: 'a', more: 1 }, 'more'],
    ])('refuses %s %s with %s', async (method, path, code, body, field) => {
      const { admin } = await tenant()
      await remember(admin, 'Nothing.')
      const headers = { 'content-type': 'application/json' }
      const response = await admin.raw(method, `/v1/namespaces/default${path}`, {
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers }),
      })
      const problem = await problemOf(response)
      expect([problem.code, problem.field]).toEqual([code, field])
    })

    it('does not walk through memories that the caller may not read or the filter leaves out', async () => {
      const { admin } = await tenant()
      await remember(admin, 'The flat in Gondolin is empty.', 'Last week Zorblax broke an arm.')
      const bridge = 'The owner of Gondolin is Zorblax.'
      await admin.ok('remember', { body: { text: bridge, sensitivity: 'secret', tags: ['bridge'] } })
      const plain = await admin.newKey({ scopes: ['memory:read'] })
      await edge.tick()
      const body = { query: 'Who lives in the flat in Gondolin?', graph: true }
      const texts = async (caller: Caller, more: object = {}) =>
        (await caller.ok('search', { body: { ...body, ...more } })).results.map(({ cube }) => cube.content).sort()
      const arm = 'Last week Zorblax broke an arm.'
      expect(await texts(admin)).toContain(arm)
      expect(await texts(plain)).toEqual(['The flat in Gondolin is empty.'])
      const filter = { not: { field: 'tags', op: 'contains' as const, value: 'bridge' } }
      expect(await texts(admin, { filter })).not.toContain(arm)
    })
  })
}
