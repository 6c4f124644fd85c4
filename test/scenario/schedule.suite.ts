import { expect, it } from 'vitest'
import { SCHEDULE_STRATEGIES } from '../../schemas/namespace-settings.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'

const FIRST_DAY_MS = Date.UTC(2026, 0, 1)

/** Cubes with known text and tags, in the order of their ids. */
async function planted(admin: Caller, settings = {}): Promise<string[]> {
  await admin.ok('createNamespace', { body: { name: 'n', layer: 'shared', settings } })
  const { cubes } = await admin.ok('createCubes', {
    body: {
      cubes: [
        { namespace: 'n', content: 'The aardvark sleeps in the harbour.', tags: ['animal', 'sea'] },
        { namespace: 'n', content: 'The boat is painted blue.', tags: ['sea'] },
        { namespace: 'n', content: 'Trains leave at noon.', tags: ['travel'] },
      ],
    },
  })
  return cubes.map(({ cubeId }) => cubeId)
}

const use = async (caller: Caller, cubeId: string, times = 1) => {
  for (let n = 0; n < times; n++) await caller.ok('getCube', { params: { cubeId } })
}
const n = { params: { name: 'n' } }
const hotIds = (set: { cubes: { cubeId: string }[] }) => set.cubes.map(({ cubeId }) => cubeId)

/**
 * Goal: what is at hand follows how memory is used, by the strategy that was asked for, and every choice can be looked up by those who may.
 * Method: cubes used in a known order, then each strategy, the log of decisions from several keys, and bad input.
 */
