import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'

const SETTLE = { timeout: 20_000, interval: 100 }

const settled = (caller: Caller, id: string | null) =>
  expect.poll(async () => (await caller.ok('getTask', { params: { id: id ?? '' } })).state, SETTLE).toBe('succeeded')

/**
 * Goal: with an embedding model, text is searchable at once and its vector follows by itself.
 * Method: the host's own queue and task runner, and a model that maps words and trigrams to 384 numbers.
 */
export function embedding(open: OpenEdge) {
  describeEdge('background embedding', open, (tenant) => {
    it('embeds what was remembered, and finds it by likeness that no word explains', async () => {
      const { admin } = await tenant()
      const messages = [
        'The marmalade factory closed.',
        'Trains were late on Monday.',
        'The choir sings on Sunday.',
      ].map((content) => ({ content }))
      const { taskId, cubes } = await admin.ok('remember', { body: { messages } })
      expect((await admin.ok('search', { body: { query: 'marmalade' } })).results[0]?.cube.cubeId).toBe(
        cubes[0]?.cubeId,
      )
      await settled(admin, taskId)
      const { results, retrieval } = await admin.ok('search', { body: { query: 'marmelades', mode: 'vector' } })
      expect(retrieval).toMatchObject({ mode: 'vector', model: 'fnv-384', notes: [] })
      expect(results[0]?.cube.cubeId).toBe(cubes[0]?.cubeId)
      const hybrid = await admin.ok('search', { body: { query: 'choir of Sunday' } })
      expect(hybrid.retrieval.mode).toBe('hybrid')
      expect(hybrid.results[0]?.cube.cubeId).toBe(cubes[2]?.cubeId)
    })

    it('follows updates and deletions', async () => {
      const { admin } = await tenant()
      const { cubes, taskId } = await admin.ok('remember', {
        body: { messages: [{ content: 'crimson scarf' }, { content: 'teapot' }, { content: 'umbrella stand' }] },
      })
      await settled(admin, taskId)
      const best = async (query: string) =>
        (await admin.ok('search', { body: { query, mode: 'vector' } })).results[0]?.cube.content
      expect(await best('crimsons')).toBe('crimson scarf')
      const cubeId = cubes[0]?.cubeId ?? ''
      await admin.ok('updateCube', { params: { cubeId }, body: { content: 'violet gloves' } })
      await expect.poll(() => best('violets'), SETTLE).toBe('violet gloves')
      await admin.ok('deleteCube', { params: { cubeId } })
      const { results } = await admin.ok('search', { body: { query: 'violet gloves' } })
      expect(results.map(({ cube }) => cube.cubeId)).not.toContain(cubeId)
    })

    it('shows tasks, newest first, by state, and leaves a finished one alone when it is cancelled', async () => {
      const { admin } = await tenant()
      const { taskId } = await admin.ok('remember', { body: { text: 'the only task' } })
      await settled(admin, taskId)
      const params = { id: taskId ?? '' }
      expect(await admin.ok('getTask', { params })).toMatchObject({ kind: 'embed', error: null, progress: 1 })
      expect((await admin.ok('listTasks', { query: { state: 'succeeded' } })).items.map(({ id }) => id)).toEqual([
        taskId,
      ])
      expect((await admin.ok('listTasks', { query: { state: 'failed' } })).items).toEqual([])
      expect(await admin.ok('cancelTask', { params })).toMatchObject({ state: 'succeeded' })
    })

    it('embeds a batch that takes several calls to the model', async () => {
      const { admin } = await tenant()
      const cubes = Array.from({ length: 300 }, (_, n) => ({ content: `parcel number ${n} for depot ${n % 7}` }))
      const { taskId } = await admin.ok('createCubes', { body: { cubes } })
      await settled(admin, taskId)
      const { results } = await admin.ok('search', {
        body: { query: 'parcel number 217 for depot 0', mode: 'vector', limit: 1 },
      })
      expect(results[0]?.cube.content).toBe('parcel number 217 for depot 0')
    })

    it('answers in words, and says so, when the model fails for a query', async () => {
      const { admin } = await tenant()
      const { taskId } = await admin.ok('remember', { body: { text: 'the lamp is broken' } })
      await settled(admin, taskId)
      const { results, retrieval } = await admin.ok('search', { body: { query: 'lamp MODEL-FAILS' } })
      expect(results).toHaveLength(1)
      expect(retrieval.notes).toContain('The embedding model did not answer; results are lexical.')
    })
  })
}
