import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOW_MS, openDeployment } from './archive-fixture.ts'

// Figure 5 of arXiv 2505.22101 as printed: one header for the three payloads.
const META =
  '{"created":"2025-04-10","last_used":"2025-05-01","source":"session_3894","model":"LLaMA3-8B","usage":78,"priority":"mid","expires":"2025-06-01","access":["user_483","admin"],"tags":["non-sensitive"],"embedding_fp":"[dim=128]","storage_mode":"compressed"}'
const PAYLOADS = [
  '{"type":"explicit","format":"text","content":"You are a helpful assistant in climate policy."}',
  '{"type":"activation","format":"tensor","injection_layer":12,"value":"[tensor]"}',
  '{"type":"parametric","format":"lora_patch","module":"mlp.6.down_proj","value":"[low-rank-delta]"}',
]
const PRINTED = PAYLOADS.map((payload) => `{"meta":${META},"payload":${payload}}`)
const ALIVE = PRINTED.map((cube) => cube.replace('2025-06-01', '2026-06-01').replace('"mid"', '"high"'))
const EMPTY = { created: 0, updated: 0, unchanged: 0, skipped: [] }
const TENSORS = [2, 3].map((line) => ({ line, reason: 'tensor_not_included' }))

let there: Awaited<ReturnType<typeof openDeployment>>
const bytes = (text: string) => new TextEncoder().encode(text)

beforeAll(async () => {
  there = await openDeployment()
})
afterAll(() => there.close())

describe('cubes of the short paper', () => {
  it('are told apart as printed: the text has expired, the others have no tensor', async () => {
    const target = await there.place('printed')
    const skipped = [...TENSORS, { line: 1, reason: 'expired' }]
    const report = await target.import(bytes(`[${PRINTED}]`), 'short-paper')
    expect(report).toEqual({ ...EMPTY, skipped })
    expect(await target.contents()).toEqual([])
  })

  it('come in with all that the figure says while they have not expired, again without change', async () => {
    const target = await there.place('alive')
    expect(await target.import(bytes(`[${ALIVE}]`), 'short-paper')).toEqual({ ...EMPTY, created: 1, skipped: TENSORS })
    const [cube] = await target.contents()
    expect(cube?.content).toBe('You are a helpful assistant in climate policy.')
    expect(cube?.record).toMatchObject({
      memoryType: 'plaintext',
      semanticType: 'unspecified',
      state: 'activated',
      priority: 'high',
      tags: ['non-sensitive'],
      originRef: 'session_3894',
      createdAtMs: Date.UTC(2025, 3, 10),
      expiresAtMs: Date.UTC(2026, 5, 1),
      accessCount: 78,
      lastUsedAtMs: Date.UTC(2025, 4, 1),
      metadata: { access: '["user_483","admin"]', model: 'LLaMA3-8B', storage_mode: 'compressed' },
    })
    expect(Date.UTC(2026, 5, 1)).toBeGreaterThan(NOW_MS)
    const later = ALIVE.map((line) => line.replace('78', '79'))
    expect(await target.import(bytes(later.join('\n')), 'short-paper')).toEqual({
      ...EMPTY,
      unchanged: 1,
      skipped: TENSORS,
    })
    expect(await target.found('climate policy')).toEqual(['You are a helpful assistant in climate policy.'])
  })

  it('come one on each line, or alone, and one that is not as printed does not stop the others', async () => {
    const target = await there.place('lines')
    const lines = [ALIVE[1], '{"meta":{}}', ALIVE[0], '']
    expect(await target.import(bytes(lines.join('\n')), 'short-paper')).toEqual({
      ...EMPTY,
      created: 1,
      skipped: [
        { line: 1, reason: 'tensor_not_included' },
        { line: 2, reason: 'not_as_printed' },
      ],
    })
    const pretty = JSON.stringify(JSON.parse(ALIVE[0] ?? ''), null, 2)
    expect(await target.import(bytes(pretty), 'short-paper')).toEqual({ ...EMPTY, unchanged: 1 })
  })

  it('are refused when the file is not JSON or holds something else', async () => {
    const target = await there.place('refused')
    for (const body of ['{', '"text"', '{"cubes":[]}', `${ALIVE[0]}\n{`])
      await expect(target.import(bytes(body), 'short-paper')).rejects.toMatchObject({ code: 'invalid_archive' })
  })
})
