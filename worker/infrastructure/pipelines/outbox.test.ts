import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { EFFECT_ATTEMPTS_MAX, EFFECTS_PER_TICK_MAX } from '../../../schemas/limits.ts'
import { openLibsql } from '../../drivers/database/open-libsql.ts'
import { HttpWebhook } from '../../drivers/webhook/http.ts'
import type { Database } from '../../ports/database.ts'
import { statementsOf } from '../vault/write-statements.ts'
import { Outbox } from './outbox.ts'

const HOUR_MS = 3_600_000
const logger = { info() {}, warn() {}, error() {} }

describe('outbox', () => {
  let database: Database
  let server: Server
  let origin: string
  let received: { key: string | undefined; body: unknown }[]
  let answer: number

  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = ''
      request.on('data', (piece) => {
        text += piece
      })
      request.on('end', () => {
        received.push({ key: request.headers['idempotency-key'] as string, body: JSON.parse(text) })
        response.writeHead(answer, { location: 'http://127.0.0.1:1/' }).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())

  const insert = (kind: string, payload: Record<string, unknown>) => {
    const effect = {
      id: 'e1',
      orgId: 'org',
      namespaceId: 1,
      kind,
      payload,
      idempotencyKey: 'run/step',
      state: 'waiting' as const,
    }
    const row = { ...effect, attempts: 0, nextAtMs: 1000, error: null, createdAtMs: 1000 }
    return database.batch(statementsOf('org', { kind: 'insert_effects', effects: [row] }))
  }
  const row = async () =>
    (await database.all({ sql: 'select state, attempts, next_at_ms, error from outbox', params: [] }))[0]
  const outbox = () => new Outbox({ webhook: new HttpWebhook([origin]), logger })

  beforeEach(async () => {
    database = (await openLibsql('default', ':memory:')).database
    received = []
    answer = 204
    await insert('notify', { url: `${origin}/hook`, runId: 'run', stepId: 'step', cubeIds: ['c1'] })
  })

  test('sends what is due once, with its key and without content', async () => {
    await outbox().step(database, 999)
    expect(received).toEqual([])
    await outbox().step(database, 1000)
    await outbox().step(database, 1000 + HOUR_MS)
    expect(received).toEqual([{ key: 'run/step', body: { runId: 'run', stepId: 'step', cubeIds: ['c1'] } }])
    expect(await row()).toEqual(['done', 1, expect.any(Number), null])
  })

  test.each([500, 302, 404])(
    'tries again later and longer after status %d, and gives up in the end',
    async (status) => {
      answer = status
      let nowMs = 1000
      const waits: number[] = []
      for (let attempt = 1; attempt <= EFFECT_ATTEMPTS_MAX; attempt++) {
        await outbox().step(database, nowMs)
        const [state, attempts, nextAtMs, error] = (await row()) ?? []
        expect([attempts, error]).toEqual([attempt, `status ${status}`])
        expect(state).toBe(attempt === EFFECT_ATTEMPTS_MAX ? 'failed' : 'waiting')
        waits.push(Number(nextAtMs) - nowMs)
        nowMs = Number(nextAtMs)
      }
      expect(waits).toEqual(waits.toSorted((a, b) => a - b))
      expect(new Set(received.map(({ key }) => key))).toEqual(new Set(['run/step']))
      await database.batch(statementsOf('org', { kind: 'retry_effect', id: 'e1', atMs: nowMs }))
      answer = 200
      await outbox().step(database, nowMs)
      expect((await row())?.[0]).toBe('done')
    },
  )

  test('two ticks at once send one message', async () => {
    await Promise.all([outbox().step(database, 1000), outbox().step(database, 1000)])
    expect(received).toHaveLength(1)
  })

  test('never calls an origin that the operator did not name', async () => {
    await new Outbox({ webhook: new HttpWebhook(['http://other.example']), logger }).step(database, 1000)
    expect(received).toEqual([])
    expect((await row())?.[3]).toContain('MEMOS_WEBHOOK_ORIGINS')
  })

  test('what nobody can do keeps nothing else from its turn, however much of it there is', async () => {
    await database.all({
      sql: `with recursive s (n) as (select 1 union all select n + 1 from s where n < ${3 * EFFECTS_PER_TICK_MAX})
        insert into outbox (id, org_id, kind, payload, idempotency_key, state, attempts, next_at_ms, created_at_ms)
        select 'p' || n, 'org', 'publish', '{}', 'p' || n, 'waiting', 0, 1, 1 from s`,
      params: [],
    })
    await outbox().step(database, 1000)
    expect(received).toHaveLength(1)
    const waiting = `select count(*) from outbox where kind = 'publish' and state = 'waiting' and attempts = 0 and next_at_ms > 1000`
    expect(await database.all({ sql: waiting, params: [] })).toEqual([[3 * EFFECTS_PER_TICK_MAX]])
    await new Outbox({ webhook: null, logger }).step(database, 1000 + HOUR_MS)
    expect(received).toHaveLength(1)
  })

  test('what nobody can do waits without losing an attempt, also of an organisation on the move', async () => {
    await database.all({ sql: `update outbox set kind = 'publish'`, params: [] })
    await outbox().step(database, 1000)
    expect(await row()).toEqual(['waiting', 0, expect.any(Number), expect.stringContaining('publisher')])
    await database.all({ sql: `update outbox set kind = 'notify', next_at_ms = 1000`, params: [] })
    await database.all({ sql: `insert into fences (org_id, move_id) values ('org', 'm')`, params: [] })
    await outbox().step(database, 1000)
    expect(received).toEqual([])
  })
})
