import { expect, it } from 'vitest'
import { ulid } from '../../schemas/ulid.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'
import { contentsOf, create, LONG, listed, moment, name, snapshot, update } from './time-machine-steps.ts'

/**
 * Goal: memory can be read, compared and brought back as it stood, and tried out beside itself, without history being rewritten.
 * Method: the routes one after the other; races with requests sent at once; rows of the canonical tables compared before and after.
 */
export function timeMachine(open: OpenEdge) {
  describeEdge('time machine: cubes', open, (tenant, edge) => {
    it('brings an earlier revision back as a new one with its text, title, tags and type', async () => {
      const { admin } = await tenant()
      const first = await create(admin, 'The ferry leaves at nine.', { title: 'Ferry', tags: ['travel'] })
      const params = { cubeId: first.cubeId }
      await update(admin, first.cubeId, LONG, { title: 'Log', tags: ['sea'], semanticType: 'event' })
      await update(admin, first.cubeId, 'Short again.')
      const back = await admin.ok('restoreCube', { params, body: { revision: 1, expectedRevision: 3 } })
      expect(back).toMatchObject({ revision: 4, content: 'The ferry leaves at nine.' })
      expect(back.descriptive).toMatchObject({ title: 'Ferry', tags: ['travel'], semanticType: 'fact' })
      const { items } = await admin.ok('listRevisions', { params })
      expect(items.map(({ number, mode }) => [number, mode])).toEqual([
        [4, 'restore'],
        [3, 'overwrite'],
        [2, 'overwrite'],
        [1, 'create'],
      ])
      expect(items[0]?.revision.prev).toBe(items[1]?.cid)
      expect(await contentsOf(admin, 'ferry nine')).toEqual(['The ferry leaves at nine.'])
      const long = await admin.ok('restoreCube', { params, body: { revision: 2 } })
      expect(long).toMatchObject({ revision: 5, content: LONG })
      expect((await contentsOf(admin, 'lighthouse lamp'))[0]).toBe(LONG)
      expect(await contentsOf(admin, 'ferry')).toEqual([])
    })

    it('leaves the current revision alone, and says what cannot be brought back', async () => {
      const { admin } = await tenant()
      const { cubeId, cid } = await create(admin, 'one')
      const params = { cubeId }
      expect(await admin.ok('restoreCube', { params, body: { revision: 1 } })).toMatchObject({ revision: 1, cid })
      await update(admin, cubeId, 'two')
      expect(await admin.refused('restoreCube', { params, body: { revision: 7 } })).toMatchObject({
        status: 404,
        field: 'revision',
      })
      expect(await admin.refused('restoreCube', { params, body: { revision: 1, expectedRevision: 1 } })).toMatchObject({
        status: 409,
        code: 'revision_conflict',
      })
      await edge().rows('delete from revisions where cube_id = ? and number = 1', cubeId)
      expect(await admin.refused('restoreCube', { params, body: { revision: 1 } })).toMatchObject({
        status: 410,
        code: 'revision_purged',
      })
      await edge().rows("update cubes set state = 'frozen' where cube_id = ?", cubeId)
      expect(await admin.refused('restoreCube', { params, body: { revision: 2 } })).toMatchObject({
        code: 'cube_frozen',
      })
    })

    it('lets exactly one of racing restores win', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'one')
      await update(admin, cubeId, 'two')
      const body = { revision: 1, expectedRevision: 2 }
      const sent = await Promise.all([1, 2, 3].map(() => admin.send('restoreCube', { params: { cubeId }, body })))
      expect(sent.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
      await Promise.all(sent.map((response) => response.text()))
      expect((await admin.ok('getCube', { params: { cubeId } })).revision).toBe(3)
    })

    it('reads, lists, finds and packs a namespace as it stood', async () => {
      const { admin } = await tenant()
      const kept = await create(admin, 'The harbour has a blue boat.')
      const changed = await create(admin, 'The market sells quinces.', { tags: ['old'], title: 'Quinces' })
      const at = await moment()
      await update(admin, changed.cubeId, 'The market sells dates.', { tags: ['new'], title: null })
      await create(admin, 'A later boat is green, and quinces are gone.')
      expect(await contentsOf(admin, 'quinces', at)).toEqual(['The market sells quinces.'])
      expect(await contentsOf(admin, 'dates', at)).toEqual([])
      expect(await contentsOf(admin, 'boat', at)).toEqual(['The harbour has a blue boat.'])
      expect(await listed(admin, { asOf: at })).toEqual(['The market sells quinces.', 'The harbour has a blue boat.'])
      expect(await listed(admin, { asOf: at, tag: 'old' })).toEqual(['The market sells quinces.'])
      expect(await listed(admin, { asOf: at, tag: 'new' })).toEqual([])
      const params = { cubeId: changed.cubeId }
      const then = await admin.ok('getCube', { params, query: { asOf: at } })
      expect(then).toMatchObject({ revision: 1, cid: changed.cid, content: 'The market sells quinces.' })
      expect(then.descriptive).toMatchObject({ title: 'Quinces', tags: ['old'] })
      const packed = await admin.ok('context', { body: { query: 'quinces market', asOf: at } })
      expect(packed.text).toContain('quinces')
      expect(packed.text).not.toContain('dates')
      const filtered = { query: 'market', asOf: at, filter: { field: 'tags', op: 'contains', value: 'old' } } as const
      expect((await admin.ok('search', { body: filtered })).results).toHaveLength(1)
      expect((await admin.ok('getCube', { params: { cubeId: kept.cubeId }, query: { asOf: at } })).revision).toBe(1)
    })

    it('scores as it would have scored then: what came later changes nothing', async () => {
      const { admin } = await tenant()
      for (const text of ['a red kite over the dune', 'the dune is high', 'kites are red', 'nothing of the kind'])
        await create(admin, text)
      const body = { query: 'red kite dune', mode: 'lexical' as const }
      const before = (await admin.ok('search', { body })).results
      const at = await moment()
      for (let n = 0; n < 6; n++) await create(admin, `red red kite number ${n} by a dune`, { speaker: 'Kite' })
      const after = (await admin.ok('search', { body: { ...body, asOf: at } })).results
      expect(after.map(({ cube }) => cube.cubeId)).toEqual(before.map(({ cube }) => cube.cubeId))
      for (const [i, { score }] of after.entries()) expect(score).toBeCloseTo(before[i]?.score ?? 0, 9)
    })

    it('shows what was archived later as it was, and what was archived then only when asked', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'The barometer fell.')
      const live = await moment()
      await admin.ok('changeLifecycle', { params: { cubeId }, body: { event: 'archive' } })
      const away = await moment()
      await admin.ok('changeLifecycle', { params: { cubeId }, body: { event: 'restore' } })
      expect(await contentsOf(admin, 'barometer', live)).toEqual(['The barometer fell.'])
      expect(await contentsOf(admin, 'barometer', away)).toEqual([])
      expect(await listed(admin, { asOf: away })).toEqual([])
      expect(await listed(admin, { asOf: away, includeArchived: 'true' })).toEqual(['The barometer fell.'])
      const archived = await admin.ok('search', { body: { query: 'barometer', asOf: away, includeArchived: true } })
      expect(archived.results[0]?.cube.behavioural.state).toBe('archived')
      expect((await admin.ok('getCube', { params: { cubeId }, query: { asOf: live } })).behavioural.state).toBe(
        'generated',
      )
    })

    it('never shows what was erased since, and says that something was', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'The password is a marmot.')
      await create(admin, 'The marmot sleeps.')
      const at = await moment()
      await admin.ok('deleteCube', { params: { cubeId } })
      const answer = await admin.ok('search', { body: { query: 'marmot', asOf: at } })
      expect(answer.results.map(({ cube }) => cube.content)).toEqual(['The marmot sleeps.'])
      expect(answer.retrieval.notes.join()).toContain('erased since')
      expect(await admin.refused('getCube', { params: { cubeId }, query: { asOf: at } })).toMatchObject({ status: 404 })
    })

    it('refuses points that are not there', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'now')
      for (const [asOf, status] of [
        ['2999-01-01T00:00:00Z', 400],
        ['yesterday', 400],
        ['snapshot:none', 404],
        ['branch:none', 404],
        ['snapshot:', 400],
      ] as const) {
        const answers = [
          await admin.refused('search', { body: { query: 'now', asOf } }),
          await admin.refused('context', { body: { query: 'now', asOf } }),
          await admin.refused('getCube', { params: { cubeId }, query: { asOf } }),
          await admin.refused('listCubes', { query: { asOf } }),
        ]
        for (const answer of answers) expect(answer, asOf).toMatchObject({ status, field: 'asOf' })
      }
    })
  })

  describeEdge('time machine: snapshots', open, (tenant) => {
    it('pins a namespace under a name, proves it by a digest, and forgets it', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'one')
      await create(admin, 'two')
      const made = await snapshot(admin, 'first')
      expect(made).toMatchObject({ name: 'first', cubes: 2 })
      expect(await admin.refused('createSnapshot', { params: name, body: { name: 'first' } })).toMatchObject({
        code: 'already_exists',
        field: 'name',
      })
      await update(admin, cubeId, 'one, changed')
      const params = { ...name, snapshot: 'first' }
      expect((await admin.ok('getSnapshot', { params })).digest).toBe(made.digest)
      expect((await snapshot(admin, 'second')).digest).not.toBe(made.digest)
      expect((await admin.ok('listSnapshots', { params: name })).items.map((one) => one.name)).toEqual([
        'first',
        'second',
      ])
      const page = await admin.ok('listSnapshots', { params: name, query: { limit: 1 } })
      const rest = await admin.ok('listSnapshots', { params: name, query: { limit: 1, cursor: page.nextCursor ?? '' } })
      expect(rest.items.map((one) => one.name)).toEqual(['second'])
      expect(await listed(admin, { asOf: 'snapshot:first' })).toEqual(['two', 'one'])
      expect(await contentsOf(admin, 'one changed', 'snapshot:first')).toEqual(['one'])
      await admin.ok('deleteCube', { params: { cubeId } })
      expect((await admin.ok('getSnapshot', { params })).digest).not.toBe(made.digest)
      await admin.ok('deleteSnapshot', { params })
      expect(await admin.refused('getSnapshot', { params })).toMatchObject({ status: 404 })
      expect(await admin.refused('deleteSnapshot', { params })).toMatchObject({ status: 404 })
    })

    it('lists what differs between snapshots, times and now', async () => {
      const { admin } = await tenant()
      const [a, b, c] = [await create(admin, 'a'), await create(admin, 'b'), await create(admin, 'c')]
      await snapshot(admin, 'then')
      const at = await moment()
      await update(admin, a.cubeId, 'a changed')
      await admin.ok('changeLifecycle', { params: { cubeId: b.cubeId }, body: { event: 'archive' } })
      const d = await create(admin, 'd')
      for (const from of ['snapshot:then', at]) {
        const { items } = await admin.ok('diffNamespace', { params: name, query: { from, to: 'now' } })
        expect(
          items.map(({ cubeId, change }) => [cubeId, change]),
          from,
        ).toEqual([
          [a.cubeId, 'revised'],
          [b.cubeId, 'state'],
          [d.cubeId, 'added'],
        ])
        expect(items[0]).toMatchObject({ from: { revision: 1, cid: a.cid }, to: { revision: 2 } })
        expect(items[1]).toMatchObject({ from: { state: 'generated' }, to: { state: 'archived' } })
        expect(items[2]).toMatchObject({ from: null, to: { cid: d.cid } })
      }
      const back = await admin.ok('diffNamespace', { params: name, query: { from: 'now', to: at } })
      expect(back.items.map(({ change }) => change)).toEqual(['revised', 'state', 'removed'])
      const page = await admin.ok('diffNamespace', { params: name, query: { from: at, limit: 2 } })
      const rest = await admin.ok('diffNamespace', {
        params: name,
        query: { from: at, limit: 2, cursor: page.nextCursor ?? '' },
      })
      expect([...page.items, ...rest.items].map(({ cubeId }) => cubeId)).toEqual([a.cubeId, b.cubeId, d.cubeId])
      expect((await admin.ok('diffNamespace', { params: name, query: { from: 'now' } })).items).toEqual([])
      expect(await admin.refused('diffNamespace', { params: name, query: { from: 'snapshot:none' } })).toMatchObject({
        status: 404,
        field: 'from',
      })
      expect(c.revision).toBe(1)
    })

    it('brings a namespace back whole, erases nothing, and can be undone', async () => {
      const { admin } = await tenant()
      const a = await create(admin, 'The tide table of March.')
      const b = await create(admin, 'The chart of the bay.')
      await snapshot(admin, 'then')
      await update(admin, a.cubeId, 'The tide table of April.')
      await admin.ok('changeLifecycle', { params: { cubeId: b.cubeId }, body: { event: 'archive' } })
      const c = await create(admin, 'A new pilot book.')
      await snapshot(admin, 'later')
      const params = { ...name, snapshot: 'then' }
      expect(await admin.ok('restoreSnapshot', { params })).toEqual({
        revised: [a.cubeId],
        archived: [c.cubeId],
        broughtBack: [b.cubeId],
        erased: 0,
      })
      expect(await listed(admin)).toEqual(['The chart of the bay.', 'The tide table of March.'])
      expect(await contentsOf(admin, 'april pilot')).toEqual([])
      expect(await admin.ok('restoreSnapshot', { params })).toMatchObject({
        revised: [],
        archived: [],
        broughtBack: [],
      })
      await admin.ok('restoreSnapshot', { params: { ...name, snapshot: 'later' } })
      expect(await listed(admin)).toEqual(['A new pilot book.', 'The tide table of April.'])
      const { items } = await admin.ok('listRevisions', { params: { cubeId: a.cubeId } })
      expect(items.map(({ mode }) => mode)).toEqual(['restore', 'restore', 'overwrite', 'create'])
    })

    it('refuses a restore that would change too much, or a frozen cube, and writes nothing', async () => {
      const { admin } = await tenant()
      const frozen = await create(admin, 'frozen one')
      await snapshot(admin, 'then')
      const params = { ...name, snapshot: 'then' }
      await update(admin, frozen.cubeId, 'frozen two')
      await admin.ok('changeLifecycle', { params: { cubeId: frozen.cubeId }, body: { event: 'freeze' } })
      expect(await admin.refused('restoreSnapshot', { params })).toMatchObject({ code: 'cube_frozen' })
      await admin.ok('changeLifecycle', { params: { cubeId: frozen.cubeId }, body: { event: 'unfreeze' } })
      const many = Array.from({ length: 61 }, (_, n) => ({ content: `note ${n}` }))
      await admin.ok('createCubes', { body: { cubes: many } })
      expect(await admin.refused('restoreSnapshot', { params })).toMatchObject({
        status: 422,
        code: 'too_much_changed',
      })
      expect((await admin.ok('getCube', { params: { cubeId: frozen.cubeId } })).content).toBe('frozen two')
    })

    it('changes sixty cubes in one step', async () => {
      const { admin } = await tenant()
      const many = Array.from({ length: 60 }, (_, n) => ({ content: `note ${n}`, session: `s${n % 7}` }))
      const { cubes } = await admin.ok('createCubes', { body: { cubes: many } })
      await snapshot(admin, 'then')
      await Promise.all(cubes.map(({ cubeId }) => update(admin, cubeId, `changed ${cubeId}`)))
      const { revised } = await admin.ok('restoreSnapshot', { params: { ...name, snapshot: 'then' } })
      expect(new Set(revised)).toEqual(new Set(cubes.map(({ cubeId }) => cubeId)))
      expect(await listed(admin, { limit: 200 })).toEqual(many.map(({ content }) => content).toReversed())
    })
  })

  describeEdge('time machine: whose it is', open, (tenant) => {
    it('answers for what is out of reach as for what does not exist', async () => {
      const [{ admin }, { admin: stranger }] = [await tenant(), await tenant()]
      const { cubeId } = await create(admin, 'mine')
      await admin.ok('createNamespace', {
        body: { name: 'private', layer: 'private', owner: { kind: 'user', id: 'ana' } },
      })
      await admin.ok('createSnapshot', { params: { name: 'private' }, body: { name: 'pin' } })
      await admin.ok('createBranch', { params: { name: 'private' }, body: { name: 'idea' } })
      const bob = await admin.newKey({ subject: { kind: 'user', id: 'bob' } })
      for (const caller of [stranger, bob]) {
        const params = { name: 'private', snapshot: 'pin', branch: 'idea', cubeId }
        const answers = [
          await caller.refused('restoreCube', { params, body: { revision: 1 } }),
          await caller.refused('createSnapshot', { params, body: { name: 'new' } }),
          await caller.refused('listSnapshots', { params }),
          await caller.refused('getSnapshot', { params }),
          await caller.refused('deleteSnapshot', { params }),
          await caller.refused('restoreSnapshot', { params }),
          await caller.refused('diffNamespace', { params, query: { from: 'snapshot:pin' } }),
          await caller.refused('createBranch', { params, body: { name: 'new' } }),
          await caller.refused('listBranches', { params }),
          await caller.refused('getBranch', { params }),
          await caller.refused('discardBranch', { params }),
          await caller.refused('createBranchCube', { params, body: { content: 'x' } }),
          await caller.refused('updateBranchCube', { params, body: { content: 'x' } }),
          await caller.refused('deleteBranchCube', { params }),
          await caller.refused('mergeBranch', { params, body: {} }),
          await caller.refused('getCube', { params, query: { asOf: new Date().toISOString() } }),
        ]
        for (const answer of answers) expect(answer).toMatchObject({ status: 404, code: 'not_found' })
      }
      const foreign = ulid(Date.now(), (length) => new Uint8Array(length))
      await admin.ok('createBranch', { params: name, body: { name: 'idea' } })
      expect(await admin.refused('createBranch', { params: name, body: { name: 'b', cubeId: foreign } })).toMatchObject(
        { status: 404 },
      )
    })

    it('keeps secret cubes, and what a branch makes secret, from keys without memory:secret', async () => {
      const { admin } = await tenant()
      const plain = await admin.newKey({ scopes: ['memory:read', 'memory:write'] })
      const secret = await create(admin, 'The vault opens with a magpie.', { sensitivity: 'secret' })
      const open = await create(admin, 'The vault is below.')
      await snapshot(admin, 'then')
      const at = await moment()
      await update(admin, secret.cubeId, 'The vault opens with a jay.')
      const branch = { ...name, branch: 'idea' }
      await admin.ok('createBranch', { params: name, body: { name: 'idea' } })
      await admin.ok('updateBranchCube', {
        params: { ...branch, cubeId: secret.cubeId },
        body: { content: 'magpie again' },
      })
      await admin.ok('updateBranchCube', {
        params: { ...branch, cubeId: open.cubeId },
        body: { content: 'The magpie is below.', sensitivity: 'secret' },
      })
      const hidden = await admin.ok('createBranchCube', {
        params: branch,
        body: { content: 'a magpie', sensitivity: 'secret' },
      })
      for (const asOf of [at, 'snapshot:then', 'branch:idea']) {
        const answer = JSON.stringify(
          await plain.ok('search', { body: { query: 'vault magpie', asOf, explain: true } }),
        )
        expect(answer.replaceAll('vault magpie', ''), asOf).not.toContain('magpie')
        expect(JSON.stringify(await plain.ok('listCubes', { query: { asOf } })), asOf).not.toContain('magpie')
        expect(await plain.refused('getCube', { params: { cubeId: secret.cubeId }, query: { asOf } })).toMatchObject({
          status: 404,
        })
      }
      for (const cubeId of [hidden.cubeId, open.cubeId])
        expect(await plain.refused('getCube', { params: { cubeId }, query: { asOf: 'branch:idea' } })).toMatchObject({
          status: 404,
        })
      const { items } = await plain.ok('diffNamespace', { params: name, query: { from: 'snapshot:then' } })
      expect(items).toEqual([])
      expect((await plain.ok('getBranch', { params: branch })).changes).toEqual([])
      expect(await plain.refused('mergeBranch', { params: branch, body: {} })).toMatchObject({ status: 403 })
      expect(
        await plain.refused('createBranchCube', { params: branch, body: { content: 'x', sensitivity: 'secret' } }),
      ).toMatchObject({ status: 403, field: 'sensitivity' })
      const digest = async (caller: Caller) =>
        (await caller.ok('getSnapshot', { params: { ...name, snapshot: 'then' } })).digest
      expect(await digest(plain)).not.toBe(await digest(admin))
    })

    it('keeps what a branch makes personal from those whom the permission on its namespace clears for less', async () => {
      const { admin } = await tenant()
      await admin.ok('createUser', { body: { id: 'bob' } })
      await admin.ok('createNamespace', { body: { name: 'team', layer: 'shared' } })
      const subject = { kind: 'user' as const, id: 'bob' }
      await admin.ok('createPermission', { body: { subject, namespace: 'team', access: 'read', clearance: 'none' } })
      const bob = await admin.newKey({ scopes: ['memory:read'], subject })
      const team = { name: 'team' }
      const open = await create(admin, 'The vault is below.', { namespace: 'team' })
      await admin.ok('createBranch', { params: team, body: { name: 'idea' } })
      const branch = { ...team, branch: 'idea' }
      await admin.ok('updateBranchCube', {
        params: { ...branch, cubeId: open.cubeId },
        body: { content: 'The magpie is below.', sensitivity: 'personal' },
      })
      const made = await admin.ok('createBranchCube', {
        params: branch,
        body: { content: 'a magpie in the vault', sensitivity: 'personal' },
      })
      const asOf = 'branch:idea'
      const where = { namespaces: ['team'] }
      const answers = [
        await bob.ok('search', { body: { query: 'vault magpie', ...where, asOf } }),
        await bob.ok('context', { body: { query: 'vault magpie', ...where, asOf } }),
        await bob.ok('listCubes', { query: { namespace: 'team', asOf } }),
        await bob.ok('getBranch', { params: branch }),
      ]
      for (const answer of answers) {
        expect(JSON.stringify(answer).replaceAll('vault magpie', '')).not.toContain('magpie')
        expect(JSON.stringify(answer)).not.toContain(made.cubeId)
      }
      for (const { cubeId } of [made, open])
        expect(await bob.refused('getCube', { params: { cubeId }, query: { asOf } })).toMatchObject({ status: 404 })
      const owner = await admin.ok('search', { body: { query: 'vault magpie', ...where, asOf } })
      expect(JSON.stringify(owner)).toContain('a magpie in the vault')
    })
  })
}
