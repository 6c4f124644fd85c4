import { expect, it } from 'vitest'
import type { RouteBodyInput } from '../../schemas/route.ts'
import type { ROUTES } from '../../schemas/routes/all.ts'
import { type Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'

const create = (caller: Caller, content: string, more: object = {}) =>
  caller.ok('createCube', { body: { content, ...more } })

async function all(caller: Caller, query: { namespace?: string; tag?: string; session?: string; limit: number }) {
  const found: string[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await caller.ok('listCubes', { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } })
    expect(page.items.length).toBeLessThanOrEqual(query.limit)
    found.push(...page.items.map(({ cubeId }) => cubeId))
    if (page.nextCursor === null) return found
    cursor = page.nextCursor
  }
}

/**
 * Goal: a cube lives as the paper says (section 4.2): made, read, listed, revised, traced, deleted.
 * Method: the cube routes one after the other; races with requests sent at once.
 */
export function cubes(open: OpenEdge) {
  describeEdge('cubes', open, (tenant, edge) => {
    it('creates a cube and reads back every field', async () => {
      const { admin } = await tenant()
      const body = {
        content: 'Prefers window seats.',
        title: 'Seats',
        semanticType: 'user_preference',
        language: 'en',
        tags: ['travel', 'seat'],
        metadata: { airline: 'TAP', legs: 2, loyal: true },
        session: 's1',
        speaker: 'Ana',
        role: 'user',
        saidAt: '2026-01-02T03:04:05+01:00',
        expiresAt: '2999-01-01T00:00:00Z',
        priority: 'high',
        sensitivity: 'personal',
        origin: { kind: 'inference', ref: 'chat:7' },
      } satisfies RouteBodyInput<typeof ROUTES.createCube>
      const made = await admin.ok('createCube', { body })
      const read = await admin.ok('getCube', { params: { cubeId: made.cubeId } })
      expect(read).toMatchObject({
        revision: 1,
        namespace: 'default',
        content: body.content,
        renditions: [],
        metadata: body.metadata,
        descriptive: {
          memoryType: 'plaintext',
          semanticType: 'user_preference',
          title: 'Seats',
          tags: ['travel', 'seat'],
          session: 's1',
          speaker: 'Ana',
          role: 'user',
          saidAt: '2026-01-02T02:04:05.000Z',
          origin: body.origin,
        },
        governance: {
          layer: 'shared',
          priority: 'high',
          sensitivity: 'personal',
          labels: [],
          expiresAt: '2999-01-01T00:00:00.000Z',
        },
        behavioural: { state: 'generated' },
      })
      expect({ ...read, behavioural: null }).toEqual({ ...made, behavioural: null })
    })

    it('lists every cube exactly once over pages, newest first', async () => {
      const { admin } = await tenant()
      const batch = Array.from({ length: 23 }, (_, n) => ({
        content: `note ${n}`,
        tags: [n % 2 === 0 ? 'even' : 'odd'],
        session: `s${n % 3}`,
      }))
      const { cubes: made } = await admin.ok('createCubes', { body: { cubes: batch } })
      const ids = made.map(({ cubeId }) => cubeId)
      expect(await all(admin, { limit: 5 })).toEqual(ids.toReversed())
      expect(await all(admin, { limit: 4, tag: 'odd' })).toEqual(ids.filter((_, n) => n % 2 === 1).toReversed())
      expect(await all(admin, { limit: 3, session: 's1' })).toEqual(ids.filter((_, n) => n % 3 === 1).toReversed())
      expect(await all(admin, { limit: 200, tag: 'none' })).toEqual([])
    })

    it('keeps pages stable while cubes are added', async () => {
      const { admin } = await tenant()
      for (let n = 0; n < 4; n++) await create(admin, `note ${n}`)
      const first = await admin.ok('listCubes', { query: { limit: 2 } })
      await create(admin, 'came between')
      const second = await admin.ok('listCubes', { query: { limit: 2, cursor: first.nextCursor ?? '' } })
      expect(second.items.map(({ content }) => content)).toEqual(['note 1', 'note 0'])
    })

    it('appends, merges and overwrites, and keeps each revision', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'likes tea', { tags: ['a'], metadata: { x: 1 } })
      const params = { cubeId }
      const appended = await admin.ok('updateCube', {
        params,
        body: { mode: 'append', content: 'likes jazz', tags: ['b'], metadata: { y: 2 } },
      })
      expect(appended).toMatchObject({
        revision: 2,
        content: 'likes tea\nlikes jazz',
        metadata: { x: 1, y: 2 },
        behavioural: { state: 'merged' },
      })
      expect(appended.descriptive.tags).toEqual(['a', 'b'])
      const merged = await admin.ok('updateCube', {
        params,
        body: { mode: 'merge', content: 'likes jazz\nlikes figs' },
      })
      expect(merged.content).toBe('likes tea\nlikes jazz\nlikes figs')
      const replaced = await admin.ok('updateCube', {
        params,
        body: { content: 'likes rain', tags: [], title: 'Weather' },
      })
      expect(replaced).toMatchObject({ revision: 4, content: 'likes rain', metadata: { x: 1, y: 2 } })
      expect(replaced.descriptive).toMatchObject({ tags: [], title: 'Weather' })
      const { items } = await admin.ok('listRevisions', { params })
      expect(items.map(({ number, mode }) => [number, mode])).toEqual([
        [4, 'overwrite'],
        [3, 'merge'],
        [2, 'append'],
        [1, 'create'],
      ])
      const page = await admin.ok('listRevisions', { params, query: { limit: 3 } })
      const rest = await admin.ok('listRevisions', { params, query: { limit: 3, cursor: page.nextCursor ?? '' } })
      expect(rest.items.map(({ number }) => number)).toEqual([1])
    })

    it('finds the new text after an update and no longer the old one', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'The meeting is in Bilbao.')
      await admin.ok('updateCube', { params: { cubeId }, body: { content: 'The meeting is in Oviedo.' } })
      const found = async (query: string) =>
        (await admin.ok('search', { body: { query } })).results.map(({ cube }) => cube.content)
      expect(await found('Oviedo')).toEqual(['The meeting is in Oviedo.'])
      expect(await found('Bilbao')).toEqual([])
    })

    it('refuses an update that expected another revision, and says which one is current', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'one')
      const body = { content: 'two', expectedRevision: 1 }
      await admin.ok('updateCube', { params: { cubeId }, body })
      const problem = await admin.refused('updateCube', { params: { cubeId }, body })
      expect(problem).toMatchObject({ status: 409, code: 'revision_conflict', field: 'expectedRevision' })
      expect(problem.expected).toContain('revision 2')
    })

    it('lets exactly one of two racing writers win', async () => {
      const { admin } = await tenant()
      for (let round = 0; round < 5; round++) {
        const { cubeId } = await create(admin, 'start')
        const body = (n: number) => ({ content: `writer ${n}`, expectedRevision: 1 })
        const responses = await Promise.all(
          [0, 1, 2].map((n) => admin.send('updateCube', { params: { cubeId }, body: body(n) })),
        )
        expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
        for (const response of responses.filter(({ status }) => status === 409))
          expect(await problemOf(response)).toMatchObject({ code: 'revision_conflict' })
        const { revision } = await admin.ok('getCube', { params: { cubeId } })
        expect(revision).toBe(2)
      }
    })

    it('loses no cube when many are created at once', async () => {
      const { admin } = await tenant()
      const bodies = Array.from({ length: 12 }, (_, n) => ({ content: `parallel ${n}`, session: 'same' }))
      const made = await Promise.all(bodies.map((body) => admin.ok('createCube', { body })))
      expect(new Set(await all(admin, { limit: 5 }))).toEqual(new Set(made.map(({ cubeId }) => cubeId)))
    })

    it('tells where a cube came from', async () => {
      const { admin } = await tenant()
      const parent = await create(admin, 'parent')
      const lineage = [{ cid: parent.cid, relation: 'derived' as const, shareMicros: 1000 }]
      const child = await create(admin, 'child', { lineage, origin: { kind: 'retrieval', ref: 'doc:1' } })
      const after = await admin.ok('updateCube', { params: { cubeId: child.cubeId }, body: { title: 'Child' } })
      const provenance = await admin.ok('getProvenance', { params: { cubeId: child.cubeId } })
      expect(provenance).toMatchObject({
        cubeId: child.cubeId,
        provenanceId: child.cubeId,
        origin: { kind: 'retrieval', ref: 'doc:1' },
        lineage,
      })
      expect(provenance.chain.map(({ cid, prev }) => [cid, prev])).toEqual([
        [after.cid, child.cid],
        [child.cid, null],
      ])
    })

    it('deletes a cube from everywhere and leaves a tombstone without content', async () => {
      const { admin } = await tenant()
      const { cubeId, cid } = await create(admin, 'The pangolin sleeps.', {
        title: 'Pangolin',
        tags: ['zoo'],
        session: 's',
        speaker: 'Vera',
      })
      await create(admin, 'The zoo opens at nine.', { tags: ['zoo'] })
      await admin.ok('deleteCube', { params: { cubeId } })
      const params = { cubeId }
      for (const problem of [
        await admin.refused('getCube', { params }),
        await admin.refused('listRevisions', { params }),
        await admin.refused('getProvenance', { params }),
        await admin.refused('updateCube', { params, body: { content: 'back' } }),
        await admin.refused('deleteCube', { params }),
      ])
        expect(problem).toMatchObject({ status: 404, code: 'not_found' })
      expect(await all(admin, { limit: 10 })).not.toContain(cubeId)
      for (const query of ['pangolin', 'pangoline', 'what did Vera say']) {
        const answer = JSON.stringify(await admin.ok('search', { body: { query, explain: true } }))
        expect(answer).not.toContain(cubeId)
        expect(answer.replaceAll(query, '')).not.toContain('pangolin')
      }
      expect(await edge().rows('select cid, reason from tombstones where cube_id = ?', cubeId)).toEqual([
        [cid, 'deleted'],
      ])
      const postings = `select count(*) from postings p join namespaces n on n.id = p.namespace_id where n.org_id in (select org_id from namespaces where id =
        (select namespace_id from tombstones where cube_id = ?)) and (p.term like 'pangol%' or p.term like '%vera%')`
      expect(await edge().rows(postings, cubeId)).toEqual([[0]])
      expect(await edge().rows('select count(*) from revisions where cube_id = ?', cubeId)).toEqual([[0]])
      expect((await admin.ok('getUsage', {})).cubes).toBe(1)
    })

    it('answers 304 to a reader that has the revision, and 412 to a writer that has another one', async () => {
      const { admin } = await tenant()
      const { cubeId, cid } = await create(admin, 'tagged')
      const params = { cubeId }
      const first = await admin.send('getCube', { params })
      const etag = first.headers.get('etag') ?? ''
      expect(etag).toBe(`"${cid}"`)
      for (const seen of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const unchanged = await admin.send('getCube', { params, headers: { 'if-none-match': seen } })
        expect(unchanged.status, seen).toBe(304)
        expect(await unchanged.text()).toBe('')
      }
      await admin.ok('updateCube', { params, body: { content: 'tagged again' }, headers: { 'if-match': etag } })
      expect((await admin.send('getCube', { params, headers: { 'if-none-match': etag } })).status).toBe(200)
      const late = await admin.refused('updateCube', {
        params,
        body: { content: 'late' },
        headers: { 'if-match': etag },
      })
      expect(late).toMatchObject({ status: 412, code: 'precondition_failed', field: 'If-Match' })
      const { headers } = await admin.send('getCube', { params })
      const current = headers.get('etag') ?? ''
      for (const stale of [`${etag}, "other"`, `W/${current}`])
        expect(
          await admin.refused('updateCube', { params, body: { content: 'late' }, headers: { 'if-match': stale } }),
        ).toMatchObject({ status: 412 })
      const listed = { 'if-match': `${etag}, ${current}` }
      expect((await admin.ok('updateCube', { params, body: { content: 'listed' }, headers: listed })).revision).toBe(3)
      const body = { content: 'whatever it is' }
      expect((await admin.ok('updateCube', { params, body, headers: { 'if-match': '*' } })).revision).toBe(4)
    })

    it('lets an expired cube disappear from every answer', async () => {
      const { admin } = await tenant()
      const expiresAt = Date.now() + 1500
      const { cubeId } = await create(admin, 'The voucher is KUMQUAT.', { expiresAt })
      const params = { cubeId }
      await expect
        .poll(async () => (await admin.send('getCube', { params })).status, { timeout: 10_000, interval: 200 })
        .toBe(404)
      expect(await all(admin, { limit: 10 })).toEqual([])
      expect((await admin.ok('search', { body: { query: 'voucher kumquat' } })).results).toEqual([])
      expect((await admin.ok('context', { body: { query: 'voucher kumquat' } })).text).toBe('')
      expect(await admin.refused('updateCube', { params, body: { expiresAt: null } })).toMatchObject({
        code: 'not_found',
      })
    })

    it('keeps long text in the blob store and gives it back whole', async () => {
      const { admin } = await tenant()
      const long = `${'Lighthouse keepers wrote: die Wellen sind hoch ⛵. '.repeat(1500)}Last word: ambergris.`
      const { cubeId, content } = await create(admin, long, { title: 'Log' })
      expect(content).toBe(long)
      expect((await admin.ok('getCube', { params: { cubeId } })).content).toBe(long)
      const { results } = await admin.ok('search', { body: { query: 'ambergris' } })
      expect(results[0]?.cube.cubeId).toBe(cubeId)
      const appended = await admin.ok('updateCube', {
        params: { cubeId },
        body: { mode: 'append', content: 'Postscript.' },
      })
      expect(appended.content).toBe(`${long}\nPostscript.`)
      const shortened = await admin.ok('updateCube', { params: { cubeId }, body: { content: 'Short now.' } })
      expect(shortened.content).toBe('Short now.')
      await admin.ok('deleteCube', { params: { cubeId } })
      expect(await admin.refused('getCube', { params: { cubeId } })).toMatchObject({ code: 'not_found' })
    })

    it('refuses an update that would grow a text beyond its limit, and changes nothing', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'x'.repeat(200_000))
      const problem = await admin.refused('updateCube', {
        params: { cubeId },
        body: { mode: 'append', content: 'y'.repeat(100_000) },
      })
      expect(problem).toMatchObject({ status: 400, code: 'invalid_request', field: 'content' })
      expect((await admin.ok('getCube', { params: { cubeId } })).revision).toBe(1)
    })

    it('creates a batch of a thousand, all or none', async () => {
      const { admin } = await tenant()
      const batch = Array.from({ length: 1000 }, (_, n) => ({
        content: `entry ${n} of the ledger`,
        session: `page ${n % 40}`,
      }))
      const { cubes: made } = await admin.ok('createCubes', { body: { cubes: batch } })
      expect(new Set(made.map(({ cubeId }) => cubeId)).size).toBe(1000)
      const broken = batch.map((cube, n) => (n === 700 ? { ...cube, expiresAt: 1000 } : cube))
      expect(await admin.refused('createCubes', { body: { cubes: broken } })).toMatchObject({
        code: 'invalid_request',
        field: 'cubes.700.expiresAt',
      })
      const elsewhere = batch.map((cube, n) => (n === 1 ? { ...cube, userId: 'bob' } : cube))
      expect(await admin.refused('createCubes', { body: { cubes: elsewhere } })).toMatchObject({
        code: 'invalid_request',
        field: 'cubes',
      })
      expect((await admin.ok('getUsage', {})).cubes).toBe(1000)
    })

    it('holds a quota exactly, also for batches and writers at once', async () => {
      const { admin } = await tenant({ cubesMax: 5 })
      await admin.ok('createCubes', { body: { cubes: [{ content: 'a' }, { content: 'b' }, { content: 'c' }] } })
      const batch = { cubes: [{ content: 'd' }, { content: 'e' }, { content: 'f' }] }
      expect(await admin.refused('createCubes', { body: batch })).toMatchObject({ status: 429, code: 'quota_exceeded' })
      const racing = await Promise.all(
        [1, 2, 3, 4].map((n) => admin.send('createCube', { body: { content: `racing ${n}` } })),
      )
      expect(racing.map(({ status }) => status).toSorted()).toEqual([201, 201, 429, 429])
      const { items } = await admin.ok('listCubes', {})
      expect(await admin.ok('getUsage', {})).toMatchObject({ cubes: 5, cubesMax: 5 })
      await admin.ok('deleteCube', { params: { cubeId: items[0]?.cubeId ?? '' } })
      await create(admin, 'fits again')
    })
  })
}
