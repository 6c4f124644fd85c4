/**
 * Goal: another embedding model takes over while memory is searched and written, and nothing is lost or comes back.
 * Method: processes that share one database, an in-process model that counts what it is asked, and a clock that only the test moves.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EMBED_TEXTS_MAX, TASK_ATTEMPTS_MAX, TASK_LEASE_MS } from '../../schemas/limits.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { type OpenDatabase, openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { Caller, newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const CUBES = 2 * EMBED_TEXTS_MAX + 44
const FAILED = 'The embedding model did not answer; results are lexical.'
const textOf = (at: number) => `parcel${at} waits in hall${at}`

let opened: OpenDatabase
const clock = { nowMs: Date.UTC(2026, 0, 1) }
let blobs: MemoryBlobStore
let old: WordEmbedder
let next: WordEmbedder
let processes: number

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  blobs = new MemoryBlobStore()
  old = new WordEmbedder('old', 64)
  next = new WordEmbedder('next', 96)
  processes = 0
})
afterEach(() => opened.close())

/** Another process over the same database. */
const start = (embedder: WordEmbedder, previousEmbedder?: WordEmbedder): Promise<LocalEdge> =>
  openLocalEdge({
    databases: new Map([['default', opened.database]]),
    blobs,
    clock,
    seed: ++processes,
    embedder,
    ...(previousEmbedder === undefined ? {} : { previousEmbedder }),
  })

interface Stage {
  edge: LocalEdge
  admin: Caller
  ids: string[]
}

/** Memory that the old model has embedded, and the process that brings the new one. */
async function withOldVectors({ cubes = CUBES, previous = true } = {}): Promise<Stage> {
  const before = await start(old)
  const { admin } = await newTenant(before)
  const { cubes: made } = await admin.ok('createCubes', {
    body: { cubes: Array.from({ length: cubes }, (_, at) => ({ content: textOf(at) })) },
  })
  await before.runTasks()
  await before.settle()
  const edge = previous ? await start(next, old) : await start(next)
  return { edge, admin: new Caller(edge, admin.secret), ids: made.map(({ cubeId }) => cubeId) }
}

/** Plans what no request planned, and stops after the model has answered so many calls. */
async function runBatches(edge: LocalEdge, model: WordEmbedder, batches: number): Promise<void> {
  const stop = new AbortController()
  await edge.components.tick()
  let left = batches
  model.during = () => {
    left -= 1
    if (left === 0) stop.abort()
  }
  await edge.components.tasks.runDue(stop.signal)
  model.during = () => {}
}

async function runAll(edge: LocalEdge): Promise<void> {
  await edge.components.tick()
  await edge.runTasks()
}

const spaces = (edge: LocalEdge) => edge.rows('select model, state from vector_spaces order by model')
const vectors = (edge: LocalEdge) => edge.rows('select model, count(*) from embeddings group by model order by model')
const byVector = async (admin: Caller, query: string) => {
  const { results, retrieval } = await admin.ok('search', { body: { query, mode: 'vector', limit: 5 } })
  return { best: results[0]?.cube.content, contents: results.map(({ cube }) => cube.content), retrieval }
}

