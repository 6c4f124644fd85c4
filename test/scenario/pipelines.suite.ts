import { expect, it } from 'vitest'
import type { PipelineInput } from '../../schemas/pipeline.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'

type Steps = PipelineInput['steps']

const NOTES = ['The harbour opens at six.', 'The harbour has two piers.', 'Mail ana@example.com about the harbour.']

const contents = async (caller: Caller, namespace = 'default', includeArchived = false) =>
  (await caller.ok('listCubes', { query: { namespace, includeArchived: String(includeArchived) as never } })).items
    .map(({ content, behavioural }) => `${behavioural.state === 'archived' ? 'archived' : 'live'}: ${content}`)
    .sort()

/**
 * Goal: a pipeline is data that is checked before it runs, and it writes all it decided or nothing.
 * Method: through the API, every kind of step and every template; then definitions and runs that are wrong in one way.
 */
export function pipelines(open: OpenEdge) {
  describeEdge('pipelines', open, (tenant) => {
    const withNotes = async () => {
      const { admin, id } = await tenant()
      const { cubes } = await admin.ok('createCubes', {
        body: { cubes: NOTES.map((content) => ({ content, tags: ['port'] })) },
      })
      return { admin, id, ids: cubes.map(({ cubeId }) => cubeId) }
    }
    const run = (caller: Caller, steps: Steps, more: object = {}) =>
      caller.ok('runPipeline', { body: { pipeline: { steps }, ...more } as never })

    it('makes one memory of several, names its sources and puts them away, in one run', async () => {
      const { admin, ids } = await withNotes()
      const made = await admin.ok('runPipeline', {
        body: { pipeline: 'consolidate', parameters: { query: 'harbour', title: 'Harbour' } },
      })
      expect(made).toMatchObject({ name: 'consolidate', namespace: 'default', dryRun: false, effects: [] })
      const steps = new Map(made.steps.map((step) => [step.id, step]))
      expect(new Set(steps.get('put_away')?.written)).toEqual(new Set(ids))
      const [cubeId = ''] = steps.get('one')?.written ?? []
      const one = await admin.ok('getCube', { params: { cubeId } })
      expect(one.descriptive.title).toBe('Harbour')
      for (const note of NOTES) expect(one.content).toContain(note)
      const { lineage } = await admin.ok('getProvenance', { params: { cubeId } })
      expect(lineage.map(({ relation }) => relation)).toEqual(['merged', 'merged', 'merged'])
      expect(await contents(admin)).toEqual([`live: ${one.content}`])
      expect((await contents(admin, 'default', true)).filter((line) => line.startsWith('archived'))).toHaveLength(3)
      const found = await admin.ok('search', { body: { query: 'two piers' } })
      expect(found.results.map(({ cube }) => cube.cubeId)).toEqual([cubeId])
      expect((await admin.ok('listPipelineRuns', {})).items).toEqual([made])
      const log = await admin.ok('queryLog', { query: { operation: 'runPipeline' } as never })
      expect(log.items[0]?.cubeIds.toSorted()).toEqual([cubeId, ...ids].sort())
    })

    it('takes sensitive content out, and brings the earlier text back on request', async () => {
      const { admin, ids } = await withNotes()
      const before = new Date(Date.now() + 1).toISOString()
      await new Promise((resolve) => setTimeout(resolve, 20))
      const made = await admin.ok('runPipeline', {
        body: { pipeline: 'purification', parameters: { query: 'harbour' } },
      })
      // What has nothing to take out is not rewritten.
      expect(made.steps.at(-1)?.written).toEqual([ids[2]])
      expect(await contents(admin)).toContain('live: Mail [email] about the harbour.')
      await admin.ok('runPipeline', { body: { pipeline: 'rollback', parameters: { query: 'harbour', asOf: before } } })
      expect(await contents(admin)).toEqual(NOTES.map((note) => `live: ${note}`).sort())
      const revisions = await admin.ok('listRevisions', { params: { cubeId: ids[2] ?? '' } })
      expect(revisions.items.map(({ mode }) => mode)).toEqual(['restore', 'overwrite', 'create'])
    })

    it('copies memory into another namespace, as sensitive as it was', async () => {
      const { admin } = await withNotes()
      await admin.ok('createNamespace', { body: { name: 'archive', layer: 'shared' } })
      await admin.ok('createCube', { body: { content: 'The harbour code is 4831.', sensitivity: 'secret' } })
      const parameters = { query: 'harbour', target: 'archive' }
      await admin.ok('runPipeline', { body: { pipeline: 'transfer', parameters } })
      const copies = (await admin.ok('listCubes', { query: { namespace: 'archive' } })).items
      expect(copies.map(({ content }) => content).toSorted()).toEqual([...NOTES, 'The harbour code is 4831.'].sort())
      expect(copies.find(({ content }) => content?.includes('4831'))?.governance.sensitivity).toBe('secret')
      expect(await contents(admin)).toHaveLength(4)
    })

    it('writes a profile in order of time', async () => {
      const { admin } = await tenant()
      for (const [content, saidAt] of [
        ['Alice likes tea.', '2026-03-01T00:00:00Z'],
        ['Alice lives in Lisbon.', '2026-01-01T00:00:00Z'],
      ] as const)
        await admin.ok('createCube', { body: { content, saidAt } })
      const made = await admin.ok('runPipeline', { body: { pipeline: 'profile', parameters: { subject: 'Alice' } } })
      const [cubeId = ''] = made.steps.at(-1)?.written ?? []
      const profile = await admin.ok('getCube', { params: { cubeId } })
      expect(profile).toMatchObject({
        content: '2026-01-01: Alice lives in Lisbon.\n2026-03-01: Alice likes tea.',
        descriptive: { title: 'Profile of Alice', semanticType: 'user_profile', tags: ['profile'] },
      })
    })

    it('lets later steps see what earlier ones decided, whatever the order they are written in', async () => {
      const { admin, ids } = await withNotes()
      const made = await run(admin, [
        { id: 'gone', kind: 'forget', from: 'second', after: ['linked'] },
        { id: 'marked', kind: 'update', from: 'doubled', mode: 'append', text: false, tags: ['seen'] },
        { id: 'doubled', kind: 'update', from: 'shouted' },
        { id: 'shouted', kind: 'transform', from: 'first', op: 'template', template: '{{content}} {{content}}' },
        { id: 'first', kind: 'retrieve', cubeIds: [ids[0] as never] },
        { id: 'second', kind: 'retrieve', cubeIds: [ids[1] as never] },
        { id: 'linked', kind: 'link', from: 'second', to: 'first', after: ['marked'] },
      ])
      expect(made.steps.map(({ id }) => id)).toEqual([
        'first',
        'shouted',
        'doubled',
        'marked',
        'second',
        'linked',
        'gone',
      ])
      const cube = await admin.ok('getCube', { params: { cubeId: ids[0] ?? '' } })
      expect(cube).toMatchObject({
        revision: 4,
        content: `${NOTES[0]} ${NOTES[0]}`,
        descriptive: { tags: ['port', 'seen'] },
      })
      await admin.refused('getCube', { params: { cubeId: ids[1] ?? '' } })
    })

    it('adds the rest of a conversation, and what is similar', async () => {
      const { admin } = await withNotes()
      const messages = ['Shall we sail?', 'Yes, on Sunday.'].map((content) => ({ role: 'user' as const, content }))
      const { cubes } = await admin.ok('remember', { body: { session: 's', messages } })
      const first = [cubes[0]?.cubeId ?? ''] as never
      const talk = await run(
        admin,
        [
          { id: 'one', kind: 'retrieve', cubeIds: first },
          { id: 'all', kind: 'augment', from: 'one', with: 'session' },
        ],
        { dryRun: true },
      )
      expect(talk.steps[1]).toMatchObject({ cubes: 2 })
      const similar = await run(
        admin,
        [
          { id: 'one', kind: 'retrieve', query: 'two piers', limit: 1 },
          { id: 'all', kind: 'augment', from: 'one', with: 'similar' },
          { id: 'some', kind: 'select', from: 'all', tag: 'port', order: 'newest', limit: 2 },
        ],
        { dryRun: true },
      )
      expect(similar.steps.map(({ cubes }) => cubes)).toEqual([1, 3, 2])
      expect((await admin.ok('listPipelineRuns', {})).items).toEqual([])
    })

    it('names in the list of runs no cube that the caller may not know of', async () => {
      const { admin } = await tenant()
      await admin.ok('createCube', { body: { content: 'The harbour is mined.', sensitivity: 'secret' } })
      await admin.ok('createCube', { body: { content: 'The harbour is old.' } })
      const steps: Steps = [
        { id: 'found', kind: 'retrieve', query: 'harbour' },
        { id: 'copy', kind: 'create', from: 'found' },
      ]
      const { id } = await admin.ok('runPipeline', { body: { pipeline: { steps } } })
      const plain = await admin.newKey({ scopes: ['memory:read'] })
      const writtenFor = async (caller: Caller) =>
        (await caller.ok('listPipelineRuns', {})).items
          .filter((run) => run.id === id)
          .flatMap((run) => run.steps.flatMap(({ written }) => written))
      const written = await writtenFor(admin)
      expect(written).toHaveLength(2)
      const readable = (await plain.ok('listCubes', {})).items.map(({ cubeId }) => cubeId)
      expect(await writtenFor(plain)).toEqual(written.filter((cubeId) => readable.includes(cubeId)))
      expect(await writtenFor(plain)).toHaveLength(1)
    })

    it('is kept under a name, run by it, and answered once under an idempotency key', async () => {
      const { admin } = await withNotes()
      const steps: Steps = [
        { id: 'found', kind: 'retrieve', query: '{{ about }}' },
        { id: 'copy', kind: 'create', from: 'found', title: 'About {{about}}' },
      ]
      const params = { name: 'copy-about' }
      const kept = await admin.ok('setPipeline', { params, body: { parameters: { about: 'harbour' }, steps } })
      expect(await admin.ok('getPipeline', { params })).toEqual(kept)
      const names = (await admin.ok('listPipelines', {})).items.map(({ name, builtIn }) => `${name} ${builtIn}`)
      expect(names).toEqual([
        'transfer true',
        'purification true',
        'rollback true',
        'consolidate true',
        'profile true',
        'copy-about false',
      ])
      const headers = { 'idempotency-key': 'once' }
      const once = { body: { pipeline: 'copy-about' }, headers }
      const first = await admin.ok('runPipeline', once)
      expect(await admin.ok('runPipeline', once)).toEqual(first)
      expect(await contents(admin)).toHaveLength(6)
      await admin.ok('deletePipeline', { params })
      expect((await admin.refused('runPipeline', { body: { pipeline: 'copy-about' } })).code).toBe('not_found')
    })

    it.each<[what: string, steps: Steps, field: string]>([
      [
        'a circle',
        [
          { id: 'a', kind: 'select', from: 'b' },
          { id: 'b', kind: 'select', from: 'a' },
        ],
        'steps.0',
      ],
      ['a step that takes from itself', [{ id: 'a', kind: 'select', from: 'a' }], 'steps.0'],
      ['an unknown step', [{ id: 'a', kind: 'archive', from: 'nowhere' }], 'steps.0'],
      [
        'an id twice',
        [
          { id: 'a', kind: 'retrieve', query: 'x' },
          { id: 'a', kind: 'retrieve', query: 'x' },
        ],
        'steps.1.id',
      ],
      ['an unknown parameter', [{ id: 'a', kind: 'retrieve', query: '{{nobody}}' }], 'steps.0.query'],
      [
        'a text of several cubes that is written back',
        [
          { id: 'a', kind: 'retrieve', query: 'harbour' },
          { id: 'b', kind: 'transform', from: 'a', op: 'concatenate' },
          { id: 'c', kind: 'update', from: 'b' },
        ],
        'steps.2.from',
      ],
      [
        'no template',
        [
          { id: 'a', kind: 'retrieve', query: 'harbour' },
          { id: 'b', kind: 'transform', from: 'a', op: 'template' },
        ],
        'steps.1.template',
      ],
      [
        'an address that nobody allowed',
        [
          { id: 'a', kind: 'retrieve' },
          { id: 'b', kind: 'notify', from: 'a', url: 'http://169.254.169.254/' },
        ],
        'pipeline.steps.1.url',
      ],
      [
        'a time that is none',
        [
          { id: 'a', kind: 'retrieve', query: 'harbour' },
          { id: 'b', kind: 'restore', from: 'a', asOf: 'tuesday' },
        ],
        'steps.1.asOf',
      ],
    ])('refuses %s, names it and writes nothing', async (_, steps, field) => {
      const { admin } = await withNotes()
      const before = await contents(admin)
      const problem = await admin.refused('runPipeline', { body: { pipeline: { steps } } })
      expect(problem).toMatchObject({ code: 'invalid_request', field })
      expect(await contents(admin)).toEqual(before)
      expect((await admin.ok('listPipelineRuns', {})).items).toEqual([])
    })

    it('refuses unknown kinds, missing and unknown parameters, and the names of its own templates', async () => {
      const { admin } = await withNotes()
      const pipeline = { steps: [{ id: 'a', kind: 'explode', from: 'a' }] }
      expect((await admin.refused('runPipeline', { body: { pipeline } as never })).code).toBe('invalid_request')
      expect(await admin.refused('runPipeline', { body: { pipeline: 'profile' } })).toMatchObject({
        field: 'parameters.subject',
      })
      const parameters = { subject: 'x', other: 'y' }
      expect(await admin.refused('runPipeline', { body: { pipeline: 'profile', parameters } })).toMatchObject({
        field: 'parameters.other',
      })
      const body = { steps: [{ id: 'a', kind: 'retrieve' as const }] }
      expect((await admin.refused('setPipeline', { params: { name: 'profile' }, body })).code).toBe('already_exists')
    })

    it('a run that fails at its last step leaves nothing of the steps before it', async () => {
      const { admin, ids } = await withNotes()
      await admin.ok('changeLifecycle', { params: { cubeId: ids[1] ?? '' }, body: { event: 'freeze' } })
      const before = await contents(admin, 'default', true)
      const problem = await admin.refused('runPipeline', {
        body: { pipeline: 'consolidate', parameters: { query: 'harbour' } },
      })
      expect(problem.code).toBe('cube_frozen')
      expect(await contents(admin, 'default', true)).toEqual(before)
    })

    it('does not fill what a parameter holds once more', async () => {
      const { admin } = await withNotes()
      const pipeline = {
        parameters: { title: null },
        steps: [
          { id: 'a', kind: 'retrieve' as const, limit: 1 },
          { id: 'b', kind: 'create' as const, from: 'a', title: '{{title}}' },
        ],
      }
      await admin.ok('runPipeline', { body: { pipeline, parameters: { title: '{{secret}} {{title}}' } } })
      const { items } = await admin.ok('listCubes', {})
      expect(items.map(({ descriptive }) => descriptive.title)).toContain('{{secret}} {{title}}')
    })

    it('reaches no further than its caller', async () => {
      const { admin, ids } = await withNotes()
      await admin.ok('createUser', { body: { id: 'bob' } })
      const bob = await admin.newKey({ subject: { kind: 'user', id: 'bob' } })
      await bob.ok('createCube', { body: { content: 'Bob rows.' } })
      const steps: Steps = [
        { id: 'a', kind: 'retrieve', cubeIds: [ids[0] as never] },
        { id: 'b', kind: 'forget', from: 'a' },
      ]
      expect((await bob.refused('runPipeline', { body: { pipeline: { steps } } })).code).toBe('not_found')
      expect(
        (
          await bob.refused('runPipeline', {
            body: { pipeline: { steps: [{ id: 'a', kind: 'retrieve', namespace: 'default' }] } },
          })
        ).code,
      ).toBe('not_found')
      const stranger = await tenant()
      expect((await stranger.admin.refused('runPipeline', { body: { pipeline: { steps } } })).code).toBe('not_found')
      await admin.ok('runPipeline', { body: { pipeline: 'consolidate', parameters: { query: 'harbour' } } })
      expect((await bob.ok('listPipelineRuns', {})).items).toEqual([])
      expect((await bob.refused('listEffects', {})).code).toBe('forbidden')
    })

    it('keeps what nobody can do yet waiting, in sight', async () => {
      const { admin } = await withNotes()
      const made = await run(admin, [
        { id: 'a', kind: 'retrieve', query: 'harbour' },
        { id: 'b', kind: 'publish', from: 'a', topic: 'ports' },
      ])
      const { items } = await admin.ok('listEffects', { query: { state: 'waiting' } })
      expect(items.map(({ id, kind, attempts }) => [id, kind, attempts])).toEqual([[made.effects[0], 'publish', 0]])
      const id = made.effects[0] ?? ''
      expect((await admin.refused('retryEffect', { params: { id } })).code).toBe('precondition_failed')
    })
  })
}