export function schedule(open: OpenEdge) {
  describeEdge('scheduler', open, (tenant, edge) => {
    it('counts uses, and the first one activates', async () => {
      const { admin } = await tenant()
      const [boat = ''] = (await planted(admin)).slice(1)
      expect(await admin.ok('getCube', { params: { cubeId: boat } })).toMatchObject({
        behavioural: { state: 'generated' },
      })
      await admin.ok('search', { body: { namespaces: ['n'], query: 'boat blue' } })
      const row = () =>
        edge().rows(
          'select state, access_count, round(heat, 2), length(context_fingerprint) from cubes where cube_id = ?',
          boat,
        )
      await expect.poll(row).toEqual([['activated', 2, 2, 16]])
      expect(
        await edge().rows(
          'select from_state, to_state, event, caller != ? from transitions where cube_id = ?',
          'system',
          boat,
        ),
      ).toEqual([['generated', 'activated', 'recall', 1]])
    })

    it('keeps at hand what each strategy says', async () => {
      const { admin } = await tenant()
      const [aardvark = '', boat = '', train = ''] = await planted(admin)
      await use(admin, aardvark, 3)
      await use(admin, boat)
      const run = (body: object) => admin.ok('runSchedule', { ...n, body })
      await expect.poll(async () => hotIds(await run({ strategy: 'heat' }))).toEqual([aardvark, boat])
      expect(hotIds(await run({ strategy: 'lru' }))).toEqual([boat, aardvark])
      expect(hotIds(await run({ strategy: 'lru', hotMax: 1 }))).toEqual([boat])
      expect(hotIds(await run({ strategy: 'label', labels: ['travel'] }))).toEqual([train])
      expect(hotIds(await run({ strategy: 'label' }))).toEqual([boat, aardvark])
      const semantic = await run({ strategy: 'semantic', query: 'When do trains leave?' })
      expect(hotIds(semantic)[0]).toBe(train)
      expect(semantic.decision).toMatchObject({ strategy: 'semantic', caller: expect.any(String), kind: 'hot_set' })
      expect(['vector', 'lexical']).toContain(semantic.decision?.inputs.similarity)
      expect(await admin.ok('getSchedule', n)).toMatchObject({
        cubes: semantic.cubes.map(({ cubeId, rank }) => ({ cubeId, rank })),
      })
    })

    it('takes the strategy of the namespace where the request names none', async () => {
      const { admin } = await tenant()
      const [aardvark = '', boat = ''] = await planted(admin, { schedule: { strategy: 'lru', hotMax: 1 } })
      await use(admin, aardvark, 3)
      await use(admin, boat)
      await expect.poll(async () => hotIds(await admin.ok('runSchedule', { ...n, body: {} }))).toEqual([boat])
      const { decision } = await admin.ok('getSchedule', n)
      expect(decision).toMatchObject({ strategy: 'lru', inputs: { hotMax: 1 }, choice: { cubes: 1, cubeIds: [boat] } })
      expect(decision?.reason).toContain('latest use')
    })

    it('says in the explanation of a search what is at hand', async () => {
      const { admin } = await tenant()
      const [, boat = ''] = await planted(admin)
      await admin.ok('runSchedule', { ...n, body: { strategy: 'label', labels: ['sea'], hotMax: 5 } })
      const { results } = await admin.ok('search', { body: { namespaces: ['n'], query: 'boat trains', explain: true } })
      const hot = Object.fromEntries(results.map(({ cube, explain }) => [cube.content?.slice(0, 6), explain?.hot]))
      expect(hot).toMatchObject({ 'The bo': 1, Trains: 0 })
      await admin.ok('deleteCube', { params: { cubeId: boat } })
      expect(hotIds(await admin.ok('getSchedule', n))).not.toContain(boat)
      expect(
        await edge().rows(
          'select count(*) from hot_cubes h left join cubes c using (namespace_id, seq) where c.seq is null',
        ),
      ).toEqual([[0]])
    })

    it('lists decisions by namespace, kind, time and page', async () => {
      const { admin } = await tenant()
      await planted(admin)
      await admin.ok('createNamespace', { body: { name: 'other', layer: 'shared' } })
      for (const strategy of SCHEDULE_STRATEGIES) await admin.ok('runSchedule', { ...n, body: { strategy } })
      await admin.ok('runSchedule', { params: { name: 'other' }, body: {} })
      const list = (query: object) => admin.ok('listDecisions', { query })
      const { items } = await list({})
      expect(items.map(({ namespace, strategy }) => `${namespace} ${strategy}`)).toEqual([
        'other heat',
        ...SCHEDULE_STRATEGIES.toReversed().map((strategy) => `n ${strategy}`),
      ])
      expect((await list({ namespace: 'other' })).items).toHaveLength(1)
      expect((await list({ kind: 'promote' })).items).toEqual([])
      expect((await list({ to: new Date(FIRST_DAY_MS - 1).toISOString() })).items).toEqual([])
      const page = await list({ namespace: 'n', limit: 3 })
      const rest = await list({ namespace: 'n', limit: 3, cursor: page.nextCursor })
      expect([...page.items, ...rest.items].map(({ choice }) => choice)).toEqual(
        items.slice(1).map(({ choice }) => choice),
      )
      expect(rest.nextCursor).toBeNull()
      expect(await admin.refused('listDecisions', { query: { cursor: page.nextCursor ?? '' } })).toMatchObject({
        code: 'invalid_cursor',
      })
    })

    it('shows nobody what it may not read', async () => {
      const { admin } = await tenant()
      const stranger = await tenant()
      const [aardvark = ''] = await planted(admin)
      const secret = await admin.ok('createCube', {
        body: { namespace: 'n', content: 'The code is 4711.', tags: ['sea'], sensitivity: 'secret' },
      })
      const set = await admin.ok('runSchedule', { ...n, body: { strategy: 'label', labels: ['sea'] } })
      expect(hotIds(set)).toContain(secret.cubeId)
      const reader = await admin.newKey({ scopes: ['memory:read'] })
      const seen = await reader.ok('getSchedule', n)
      expect(hotIds(seen)).toContain(aardvark)
      expect(JSON.stringify([seen, await reader.ok('listDecisions', { query: {} })])).not.toContain(secret.cubeId)
      expect(await reader.refused('runSchedule', { ...n, body: {} })).toMatchObject({ code: 'forbidden' })
      const bound = await admin.newKey({ subject: { kind: 'user', id: 'ana' } })
      for (const caller of [bound, stranger.admin]) {
        expect(await caller.refused('getSchedule', n)).toMatchObject({ code: 'not_found' })
        expect(await caller.refused('runSchedule', { ...n, body: {} })).toMatchObject({ code: 'not_found' })
        for (const query of [{}, { namespace: 'n' }])
          expect((await caller.ok('listDecisions', { query })).items).toEqual([])
      }
    })

    it('refuses what it does not know', async () => {
      const { admin } = await tenant()
      await planted(admin)
      for (const [field, body] of [
        ['strategy', { strategy: 'random' }],
        ['hotMax', { hotMax: 0 }],
        ['query', { query: '' }],
        ['labels', { labels: [] }],
      ] as const)
        expect(await admin.refused('runSchedule', { ...n, body: body as never })).toMatchObject({
          code: 'invalid_request',
          field,
        })
      expect(await admin.refused('listDecisions', { query: { kind: 'guess' as never } })).toMatchObject({
        field: 'kind',
      })
      expect(await admin.refused('getSchedule', { params: { name: 'nowhere' } })).toMatchObject({ code: 'not_found' })
    })

    it('forgets a namespace with its schedule', async () => {
      const { admin } = await tenant()
      const [aardvark = ''] = await planted(admin)
      await use(admin, aardvark)
      await admin.ok('runSchedule', { ...n, body: {} })
      await admin.ok('deleteNamespace', n)
      for (const table of ['hot_cubes', 'schedules', 'decisions', 'transitions'])
        expect(
          await edge().rows(`select count(*) from ${table} where namespace_id not in (select id from namespaces)`),
          table,
        ).toEqual([[0]])
    })
  })
}
