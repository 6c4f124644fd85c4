import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { ROUTES } from '../schemas/routes/all.ts'
import { MemosClient } from './client.ts'
import { ENDPOINTS, type Item } from './endpoints.ts'
import { MemosApiError, MemosConnectionError } from './errors.ts'

interface Seen {
  method: string
  url: string
  headers: Headers
  body: string
}
type Answer = Response | Error

/** A client whose server gives these answers in turn, and what that server saw. */
function scripted(answers: (Answer | (() => Answer))[], options: { retries?: number; organisation?: string } = {}) {
  const seen: Seen[] = []
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    seen.push({
      method: String(init.method),
      url: String(url),
      headers: new Headers(init.headers),
      body: String(init.body ?? ''),
    })
    const next = answers[Math.min(seen.length, answers.length) - 1]
    const answer = typeof next === 'function' ? next() : next
    if (answer === undefined || answer instanceof Error) throw answer
    return answer
  }
  return {
    client: new MemosClient({
      baseUrl: 'http://edge/',
      apiKey: 'k1',
      fetch: fetch as typeof globalThis.fetch,
      ...options,
    }),
    seen,
  }
}

const json = (value: unknown, status = 200) => Response.json(value, { status })
const problem = (status: number, code: string, more: object = {}) =>
  Response.json(
    { code, title: code, status, detail: `${code}!`, requestId: 'r1', ...more },
    { status, headers: { 'retry-after': '0' } },
  )

it('knows method and path of every operation', () => {
  const expected = Object.entries(ROUTES).map(([name, { method, path }]) => [name, `${method} ${path}`])
  expect(ENDPOINTS).toEqual(Object.fromEntries(expected))
})

it('sends key, organisation and JSON, and returns the answer', async () => {
  const answer = { cubes: [], taskId: null }
  const { client, seen } = scripted([json(answer, 201)], { organisation: 'acme' })
  expect(await client.remember({ text: 'I moved to Lisbon.' })).toEqual(answer)
  expect(seen[0]).toMatchObject({
    method: 'POST',
    url: 'http://edge/v1/memories',
    body: '{"text":"I moved to Lisbon."}',
  })
  expect(seen[0]?.headers.get('authorization')).toBe('Bearer k1')
  expect(seen[0]?.headers.get('x-memos-org')).toBe('acme')
  expect(seen[0]?.headers.get('content-type')).toBe('application/json')
})

it('escapes path parameters and leaves undefined query fields out', async () => {
  const { client, seen } = scripted([() => json({ items: [], nextCursor: null })])
  await client.call('getNamespace', { params: { name: 'a/b?c' } })
  await client.call('listCubes', { query: { limit: 5, includeArchived: true, tag: undefined } })
  expect(seen.map(({ url }) => url)).toEqual([
    'http://edge/v1/namespaces/a%2Fb%3Fc',
    'http://edge/v1/cubes?limit=5&includeArchived=true',
  ])
})

it('refuses an empty path parameter, which would name another operation', async () => {
  const { client, seen } = scripted([json({})])
  await expect(client.namespaces.delete('')).rejects.toThrow(/"params.name" expected a non-empty string/)
  expect(seen).toEqual([])
})

it('repeats a write under one idempotency key until it is answered', async () => {
  const { client, seen } = scripted([
    problem(503, 'database_busy'),
    new TypeError('socket'),
    json({ cubes: [], taskId: null }, 201),
  ])
  await client.remember({ text: 'once' })
  const keys = seen.map(({ headers }) => headers.get('idempotency-key'))
  expect(keys).toHaveLength(3)
  expect(keys[0]).toMatch(/^[!-~]{16,}$/)
  expect(new Set(keys).size).toBe(1)
})

it('uses a new idempotency key for each write, the one of the caller if given, and none for reading', async () => {
  const { client, seen } = scripted([() => json({ results: [] })])
  await client.remember({ text: 'a' })
  await client.remember({ text: 'a' })
  await client.remember({ text: 'a' }, { idempotencyKey: 'mine' })
  await client.search('a')
  const [first, second, third, fourth] = seen.map(({ headers }) => headers.get('idempotency-key'))
  expect(first).not.toBe(second)
  expect(third).toBe('mine')
  expect(fourth).toBeNull()
})