describe('a change of the embedding model', () => {
  it('is served by both models, asked once each, until the new one takes over', async () => {
    const { edge, admin, ids } = await withOldVectors()
    await runBatches(edge, next, 1)
    // Without its old vector and not yet with a new one, then with the new one alone.
    await admin.ok('updateCube', { params: { cubeId: ids[5] ?? '' }, body: { content: 'ferry ticket' } })
    await runBatches(edge, next, 1)
    expect(await spaces(edge)).toEqual([
      ['next', 'building'],
      ['old', 'active'],
    ])
    expect(await vectors(edge)).toEqual([
      ['next', 2 * EMBED_TEXTS_MAX - 1],
      ['old', CUBES - 1],
    ])
    const [onlyNew, onlyOld, both] = [`ferry ticket`, textOf(CUBES - 1), textOf(9)]
    for (const text of [onlyNew, onlyOld, both]) {
      old.queries.length = next.queries.length = 0
      const { contents, retrieval } = await byVector(admin, text)
      // Each model has a best one.
      expect(contents.slice(0, 2)).toContain(text)
      expect(retrieval.notes).toEqual([expect.stringMatching(/^The vectors of next are being built: \d+ of 300\.$/)])
      expect([old.queries, next.queries]).toEqual([[text], [text]])
      const hybrid = await admin.ok('search', { body: { query: text } })
      expect([hybrid.retrieval.mode, hybrid.results[0]?.cube.content]).toEqual(['hybrid', text])
    }
    await runAll(edge)
    expect(await spaces(edge)).toEqual([['next', 'active']])
    expect(await vectors(edge)).toEqual([['next', CUBES]])
    old.queries.length = 0
    for (const text of [onlyNew, onlyOld, both]) {
      const { best, retrieval } = await byVector(admin, text)
      expect(best).toBe(text)
      expect(retrieval).toMatchObject({ model: 'next', notes: [] })
    }
    expect(old.queries).toEqual([])
  })

  it('without the old model uses what is built, beside words, and says how far it is', async () => {
    const { edge, admin } = await withOldVectors({ previous: false })
    const none = await admin.ok('search', { body: { query: textOf(7) } })
    expect(none.retrieval).toMatchObject({ mode: 'lexical', notes: ['The vectors of next are being built: 0 of 300.'] })
    expect(none.results[0]?.cube.content).toBe(textOf(7))
    await runBatches(edge, next, 2)
    const some = await admin.ok('search', { body: { query: textOf(7) } })
    expect(some.retrieval).toMatchObject({
      mode: 'hybrid',
      model: 'next',
      notes: [`The vectors of next are being built: ${2 * EMBED_TEXTS_MAX} of 300.`],
    })
    expect(some.results[0]?.cube.content).toBe(textOf(7))
    expect((await admin.ok('search', { body: { query: textOf(299) } })).results[0]?.cube.content).toBe(textOf(299))
    expect(old.queries).toEqual([])
  })

  it('goes on after a killed process without embedding anything twice', async () => {
    const { edge, admin } = await withOldVectors()
    await edge.components.tick()
    const hangs = Promise.withResolvers<void>()
    next.during = (call) => {
      if (call < 3) return
      hangs.resolve()
      return new Promise(() => {})
    }
    void edge.runTasks()
    await hangs.promise
    expect(next.documents).toHaveLength(2 * EMBED_TEXTS_MAX)
    const successor = new WordEmbedder('next', 96)
    const after = await start(successor, old)
    await runAll(after)
    expect(successor.documents).toEqual([])
    clock.nowMs += TASK_LEASE_MS
    await runAll(after)
    expect(successor.documents).toEqual(Array.from({ length: 44 }, (_, at) => textOf(2 * EMBED_TEXTS_MAX + at)))
    expect(await spaces(after)).toEqual([['next', 'active']])
    expect(await vectors(after)).toEqual([['next', CUBES]])
    expect((await byVector(new Caller(after, admin.secret), textOf(150))).best).toBe(textOf(150))
  })

  it('goes on after a stop in the middle of a call to the model, which is no failure', async () => {
    const { edge, admin } = await withOldVectors()
    await edge.components.tick()
    const stop = new AbortController()
    next.during = (call) => {
      if (call < 2) return
      stop.abort()
      throw stop.signal.reason
    }
    await edge.components.tasks.runDue(stop.signal)
    const task = (await admin.ok('listTasks', { query: {} })).items.find(({ kind }) => kind === 'embed')
    expect(task).toMatchObject({ state: 'queued', error: null, progress: EMBED_TEXTS_MAX })
    next.during = () => {}
    await edge.runTasks()
    expect(next.documents).toEqual(Array.from({ length: CUBES }, (_, at) => textOf(at)))
  })

  it('gives a cube that changes while it is being embedded the vector of its new text', async () => {
    const { edge, admin, ids } = await withOldVectors()
    // The first call has cubes 0 to 127 under way, the third the last ones: cube 3 has its vector by then, cube 299 has not.
    const changes = new Map([
      [1, [4, 'content of the first call']],
      [3, [3, 'content of an earlier call']],
    ] as const)
    next.during = async (call) => {
      const [at, content] = changes.get(call as 1) ?? []
      if (at === undefined) return
      await admin.ok('updateCube', { params: { cubeId: ids[at] ?? '' }, body: { content } })
      // A revision with the same text has another address, so the vector under way is not its vector either.
      await admin.ok('updateCube', { params: { cubeId: ids[at === 4 ? 5 : 299] ?? '' }, body: { tags: ['seen'] } })
    }
    await runAll(edge)
    await runAll(edge)
    expect(await vectors(edge)).toEqual([['next', CUBES]])
    for (const text of ['content of the first call', 'content of an earlier call', textOf(5), textOf(299)])
      expect((await byVector(admin, text)).best).toBe(text)
    expect(await spaces(edge)).toEqual([['next', 'active']])
  })

  it('brings no deleted cube back', async () => {
    const { edge, admin, ids } = await withOldVectors()
    next.during = async (call) => {
      // Under way in this call; has its vector already; still to come.
      for (const at of call === 2 ? [130, 6, 290] : [])
        await admin.ok('deleteCube', { params: { cubeId: ids[at] ?? '' } })
    }
    await runAll(edge)
    expect(await vectors(edge)).toEqual([['next', CUBES - 3]])
    for (const at of [130, 6, 290]) {
      expect((await byVector(admin, textOf(at))).contents).not.toContain(textOf(at))
      expect(
        await edge.rows('select 1 from embeddings e where not exists (select 1 from cubes c where c.seq = e.seq)'),
      ).toEqual([])
    }
    expect(await spaces(edge)).toEqual([['next', 'active']])
  })

  it('that is taken back leaves nothing of the other model', async () => {
    const { edge, admin } = await withOldVectors()
    await runBatches(edge, next, 1)
    const back = await start(old)
    await runAll(back)
    expect(await spaces(back)).toEqual([['old', 'active']])
    expect(await vectors(back)).toEqual([['old', CUBES]])
    const { best, retrieval } = await byVector(new Caller(back, admin.secret), textOf(200))
    expect([best, retrieval.notes]).toEqual([textOf(200), []])
  })

  it('removes the old vectors after a crash between the switch and their removal', async () => {
    const { edge } = await withOldVectors({ cubes: 3 })
    await runAll(edge)
    await opened.database.batch([
      {
        sql: `insert into vector_spaces (namespace_id, model, dimensions, state, built_seq, created_at_ms) select namespace_id, 'old', 64, 'retired', 3, 0 from vector_spaces`,
        params: [],
      },
      {
        sql: `insert into embeddings (namespace_id, model, seq, change, vector) select namespace_id, 'old', seq, change, vector from embeddings`,
        params: [],
      },
    ])
    await runAll(edge)
    expect(await spaces(edge)).toEqual([['next', 'active']])
    expect(await vectors(edge)).toEqual([['next', 3]])
  })
})

