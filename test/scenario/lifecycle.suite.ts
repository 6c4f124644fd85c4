import { expect, it } from 'vitest'
import { LIFECYCLE_COMMANDS, LIFECYCLE_STATES, type LifecycleState, nextState } from '../../schemas/lifecycle.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'

type Command = (typeof LIFECYCLE_COMMANDS)[number]

const change = (caller: Caller, cubeId: string, event: Command, more: object = {}) =>
  caller.ok('changeLifecycle', { params: { cubeId }, body: { event, ...more } })

const found = async (caller: Caller, query: string, more: object = {}) =>
  (await caller.ok('search', { body: { query, ...more } })).results.map(({ cube }) => cube.cubeId)

const history = async (caller: Caller, cubeId: string) =>
  (await caller.ok('listTransitions', { params: { cubeId }, query: {} })).items.map(
    ({ event, from, to }) => `${event}: ${from} -> ${to}`,
  )

/**
 * Goal: a cube changes its state as the table says, and the index follows (MemOS paper, section 5.4.3).
 * Method: the lifecycle routes from every state; searches, lists and totals before and after; races sent at once.
 */
export function lifecycle(open: OpenEdge) {
  describeEdge('lifecycle', open, (tenant, edge) => {
    const inState = async (caller: Caller, state: LifecycleState): Promise<string> => {
      const { cubeId } = await caller.ok('createCube', { body: { content: `The kettle whistles in ${state}.` } })
      if (state === 'merged')
        await caller.ok('updateCube', { params: { cubeId }, body: { mode: 'append', content: 'Twice.' } })
      if (state === 'activated') {
        await change(caller, cubeId, 'freeze')
        await change(caller, cubeId, 'unfreeze')
      }
      if (state === 'archived') await change(caller, cubeId, 'archive')
      if (state === 'frozen') await change(caller, cubeId, 'freeze')
      return cubeId
    }

    it.each(LIFECYCLE_STATES.filter((state) => state !== 'expired'))(
      'does from %s what the table allows and names it where it refuses',
      async (state) => {
        const { admin } = await tenant()
        for (const event of LIFECYCLE_COMMANDS) {
          const cubeId = await inState(admin, state)
          const next = nextState(state, event)
          if (next !== null) {
            const changed = await change(admin, cubeId, event, { reason: 'to see' })
            expect(changed.behavioural.state).toBe(next)
            expect((await admin.ok('getCube', { params: { cubeId } })).behavioural.state).toBe(next)
            expect((await history(admin, cubeId))[0]).toBe(`${event}: ${state} -> ${next}`)
            continue
          }
          const problem = await admin.refused('changeLifecycle', { params: { cubeId }, body: { event } })
          expect(problem).toMatchObject({ status: 409, code: 'invalid_transition', field: 'event' })
          expect(problem.detail).toContain(state)
          for (const command of LIFECYCLE_COMMANDS)
            expect(problem.expected?.split(' or ').includes(command) ?? false).toBe(nextState(state, command) !== null)
        }
      },
    )

    it('refuses every write to a frozen cube, still finds it, and keeps its history', async () => {
      const { admin } = await tenant()
      const { cubeId } = await admin.ok('createCube', { body: { content: 'The contract was signed in Porto.' } })
      await change(admin, cubeId, 'freeze', { reason: 'legal hold 17' })
      const params = { cubeId }
      expect(await admin.refused('updateCube', { params, body: { content: 'Another text.' } })).toMatchObject({
        code: 'cube_frozen',
      })
      expect(await admin.refused('updateCube', { params, body: { tags: ['x'] } })).toMatchObject({
        code: 'cube_frozen',
      })
      expect(await admin.refused('deleteCube', { params })).toMatchObject({ code: 'cube_frozen' })
      expect(await found(admin, 'contract signed')).toEqual([cubeId])
      const { items } = await admin.ok('listTransitions', { params, query: {} })
      expect(items).toMatchObject([{ event: 'freeze', from: 'generated', to: 'frozen', reason: 'legal hold 17' }])
      await change(admin, cubeId, 'unfreeze')
      expect((await admin.ok('updateCube', { params, body: { content: 'Another text.' } })).revision).toBe(2)
    })

    it('keeps a frozen cube beyond its time, and lets it go when it is unfrozen', async () => {
      const { admin } = await tenant()
      const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
      const { cubeId } = await admin.ok('createCube', { body: { content: 'Kept under seal.', expiresAt } })
      const free = await admin.ok('createCube', { body: { content: 'Not sealed.', expiresAt } })
      await change(admin, cubeId, 'freeze')
      await edge().rows('update cubes set expires_at_ms = 1 where cube_id in (?, ?) returning seq', cubeId, free.cubeId)
      expect((await admin.ok('getCube', { params: { cubeId } })).content).toBe('Kept under seal.')
      expect(await admin.refused('getCube', { params: { cubeId: free.cubeId } })).toMatchObject({ code: 'not_found' })
      expect((await change(admin, cubeId, 'unfreeze')).behavioural.state).toBe('activated')
      expect(await admin.refused('getCube', { params: { cubeId } })).toMatchObject({ code: 'not_found' })
    })

    it('takes an archived cube out of searches, lists and totals, and finds it with includeArchived', async () => {
      const { admin } = await tenant()
      const texts = ['The boat is moored at Cascais.', 'The boat was painted blue.', 'The kitchen is green.']
      const { cubes } = await admin.ok('createCubes', {
        body: { cubes: texts.map((content) => ({ content, session: 'talk' })) },
      })
      const [moored = '', painted = ''] = cubes.map(({ cubeId }) => cubeId)
      const everything = await admin.ok('search', { body: { query: 'boat moored Cascais', includeArchived: true } })
      await change(admin, moored, 'archive', { reason: 'sold' })
      expect(await found(admin, 'boat moored Cascais')).not.toContain(moored)
      expect((await found(admin, 'boat moored Cascais', { includeArchived: true }))[0]).toBe(moored)
      const again = await admin.ok('search', { body: { query: 'boat moored Cascais', includeArchived: true } })
      // The statistics count both, so nothing but the state has changed.
      expect(again.results.map(({ cube, score }) => [cube.cubeId, score])).toEqual(
        everything.results.map(({ cube, score }) => [cube.cubeId, score]),
      )
      expect((await admin.ok('listCubes', { query: {} })).items.map(({ cubeId }) => cubeId)).not.toContain(moored)
      expect((await admin.ok('getNamespace', { params: { name: 'default' } })).cubes).toBe(2)
      expect((await admin.ok('getCube', { params: { cubeId: moored } })).content).toBe(texts[0])
      const params = { cubeId: moored }
      expect(await admin.refused('updateCube', { params, body: { tags: ['x'] } })).toMatchObject({
        status: 409,
        code: 'cube_archived',
      })
      await change(admin, moored, 'restore')
      expect((await found(admin, 'boat moored Cascais'))[0]).toBe(moored)
      expect((await found(admin, 'painted'))[0]).toBe(painted)
      // Where uses are written at once, the first search has activated it before.
      const [restored, archived] = await history(admin, moored)
      expect(restored).toBe('restore: archived -> activated')
      expect(archived).toMatch(/^archive: (?:generated|activated) -> archived$/)
      expect(
        await edge().rows(
          'select count(*) from cold_postings where namespace_id in (select namespace_id from cubes where cube_id = ?)',
          moored,
        ),
      ).toEqual([[0]])
    })

    it('keeps vectors of archived cubes and searches them only where asked', async () => {
      const { admin } = await tenant()
      const embedding = (values: number[]) => ({ model: 'mine', values })
      const near = await admin.ok('createCube', { body: { content: 'first', embedding: embedding([1, 0, 0]) } })
      const far = await admin.ok('createCube', { body: { content: 'second', embedding: embedding([0.6, 0.8, 0]) } })
      const ask = { vector: [1, 0, 0], mode: 'vector' as const }
      await change(admin, near.cubeId, 'archive')
      expect(await found(admin, 'anything', ask)).toEqual([far.cubeId])
      expect((await found(admin, 'anything', { ...ask, includeArchived: true }))[0]).toBe(near.cubeId)
      await change(admin, near.cubeId, 'restore')
      expect((await found(admin, 'anything', ask))[0]).toBe(near.cubeId)
    })

    it('erases an archived cube whole, and brings one in cold from an archive', async () => {
      const { admin } = await tenant()
      const { cubeId } = await admin.ok('createCube', { body: { content: 'An archived thing to be moved.' } })
      await change(admin, cubeId, 'archive')
      const file = await (await admin.raw('GET', '/v1/export?namespace=default')).arrayBuffer()
      await admin.ok('deleteCube', { params: { cubeId } })
      expect(await found(admin, 'archived thing', { includeArchived: true })).toEqual([])
      expect(await edge().rows('select (select count(*) from transitions where cube_id = ?)', cubeId)).toEqual([[0]])
      const headers = { 'content-type': 'application/octet-stream' }
      await admin.ok('createNamespace', { body: { name: 'second', layer: 'shared' } })
      const imported = await admin.raw('POST', '/v1/import?namespace=second', { body: file, headers })
      expect(imported.status, await imported.clone().text()).toBe(200)
      const asked = { namespaces: ['second'] }
      expect(await found(admin, 'archived thing', asked)).toEqual([])
      expect(await found(admin, 'archived thing', { ...asked, includeArchived: true })).toEqual([cubeId])
      expect((await admin.ok('getNamespace', { params: { name: 'second' } })).cubes).toBe(0)
      await change(admin, cubeId, 'restore')
      expect(await found(admin, 'archived thing', asked)).toEqual([cubeId])
    })

    it('lets exactly one of racing changes through', async () => {
      const { admin } = await tenant()
      const { cubeId } = await admin.ok('createCube', { body: { content: 'Wanted by many.' } })
      const race = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          admin.send('changeLifecycle', { params: { cubeId }, body: { event: n % 2 ? 'archive' : 'freeze' } }),
        ),
      )
      const codes = await Promise.all(
        race.map(async (one) => (one.ok ? 'ok' : ((await one.json()) as { code: string }).code)),
      )
      expect(codes.toSorted()).toEqual([...Array(5).fill('invalid_transition'), 'ok'].toSorted())
      expect(await history(admin, cubeId)).toHaveLength(1)
    })

    it('expects a state where asked to, answers alike under one key, and hides what is out of reach', async () => {
      const { admin } = await tenant()
      const other = await tenant()
      const { cubeId } = await admin.ok('createCube', { body: { content: 'Mine alone.' } })
      const params = { cubeId }
      expect(
        await admin.refused('changeLifecycle', { params, body: { event: 'freeze', expectedState: 'activated' } }),
      ).toMatchObject({ code: 'invalid_transition', field: 'expectedState', expected: 'generated' })
      const headers = { 'idempotency-key': 'freeze-once' }
      const body = { event: 'freeze' as const, expectedState: 'generated' as const }
      const first = await admin.ok('changeLifecycle', { params, body, headers })
      expect(await admin.ok('changeLifecycle', { params, body, headers })).toEqual(first)
      expect(await history(admin, cubeId)).toHaveLength(1)
      for (const absent of [cubeId, '01ARZ3NDEKTSV4RRFFQ69G5FAV']) {
        const there = { cubeId: absent }
        expect(
          await other.admin.refused('changeLifecycle', { params: there, body: { event: 'archive' } }),
        ).toMatchObject({
          code: 'not_found',
        })
        expect(await other.admin.refused('listTransitions', { params: there })).toMatchObject({ code: 'not_found' })
      }
      const reader = await admin.newKey({ scopes: ['memory:read'] })
      expect(await reader.refused('changeLifecycle', { params, body: { event: 'unfreeze' } })).toMatchObject({
        code: 'forbidden',
      })
      expect(await admin.refused('changeLifecycle', { params, body: { event: 'melt' as never } })).toMatchObject({
        code: 'invalid_request',
        field: 'event',
      })
    })

    it('pages through the history', async () => {
      const { admin } = await tenant()
      const cubeId = await inState(admin, 'activated')
      await change(admin, cubeId, 'archive')
      const seen: string[] = []
      for (let cursor: string | undefined; ; ) {
        const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) }
        const page = await admin.ok('listTransitions', { params: { cubeId }, query })
        seen.push(...page.items.map(({ event }) => event))
        if (page.nextCursor === null) break
        cursor = page.nextCursor
      }
      expect(seen).toEqual(['archive', 'unfreeze', 'freeze'])
    })
  })
}