it('does not repeat an update after a broken connection, because appending twice differs from once', async () => {
  const { client, seen } = scripted([new TypeError('socket'), json({})])
  await expect(client.cubes.update('C1', { mode: 'append', content: 'x' })).rejects.toThrow(MemosConnectionError)
  expect(seen).toHaveLength(1)
})

it('gives up after the retries it was given', async () => {
  const { client, seen } = scripted([() => problem(429, 'rate_limited')], { retries: 2 })
  await expect(client.search('a')).rejects.toMatchObject({ code: 'rate_limited', status: 429, retryAfterMs: 0 })
  expect(seen).toHaveLength(3)
})

it('turns problem details into an error with code, field and request', async () => {
  const { client } = scripted([
    problem(400, 'invalid_request', { field: 'messages.3.content', expected: 'text', detail: 'Not valid' }),
  ])
  const error = await client.remember({ text: 'a' }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(MemosApiError)
  expect(error).toMatchObject({
    code: 'invalid_request',
    status: 400,
    field: 'messages.3.content',
    expected: 'text',
    detail: 'Not valid',
    requestId: 'r1',
  })
  expect((error as Error).message).toBe('Not valid (messages.3.content)')
})

it('says so when something else than a MemOS server answers', async () => {
  const page = () => new Response('<html>', { status: 502 })
  await expect(scripted([page]).client.usage()).rejects.toMatchObject({ code: 'unexpected_answer', status: 502 })
  const { client } = scripted([new Response('<html>', { status: 200 })])
  await expect(client.usage()).rejects.toMatchObject({ code: 'unexpected_answer', status: 200 })
})

it('walks the pages of a list only as far as it is asked to', async () => {
  const page = (ids: string[], nextCursor: string | null) =>
    json({ items: ids.map((requestId) => ({ requestId })), nextCursor })
  const all = scripted([page(['a', 'b'], 'c2'), page(['c'], null)])
  const found: Item<'queryLog'>[] = []
  for await (const entry of all.client.log({ operation: 'search' })) found.push(entry)
  expect(found.map(({ requestId }) => requestId)).toEqual(['a', 'b', 'c'])
  expect(all.seen.map(({ url }) => url)).toEqual([
    'http://edge/v1/log?operation=search',
    'http://edge/v1/log?operation=search&cursor=c2',
  ])

  const some = scripted([page(['a', 'b'], 'c2'), page(['c'], null)])
  for await (const entry of some.client.log()) if (entry.requestId === 'b') break
  expect(some.seen).toHaveLength(1)
})

it('passes the abort of the caller on as it is', async () => {
  const { client, seen } = scripted([json({})])
  await expect(client.usage({ signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
  expect(seen).toEqual([])
})

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close }
}

it('ends an attempt at its deadline and says that it was one', async () => {
  await using server = await serve(() => undefined)
  const client = new MemosClient({ baseUrl: server.url, apiKey: 'k', timeoutMs: 20, retries: 0 })
  await expect(client.usage()).rejects.toMatchObject({ name: 'MemosConnectionError', isTimeout: true })
})

it('says so when an import is not answered with a report', async () => {
  const { client } = scripted([new Response('', { status: 200 })])
  const bytes = new Uint8Array([1])
  await expect(client.import(bytes, { namespace: 'default' })).rejects.toMatchObject({ code: 'unexpected_answer' })
})

it('streams archives in both directions', async () => {
  await using server = await serve(async (request, response) => {
    if (request.method === 'GET') response.end(`archive of ${request.url}`)
    else response.end(JSON.stringify({ created: (await text(request)).length, type: request.headers['content-type'] }))
  })
  const client = new MemosClient({ baseUrl: server.url, apiKey: 'k' })
  const archive = await client.export({ namespace: 'default' })
  expect(await new Response(archive).text()).toBe('archive of /v1/export?namespace=default')
  const stream = new Blob(['12345']).stream()
  expect(await client.import(stream, { namespace: 'default' })).toEqual({
    created: 5,
    type: 'application/octet-stream',
  })
  expect(await client.import(new Blob(['123']), { namespace: 'default' })).toMatchObject({ created: 3 })
})