describe('a model that fails', () => {
  it('is tried again later and later, visibly, while searches go by words', async () => {
    const { edge, admin } = await withOldVectors({ cubes: 3 })
    next.isFailing = old.isFailing = true
    await runAll(edge)
    const task = async () => (await admin.ok('listTasks', { query: {} })).items.find(({ kind }) => kind === 'embed')
    expect(await task()).toMatchObject({ kind: 'embed', state: 'queued', error: 'embedder_failed', progress: 0 })
    const waits: number[] = []
    for (let attempt = 2; attempt <= TASK_ATTEMPTS_MAX; attempt++) {
      const failedAtMs = clock.nowMs
      while ((await edge.runTasks()) === 0) clock.nowMs += 100
      waits.push(Math.round((clock.nowMs - failedAtMs) / 1000))
      const { results, retrieval } = await admin.ok('search', { body: { query: textOf(1) } })
      expect(results[0]?.cube.content).toBe(textOf(1))
      expect(retrieval).toMatchObject({ mode: 'lexical', notes: expect.arrayContaining([FAILED]) })
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64])
    expect(await task()).toMatchObject({ state: 'failed', error: 'embedder_failed' })
    next.isFailing = old.isFailing = false
    await runAll(edge)
    expect(await task()).toMatchObject({ state: 'failed' })
    // A model that failed so often is left alone for an hour.
    clock.nowMs += 60 * 60 * 1000
    await runAll(edge)
    expect(await task()).toMatchObject({ state: 'succeeded', error: null, progress: 3 })
    expect((await byVector(admin, textOf(1))).retrieval).toMatchObject({ model: 'next', notes: [] })
  })

  it('leaves the search to the other one while both are served', async () => {
    const { edge, admin } = await withOldVectors()
    await runBatches(edge, next, 2)
    next.isFailing = true
    const { best, retrieval } = await byVector(admin, textOf(299))
    expect(best).toBe(textOf(299))
    expect(retrieval).toMatchObject({ mode: 'vector', model: 'old' })
    expect(retrieval.notes[0]).toBe('One of two embedding models did not answer; its vectors are left out.')
  })
})
