import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'

const CID = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
const blob = (bytes: number) => ({ cid: CID, bytes })
const facts = { modelFingerprint: 'ab'.repeat(32), blob: blob(4096), dtype: 'fp16' } as const
const kv = {
  kind: 'kv',
  ...facts,
  layout: 'bhtd',
  layers: 2,
  kvHeads: 2,
  headDim: 64,
  tokenCount: 10,
  positionOffset: 0,
  tokens: blob(40),
} as const
const steering = {
  kind: 'steering',
  ...facts,
  layer: 7,
  site: 'residual',
  width: 512,
  strengthMicros: 1_500_000,
} as const
const lora = { kind: 'lora', ...facts, rank: 8, alphaMicros: 16_000_000, modules: ['layers.0.q_proj'] }

const unit = (...values: number[]) => ({ model: 'my-model', values })
const add = (caller: Caller, content: string, ...values: number[]) =>
  caller.ok('createCube', { body: { content, embedding: unit(...values) } })

/**
 * Goal: model-bound payloads and callers' own vectors are kept and used as described, and refused when they cannot be right.
 * Method: one cube of each kind, each wrong in one way; searches with the caller's own vectors.
 */
export function payloads(open: OpenEdge) {
  describeEdge('model-bound payloads and vectors', open, (tenant) => {
    it.each([
      ['activation', [kv]],
      ['activation', [steering]],
      ['activation', [kv, { ...steering, dtype: 'q8', quantGroupSize: 32 }]],
      ['parametric', [lora]],
    ] as const)('stores an %s cube with its renditions %#', async (memoryType, renditions) => {
      const { admin } = await tenant()
      const body = { content: 'How to greet politely.', memoryType, renditions: renditions as never }
      const made = await admin.ok('createCube', { body })
      const read = await admin.ok('getCube', { params: { cubeId: made.cubeId } })
      expect(read.renditions).toEqual(renditions)
      expect(read.descriptive.memoryType).toBe(memoryType)
      const filter = { field: 'memoryType', op: 'eq', value: memoryType } as const
      const { results } = await admin.ok('search', { body: { query: 'greet politely', filter } })
      expect(results.map(({ cube }) => cube.cubeId)).toEqual([made.cubeId])
      const changed = await admin.ok('updateCube', { params: { cubeId: made.cubeId }, body: { title: 'Greeting' } })
      expect(changed.renditions).toEqual(renditions)
    })

    it.each([
      ['plaintext with a kv cache', 'plaintext', [kv], 'renditions'],
      ['activation without a payload', 'activation', undefined, 'renditions'],
      ['activation with an adapter', 'activation', [lora], 'renditions'],
      ['parametric with a kv cache', 'parametric', [kv], 'renditions'],
      [
        'a quantised payload without its group size',
        'activation',
        [{ ...kv, dtype: 'q4' }],
        'renditions.0.quantGroupSize',
      ],
      ['token ids of another length', 'activation', [{ ...kv, tokens: blob(41) }], 'renditions.0.tokens.bytes'],
      [
        'a fingerprint that is no digest',
        'activation',
        [{ ...kv, modelFingerprint: 'llama' }],
        'renditions.0.modelFingerprint',
      ],
      ['a module twice', 'parametric', [{ ...lora, modules: ['a', 'a'] }], 'renditions.0.modules'],
      ['an unknown kind', 'activation', [{ ...kv, kind: 'soup' }], 'renditions.0.kind'],
      ['no layers', 'activation', [{ ...kv, layers: 0 }], 'renditions.0.layers'],
      ['an unknown type', 'quantum', [kv], 'memoryType'],
    ])('refuses %s', async (_, memoryType, renditions, field) => {
      const { admin } = await tenant()
      const body = { content: 'x', memoryType, renditions } as never
      expect(await admin.refused('createCube', { body })).toMatchObject({ status: 400, code: 'invalid_request', field })
      expect((await admin.ok('getUsage', {})).cubes).toBe(0)
    })

    it('drops model-bound payloads when the text they encode changes', async () => {
      const { admin } = await tenant()
      const { cubeId } = await admin.ok('createCube', {
        body: { content: 'old', memoryType: 'activation', renditions: [kv] },
      })
      const response = await admin.send('updateCube', { params: { cubeId }, body: { content: 'new' } })
      expect(response.status).toBeLessThan(500)
      const after = await admin.ok('getCube', { params: { cubeId } })
      // Either the change is refused or the payload goes: a payload of another text must not stay.
      expect(after.content === 'old' ? after.renditions : []).toEqual(after.renditions)
    })

    it('searches with the vectors of the caller', async () => {
      const { admin } = await tenant()
      await add(admin, 'north', 0, 1, 0)
      await add(admin, 'east', 1, 0, 0)
      await add(admin, 'north-east', 1, 1, 0)
      const { results, retrieval } = await admin.ok('search', {
        body: { query: 'direction', mode: 'vector', vector: [0.1, 1, 0], limit: 2 },
      })
      expect(retrieval).toMatchObject({ mode: 'vector', model: 'caller:my-model' })
      expect(results.map(({ cube }) => cube.content)).toEqual(['north', 'north-east'])
    })

    it('finds in one hybrid search what only words and what only vectors find', async () => {
      const { admin } = await tenant()
      await add(admin, 'The barometer fell.', 0, 1)
      await add(admin, 'Storm warning.', 1, 0)
      const { results, retrieval } = await admin.ok('search', {
        body: { query: 'barometer', vector: [1, 0], explain: true },
      })
      expect(retrieval.mode).toBe('hybrid')
      expect(results.map(({ cube }) => cube.content).toSorted()).toEqual(['Storm warning.', 'The barometer fell.'])
      expect(results.find(({ cube }) => cube.content === 'Storm warning.')?.explain).toMatchObject({ bm25: 0 })
    })

    it('honours filters, updates and deletions in vector searches', async () => {
      const { admin } = await tenant()
      const near = await admin.ok('createCube', { body: { content: 'near', tags: ['hidden'], embedding: unit(1, 0) } })
      await add(admin, 'opposite', -1, 0)
      const far = await admin.ok('createCube', { body: { content: 'far', tags: ['shown'], embedding: unit(0.6, 0.8) } })
      const search = async (more: object = {}) =>
        (await admin.ok('search', { body: { query: 'q', mode: 'vector', vector: [1, 0], ...more } })).results.map(
          ({ cube }) => cube.cubeId,
        )
      expect((await search()).slice(0, 2)).toEqual([near.cubeId, far.cubeId])
      expect(await search({ filter: { field: 'tags', op: 'contains', value: 'shown' } })).toEqual([far.cubeId])
      await admin.ok('deleteCube', { params: { cubeId: near.cubeId } })
      expect((await search())[0]).toBe(far.cubeId)
      await admin.ok('updateCube', { params: { cubeId: far.cubeId }, body: { content: 'another text' } })
      expect(await search()).not.toContain(far.cubeId)
    })

    it('refuses vectors that cannot be compared, and writes nothing', async () => {
      const { admin } = await tenant()
      await add(admin, 'first', 0, 1, 0)
      const wrong = await admin.refused('createCube', { body: { content: 'second', embedding: unit(1, 0) } })
      expect(wrong).toMatchObject({ status: 400, code: 'invalid_vector', field: 'embedding.values' })
      expect(wrong.expected).toContain('3 numbers')
      const zero = await admin.refused('createCube', { body: { content: 'third', embedding: unit(0, 0, 0) } })
      expect(zero).toMatchObject({ code: 'invalid_vector', field: 'embedding.values' })
      const messages = [
        { content: 'a', embedding: unit(1, 0, 0) },
        { content: 'b', embedding: unit(1, 0) },
      ]
      expect(await admin.refused('remember', { body: { messages } })).toMatchObject({
        code: 'invalid_vector',
        field: 'messages.1.embedding.values',
      })
      for (const vector of [
        [1, 0],
        [0, 0, 0],
      ])
        expect(await admin.refused('search', { body: { query: 'q', vector } })).toMatchObject({
          code: 'invalid_vector',
          field: 'vector',
        })
      expect((await admin.ok('getUsage', {})).cubes).toBe(1)
    })

    it.each(['NaN', '"1"', 'null', '1e999', '[]', 'true'])('refuses %s as a number of a vector', async (value) => {
      const { admin } = await tenant()
      const headers = { 'content-type': 'application/json' }
      const body = `{"content":"x","embedding":{"model":"m","values":[1,${value}]}}`
      const response = await admin.raw('POST', '/v1/cubes', { body, headers })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ code: value === 'NaN' ? 'invalid_json' : 'invalid_request' })
    })

    it('keeps vectors of extreme size usable', async () => {
      const { admin } = await tenant()
      await add(admin, 'ordinary', 2, 1)
      for (const size of [1e-300, 1e-30, 1e30, 1e300]) {
        const response = await admin.send('createCube', {
          body: { content: `size ${size}`, embedding: unit(size, 2 * size) },
        })
        // Lengths that a double cannot hold are refused; none may be stored as something else.
        if (response.status !== 201) expect(await problemOf(response)).toMatchObject({ code: 'invalid_vector' })
      }
      const { results } = await admin.ok('search', { body: { query: 'q', mode: 'vector', vector: [1, 2] } })
      for (const { score } of results) expect(Number.isFinite(score)).toBe(true)
    })
  })
}
