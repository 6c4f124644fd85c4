import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'
import { contentsOf, create, LONG, listed, name, snapshot, update } from './time-machine-steps.ts'

/**
 * Goal: a branch is a line of its own: it leaves the canonical memory byte for byte alone, and merges back whole, with every conflict named.
 * Method: the branch routes one after the other; races with requests sent at once; rows of the canonical tables compared before and after.
 */
export function branches(open: OpenEdge) {
  describeEdge('time machine: branches', open, (tenant, edge) => {
    /** Everything canonical that a branch must leave alone. */
    const canonical = async (orgId: string) =>
      JSON.stringify([
        await edge().rows(
          `select c.cube_id, c.revision, c.cid, c.state, c.title, c.tags, c.metadata, c.updated_at_ms, c.term_count from cubes c
           join namespaces n on n.id = c.namespace_id where n.org_id = ? order by c.seq`,
          orgId,
        ),
        await edge().rows(
          `select r.cube_id, r.number, r.cid, hex(r.bytes), r.mode, r.author from revisions r join cubes c on c.cube_id = r.cube_id
           join namespaces n on n.id = c.namespace_id where n.org_id = ? order by r.cube_id, r.number`,
          orgId,
        ),
        await edge().rows(
          `select p.term, p.seq, p.frequency from postings p join namespaces n on n.id = p.namespace_id where n.org_id = ? order by 1, 2`,
          orgId,
        ),
        await edge().rows(
          `select operation, cube_ids, outcome from audit_log where org_id = ? and cube_count > 0 order by id`,
          orgId,
        ),
      ])
    const branch = { ...name, branch: 'idea' }
    const openBranch = (caller: Caller, body: object = {}) =>
      caller.ok('createBranch', { params: name, body: { name: 'idea', ...body } })
    const onBranch = (caller: Caller, cubeId: string, body: object) =>
      caller.ok('updateBranchCube', { params: { ...branch, cubeId }, body: body as never })

    it('takes writes of its own and leaves the canonical memory byte for byte as it was', async () => {
      const { admin, id } = await tenant()
      const a = await create(admin, 'The plan is to sail west.')
      const b = await create(admin, 'The crew is five.')
      const before = await canonical(id)
      expect(await openBranch(admin)).toMatchObject({ name: 'idea', state: 'open', cubeId: null })
      expect(await admin.refused('createBranch', { params: name, body: { name: 'idea' } })).toMatchObject({
        code: 'already_exists',
      })
      const changed = await onBranch(admin, a.cubeId, { content: 'The plan is to sail east.', tags: ['idea'] })
      expect(changed).toMatchObject({ revision: 2, content: 'The plan is to sail east.' })
      const long = await onBranch(admin, a.cubeId, { mode: 'append', content: LONG, expectedRevision: 2 })
      expect(long.revision).toBe(3)
      await onBranch(admin, a.cubeId, { content: 'The plan is to sail east.', metadata: { wind: 'north' } })
      const made = await admin.ok('createBranchCube', {
        params: branch,
        body: { content: 'Take a parrot.', title: 'Crew' },
      })
      await admin.ok('deleteBranchCube', { params: { ...branch, cubeId: b.cubeId } })
      expect(await canonical(id)).toBe(before)
      const asOf = 'branch:idea'
      expect(await listed(admin, { asOf })).toEqual(['Take a parrot.', 'The plan is to sail east.'])
      expect(await contentsOf(admin, 'sail east', asOf)).toEqual(['The plan is to sail east.'])
      expect(await contentsOf(admin, 'parrot', asOf)).toEqual(['Take a parrot.'])
      expect(await contentsOf(admin, 'crew five', asOf)).not.toContain('The crew is five.')
      expect(await contentsOf(admin, 'parrot')).toEqual([])
      const get = (cubeId: string) => ({ params: { cubeId }, query: { asOf } })
      expect((await admin.ok('getCube', get(made.cubeId))).content).toBe('Take a parrot.')
      expect((await admin.ok('getCube', get(a.cubeId))).metadata).toEqual({ wind: 'north' })
      expect(await admin.refused('getCube', get(b.cubeId))).toMatchObject({ status: 404 })
      expect(await admin.refused('getCube', { params: { cubeId: made.cubeId } })).toMatchObject({ status: 404 })
      const { changes } = await admin.ok('getBranch', { params: branch })
      expect(new Map(changes.map(({ cubeId, change }) => [cubeId, change]))).toEqual(
        new Map([
          [a.cubeId, 'revised'],
          [b.cubeId, 'removed'],
          [made.cubeId, 'added'],
        ]),
      )
      await admin.ok('discardBranch', { params: branch })
      expect(await canonical(id)).toBe(before)
      expect(await admin.refused('getBranch', { params: branch })).toMatchObject({ status: 404 })
      expect((await admin.ok('listBranches', { params: name })).items).toEqual([])
      for (const table of ['branch_cubes', 'branches', 'snapshots', 'snapshot_cubes'])
        expect(
          await edge().rows(
            `select count(*) from ${table} t join namespaces n on n.id = t.namespace_id where n.org_id = ?`,
            id,
          ),
          table,
        ).toEqual([[0]])
    })

    it('keeps its base while the namespace moves on, and one branch of a cube sees the rest live', async () => {
      const { admin } = await tenant()
      const a = await create(admin, 'The well is deep.')
      await openBranch(admin)
      await admin.ok('createBranch', { params: name, body: { name: 'one', cubeId: a.cubeId } })
      await update(admin, a.cubeId, 'The well is dry.')
      const b = await create(admin, 'A second well.')
      expect(await listed(admin, { asOf: 'branch:idea' })).toEqual(['The well is deep.'])
      expect(await listed(admin, { asOf: 'branch:one' })).toEqual(['A second well.', 'The well is deep.'])
      const one = { ...name, branch: 'one' }
      expect(await admin.refused('createBranchCube', { params: one, body: { content: 'no' } })).toMatchObject({
        status: 400,
      })
      expect(
        await admin.refused('updateBranchCube', { params: { ...one, cubeId: b.cubeId }, body: { content: 'no' } }),
      ).toMatchObject({ status: 404 })
    })

    it('merges back: fast-forward, lines of both sides, new and removed cubes, in one step', async () => {
      const { admin } = await tenant()
      const lines = ['monday: sail', 'tuesday: rest', 'wednesday: fish', 'thursday: mend', 'friday: paint']
      const fast = await create(admin, 'The mast is of oak.', { tags: ['ship'] })
      const both = await create(admin, lines.join('\n'), { metadata: { a: 1, b: 1 } })
      const gone = await create(admin, 'The anchor is lost.')
      await openBranch(admin)
      await onBranch(admin, fast.cubeId, { content: 'The mast is of pine.', tags: ['ship', 'wood'] })
      await onBranch(admin, both.cubeId, {
        content: lines.with(4, 'friday: sing').join('\n'),
        metadata: { b: 2 },
        mode: 'overwrite',
      })
      const made = await admin.ok('createBranchCube', { params: branch, body: { content: 'A dinghy was bought.' } })
      await admin.ok('deleteBranchCube', { params: { ...branch, cubeId: gone.cubeId } })
      await update(admin, both.cubeId, lines.with(0, 'monday: wait').join('\n'), { tags: ['week'] })
      const report = await admin.ok('mergeBranch', { params: branch, body: {} })
      expect(report).toMatchObject({
        added: [made.cubeId],
        revised: [fast.cubeId, both.cubeId],
        archived: [gone.cubeId],
        conflicts: [],
      })
      const read = (cubeId: string) => admin.ok('getCube', { params: { cubeId } })
      expect(await read(fast.cubeId)).toMatchObject({ revision: 2, content: 'The mast is of pine.' })
      const merged = await read(both.cubeId)
      expect(merged.content).toBe(lines.with(0, 'monday: wait').with(4, 'friday: sing').join('\n'))
      expect(merged).toMatchObject({ revision: 3, metadata: { b: 2 }, descriptive: { tags: ['week'] } })
      expect(await read(made.cubeId)).toMatchObject({ revision: 1, content: 'A dinghy was bought.' })
      expect((await read(gone.cubeId)).behavioural.state).toBe('archived')
      expect(await contentsOf(admin, 'pine dinghy')).toHaveLength(2)
      expect(await admin.ok('getBranch', { params: branch })).toMatchObject({ state: 'merged', changes: [] })
      const again = [
        await admin.refused('mergeBranch', { params: branch, body: {} }),
        await admin.refused('createBranchCube', { params: branch, body: { content: 'late' } }),
        await admin.refused('updateBranchCube', {
          params: { ...branch, cubeId: fast.cubeId },
          body: { content: 'late' },
        }),
        await admin.refused('listCubes', { query: { asOf: 'branch:idea' } }),
      ]
      for (const problem of again) expect(problem).toMatchObject({ status: 409 })
      expect(again[0]).toMatchObject({ code: 'branch_closed' })
    })

    it('reports every conflict and writes nothing, or lets the named side decide and says so', async () => {
      const { admin, id } = await tenant()
      const a = await create(admin, 'one\ntwo\nthree', { title: 'Base', priority: 'low' })
      const b = await create(admin, 'kept or removed')
      await openBranch(admin)
      await onBranch(admin, a.cubeId, { content: 'one\nTWO of the branch\nthree', title: 'Branch', priority: 'high' })
      await admin.ok('deleteBranchCube', { params: { ...branch, cubeId: b.cubeId } })
      await update(admin, a.cubeId, 'one\ntwo of the namespace\nthree', { title: 'Namespace', priority: 'mid' })
      await update(admin, b.cubeId, 'kept, and better')
      const before = await canonical(id)
      const problem = await admin.refused('mergeBranch', { params: branch, body: { strategy: 'fail' } })
      expect(problem).toMatchObject({ status: 409, code: 'merge_conflict' })
      expect(problem.conflicts).toEqual([
        { cubeId: a.cubeId, field: 'content' },
        { cubeId: a.cubeId, field: 'title' },
        { cubeId: a.cubeId, field: 'priority' },
        { cubeId: b.cubeId, field: 'cube' },
      ])
      expect(await canonical(id)).toBe(before)
      const report = await admin.ok('mergeBranch', { params: branch, body: { strategy: 'theirs' } })
      expect(report.conflicts).toEqual(problem.conflicts)
      expect(await admin.ok('getCube', { params: { cubeId: a.cubeId } })).toMatchObject({
        content: 'one\nTWO of the branch\nthree',
        descriptive: { title: 'Branch' },
        governance: { priority: 'high' },
      })
      expect(report.archived).toEqual([b.cubeId])
      await admin.ok('createBranch', { params: name, body: { name: 'more' } })
      const more = { ...name, branch: 'more' }
      await admin.ok('updateBranchCube', { params: { ...more, cubeId: a.cubeId }, body: { content: 'branch' } })
      await update(admin, a.cubeId, 'namespace')
      const ours = await admin.ok('mergeBranch', { params: more, body: { strategy: 'ours' } })
      expect(ours).toMatchObject({ kept: [a.cubeId], revised: [], conflicts: [{ cubeId: a.cubeId, field: 'content' }] })
      expect((await admin.ok('getCube', { params: { cubeId: a.cubeId } })).content).toBe('namespace')
    })

    it('lets exactly one of racing merges win, and a merge lose to a write that came between', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'start')
      await openBranch(admin)
      await onBranch(admin, cubeId, { content: 'from the branch' })
      const sent = await Promise.all([1, 2, 3].map(() => admin.send('mergeBranch', { params: branch, body: {} })))
      await Promise.all(sent.map((response) => response.text()))
      expect(sent.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
      expect((await admin.ok('getCube', { params: { cubeId } })).revision).toBe(2)
    })

    it('erases a cube from branches and snapshots too', async () => {
      const { admin } = await tenant()
      const { cubeId } = await create(admin, 'The code is a heron.')
      await snapshot(admin, 'kept')
      await openBranch(admin)
      await onBranch(admin, cubeId, { content: LONG })
      await admin.ok('deleteCube', { params: { cubeId } })
      for (const table of ['branch_cubes', 'snapshot_cubes', 'revisions'])
        expect(await edge().rows(`select count(*) from ${table} where cube_id = ?`, cubeId), table).toEqual([[0]])
      expect(await listed(admin, { asOf: 'branch:idea' })).toEqual([])
      expect((await admin.ok('mergeBranch', { params: branch, body: {} })).revised).toEqual([])
    })
  })
}
