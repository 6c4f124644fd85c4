import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDeployment } from './archive-fixture.ts'

const LONG_TEXT = 'A letter that goes on. '.repeat(2000)
const EMPTY = { created: 0, updated: 0, unchanged: 0, skipped: [] }

let there: Awaited<ReturnType<typeof openDeployment>>

beforeAll(async () => {
  there = await openDeployment()
})

afterAll(() => there.close())

describe('files of other systems', () => {
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

  it('takes in textual_memory.json of MemOS, again without change, and what changed there', async () => {
    const target = await there.place('from-memos')
    const items = [
      {
        id: 'a1',
        memory: 'Kai is allergic to walnuts.',
        metadata: {
          user_id: 'kai',
          session_id: 'intake',
          status: 'activated',
          type: 'UserPreference',
          key: 'Walnut allergy',
          confidence: 0.9,
          tags: ['health', 'food'],
          visibility: 'private',
          memory_time: '2026-02-01',
          updated_at: '2026-02-02T10:00:00',
          embedding: [0.1, 0.2],
          sources: ['x'],
        },
      },
      { id: 'a2', memory: '  ', metadata: {} },
      { id: 'a3', memory: 'Removed there.', metadata: { status: 'deleted' } },
      { id: 'a1', memory: 'The same id twice.' },
      { memory: LONG_TEXT, later: 1 },
    ]
    const skipped = [
      { line: 2, reason: 'no_text' },
      { line: 3, reason: 'deleted_at_source' },
      { line: 4, reason: 'duplicate_id' },
    ]
    expect(await target.import(json(items), 'memos-textual')).toEqual({ ...EMPTY, created: 2, skipped })
    expect(await target.import(json(items), 'memos-textual')).toEqual({ ...EMPTY, unchanged: 2, skipped })
    const [kai] = await target.session.cubes.walk(target.row.id, 1, 0)
    expect(kai?.cube).toMatchObject({
      title: 'Walnut allergy',
      semanticType: 'user_preference',
      originRef: 'a1',
      state: 'activated',
      tags: ['health', 'food'],
      saidAtMs: Date.UTC(2026, 1, 1),
    })
    expect(kai?.cube.metadata).toEqual({
      user_id: 'kai',
      status: 'activated',
      confidence: 0.9,
      visibility: 'private',
      sources: '["x"]',
    })
    expect(kai?.session).toBe('intake')
    expect((await target.found('walnut allergy'))[0]).toBe('Kai is allergic to walnuts.')
    const changed = [{ id: 'a1', memory: 'Kai outgrew the walnut allergy.' }]
    expect(await target.import(json(changed), 'memos-textual')).toEqual({ ...EMPTY, updated: 1 })
    expect(await target.import(json(changed), 'memos-textual')).toEqual({ ...EMPTY, unchanged: 1 })
    expect((await target.found('walnut allergy'))[0]).toBe('Kai outgrew the walnut allergy.')
  })

  it('takes in what mem0 answers, in each of its shapes', async () => {
    const target = await there.place('from-mem0')
    const item = {
      id: 'm1',
      memory: 'Prefers trains to planes',
      user_id: 'lee',
      agent_id: null,
      run_id: 'r1',
      metadata: { channel: 'mail', nested: { a: 1 } },
      categories: ['travel'],
      created_at: '2025-12-24T08:00:00-08:00',
      updated_at: null,
    }
    expect(await target.import(json({ results: [item] }), 'mem0')).toEqual({ ...EMPTY, created: 1 })
    expect(await target.import(json({ memories: [item] }), 'mem0')).toEqual({ ...EMPTY, unchanged: 1 })
    expect(await target.import(json([item]), 'mem0')).toEqual({ ...EMPTY, unchanged: 1 })
    const [cube] = await target.session.cubes.walk(target.row.id, 1, 0)
    expect(cube?.cube).toMatchObject({
      tags: ['travel'],
      metadata: { channel: 'mail', nested: '{"a":1}', user_id: 'lee' },
      saidAtMs: Date.UTC(2025, 11, 24, 16),
    })
    expect(cube?.session).toBe('r1')
  })

  it('refuses pickles and other bytes, and JSON of another shape', async () => {
    const target = await there.place('refusals')
    const text = (words: string) => new TextEncoder().encode(words)
    await expect(target.import(new Uint8Array([0x80, 4, 0x95, 0, 1]), 'memos-textual')).rejects.toMatchObject({
      code: 'invalid_archive',
      message: expect.stringContaining('pickle'),
    })
    for (const body of [json({ memory: 'x' }), text('{'), text(''), text('"text"')]) {
      await expect(target.import(body, 'mem0')).rejects.toMatchObject({ code: 'invalid_archive' })
    }
    await expect(target.import(endless(), 'mem0')).rejects.toMatchObject({ code: 'payload_too_large' })
  })

  it('does not overwrite what was edited here, and never takes an id from another place', async () => {
    const [target, other] = [await there.place('edited'), await there.place('not-edited')]
    const items = json([{ id: 'e1', memory: 'First wording.' }])
    expect(await target.import(items, 'mem0')).toEqual({ ...EMPTY, created: 1 })
    const [cube] = await target.session.cubes.walk(target.row.id, 1, 0)
    await target.revise(cube?.cube.cubeId ?? '', 'Added here.')
    expect(await target.import(items, 'mem0')).toEqual({ ...EMPTY, unchanged: 1 })
    expect((await target.contents())[0]?.content).toBe('First wording.\nAdded here.')
    expect(await other.import(items, 'mem0')).toEqual({ ...EMPTY, created: 1 })
  })

  it('leaves no blobs behind when the quota is used up', async () => {
    const small = await there.place('one-only', { cubesMax: 1 })
    const items = json([
      { id: 'q1', memory: LONG_TEXT },
      { id: 'q2', memory: 'short' },
    ])
    await expect(small.import(items, 'mem0')).rejects.toMatchObject({ code: 'quota_exceeded' })
    expect(await there.blobs.list(`cubes/${small.orgId}/`)).toEqual([])
  })
})

/** White space without end: what a reader without a limit would hold for ever. */
const endless = () =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(1024 * 1024).fill(32))
    },
  })
