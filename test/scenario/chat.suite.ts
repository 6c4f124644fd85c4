import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ChatCompletion, ModelList } from '../../schemas/chat.ts'
import type { NodeTaskInput } from '../../schemas/node-task.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import type { Database } from '../../worker/ports/database.ts'
import { Caller, newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { SCRIPTED_MODEL, ScriptedHub, type ScriptedNode } from '../support/scripted-hub.ts'

const DAY_MS = 86_400_000
/** D1 takes its time for the rows of 64 tasks. */
const PATIENT = { timeout: 20_000 }

/**
 * Goal: a prompt is answered by a node with the right memory in the right form, and ends in an answer or an error with a code whatever nodes do.
 * Method: an edge inside the test over a real database of the host, and nodes that answer from a script.
 */
export function chatSuite(openDatabase: () => Promise<{ database: Database; close(): Promise<void> }>) {
  let opened: { database: Database; close(): Promise<void> }
  let edge: LocalEdge
  let admin: Caller
  let orgId: string
  let hub: ScriptedHub
  const blobs = new MemoryBlobStore()
  const clock = { nowMs: Date.UTC(2026, 0, 1) }

  const openEdge = (nodes: ScriptedHub) =>
    openLocalEdge({
      databases: new Map([['default', opened.database]]),
      blobs,
      clock,
      seed: clock.nowMs % 1e9,
      nodes: { hub: nodes, blobs: nodes.blobs },
    })
  beforeAll(async () => {
    opened = await openDatabase()
  })
  afterAll(() => opened.close())
  beforeEach(async () => {
    hub = new ScriptedHub()
    clock.nowMs += 60_000
    edge = await openEdge(hub)
    ;({ admin, id: orgId } = await newTenant(edge))
    return () => edge.close()
  })

  const chat = (body: Record<string, unknown>, caller = admin) =>
    caller.raw('POST', '/v1/chat/completions', {
      body: JSON.stringify({ model: 'scripted', ...body }),
      headers: { 'content-type': 'application/json' },
    })
  const user = (content: string) => ({ role: 'user', content })
  const answered = async (body: Record<string, unknown>, caller = admin) => {
    const response = await chat(body, caller)
    const text = await response.text()
    expect(response.status, text).toBe(200)
    return { answer: ChatCompletion.parse(JSON.parse(text)), headers: response.headers }
  }
  const refused = async (body: Record<string, unknown>, caller = admin) => {
    const response = await chat(body, caller)
    const { error } = (await response.json()) as {
      error: { code: string; type: string; message: string; param: unknown }
    }
    return { status: response.status, ...error, retryAfter: response.headers.get('retry-after') }
  }
  /** Values of a stream until `[DONE]`, and the text that they make. */
  const streamed = async (body: Record<string, unknown>) => {
    const response = await chat({ stream: true, ...body })
    const events = (await response.text()).split('\n\n').filter((line) => line !== '')
    const values = events.map((line) => line.replace(/^data: /, ''))
    const chunks = values.filter((value) => value !== '[DONE]').map((value) => JSON.parse(value))
    const text = chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? '').join('')
    return { response, chunks, text, isWhole: values.at(-1) === '[DONE]' }
  }
  const add = async (content: string) => (await admin.ok('createCube', { body: { content } })).cubeId
  const report = { memos: { explain: true } }
  const openTasks = () => edge.rows(`select kind from tasks where kind like 'node:%' and state = 'running'`)
  const ofOrg = 'namespace_id in (select id from namespaces where org_id = ?)'
  const caches = (session = '') =>
    edge.rows(`select cube_id, model from kv_renditions where session = ? and ${ofOrg}`, session, orgId)
  const blobKeys = () => blobs.list(`cubes/${orgId}/`)

  describe('an answer', () => {
    it('comes whole, from the node that is named, with what was injected', async () => {
      hub.add('node-a')
      const cubeId = await add('Mira keeps her boat in Porto.')
      const { answer, headers } = await answered({ messages: [user('Where is the boat of Mira?')], ...report })
      expect(answer.choices[0]?.message.content).toBe('Mira? of boat the is Where')
      expect(headers.get('x-memos-node')).toBe('node-a')
      expect(answer.memos).toMatchObject({
        node: { id: 'node-a', attempts: 1 },
        model: SCRIPTED_MODEL,
        composition: 'text',
        injected: [{ cubeId, as: 'text', because: 'on_demand_fact' }],
        conversation: 'none',
      })
      expect(answer.memos?.remembered).toHaveLength(2)
    })

    it('streams one event a token, then report, usage and an end', async () => {
      hub.add('node-a')
      const { response, chunks, text, isWhole } = await streamed({
        messages: [user('one two three')],
        stream_options: { include_usage: true },
        ...report,
      })
      expect(response.headers.get('content-type')).toContain('text/event-stream')
      expect(response.headers.get('x-memos-node')).toBe('node-a')
      expect(text).toBe('three two one')
      expect(chunks.filter(({ choices }) => choices[0]?.delta.content)).toHaveLength(3)
      expect(chunks.at(-2)).toMatchObject({ choices: [{ finish_reason: 'stop' }], memos: { node: { id: 'node-a' } } })
      expect(chunks.at(-1)).toMatchObject({ usage: { completion_tokens: 3 } })
      expect(isWhole).toBe(true)
      expect(await openTasks()).toEqual([])
    })

    it('lists the models of connected nodes, and takes a fingerprint or default for a name', async () => {
      expect(await admin.ok('listModels', {})).toEqual({ object: 'list', data: [] })
      hub.add('node-a')
      hub.add('node-b')
      const list = ModelList.parse(await (await admin.raw('GET', '/v1/models')).json())
      expect(list.data).toMatchObject([{ id: 'scripted', memos: { fingerprint: SCRIPTED_MODEL, nodes: 2 } }])
      await answered({ model: SCRIPTED_MODEL, messages: [user('a b')] })
      await answered({ model: 'default', messages: [user('a b')] })
    })
  })

  describe('a refusal has the shape of OpenAI, and no text is made up', () => {
    it('without a node, and with nodes that have another model', async () => {
      expect(await refused({ messages: [user('a')] })).toMatchObject({
        status: 503,
        code: 'no_model_available',
        type: 'server_error',
      })
      hub.add('node-a')
      expect(await refused({ model: 'other', messages: [user('a')] })).toMatchObject({
        code: 'no_model_available',
        param: 'model',
      })
    })

    it('for what is wrong in the request, the key or its scopes', async () => {
      hub.add('node-a')
      expect(await refused({ messages: [] })).toMatchObject({
        status: 400,
        type: 'invalid_request_error',
        param: 'messages',
      })
      expect(await refused({ messages: [user('a')], tools: [] })).toMatchObject({ status: 400, param: 'tools' })
      const response = await edge.fetch('/v1/models')
      expect([response.status, await response.json()]).toMatchObject([401, { error: { type: 'authentication_error' } }])
      const writer = await admin.newKey({ scopes: ['memory:write'] })
      expect(await refused({ messages: [user('a')] }, writer)).toMatchObject({ status: 403, type: 'permission_error' })
    })

    it('when every attempt fails, with the code of the node', async () => {
      const fails = { kind: 'fails', code: 'internal', afterTokens: 0 } as const
      for (const name of ['node-a', 'node-b']) hub.add(name, { mishaps: [fails, fails, fails] })
      expect(await refused({ messages: [user('a b')] })).toMatchObject({ status: 502, code: 'node_failed' })
      expect(await openTasks()).toEqual([])
    })
  })

  describe('a node that is lost', () => {
    it('before the first token is replaced without the caller seeing it', async () => {
      hub.add('node-a', { mishaps: [{ kind: 'lost', afterTokens: 0 }] })
      hub.add('node-b')
      const { response, text, isWhole } = await streamed({ messages: [user('one two')] })
      expect([response.headers.get('x-memos-node'), response.headers.get('x-memos-attempts')]).toEqual(['node-b', '2'])
      expect([text, isWhole]).toEqual(['two one', true])
    })

    it('after the first token ends the stream in an error with a code', async () => {
      hub.add('node-a', { mishaps: [{ kind: 'lost', afterTokens: 1 }] })
      hub.add('node-b')
      const { chunks, text, isWhole } = await streamed({ messages: [user('one two three')] })
      expect([text, isWhole]).toEqual(['three ', false])
      expect(chunks.at(-1)).toMatchObject({ error: { code: 'node_failed', type: 'server_error' } })
      expect(await admin.ok('listCubes', { query: {} })).toMatchObject({ items: [] })
    })

    it('after the first token is replaced where the caller waits for the whole', async () => {
      hub.add('node-a', { mishaps: [{ kind: 'lost', afterTokens: 1 }] })
      hub.add('node-b')
      const { answer, headers } = await answered({ messages: [user('one two')] })
      expect([answer.choices[0]?.message.content, headers.get('x-memos-node')]).toEqual(['two one', 'node-b'])
    })

    it('by a caller that goes away is told to stop, and gives its place back', async () => {
      const node = hub.add('node-a', {
        concurrency: 1,
        mishaps: [{ kind: 'waits', until: new Promise(() => {}), afterTokens: 1 }],
      })
      const response = await chat({ messages: [user('one two')], stream: true })
      const reader = response.body?.getReader()
      await reader?.read()
      await reader?.cancel()
      await expect.poll(() => [node.inFlight, node.cancelled]).toEqual([0, 1])
      await answered({ messages: [user('one two')] })
    })
  })

  it('64 streams over two nodes, one of which is lost and comes back, each end in their own answer or an error', async () => {
    const nodes = ['node-a', 'node-b'].map((name) => hub.add(name, { concurrency: 4 }))
    const [lost] = nodes as [ScriptedNode]
    const asked = Array.from({ length: 64 }, (_, i) => `question ${i} of ${crypto.randomUUID()} and more`)
    const answers = asked.map((text) => streamed({ messages: [user(text)], memos: { remember: false } }))
    await expect.poll(() => lost.given.length, PATIENT).toBeGreaterThan(6)
    lost.isConnected = false
    await expect.poll(() => lost.inFlight, PATIENT).toBe(0)
    lost.isConnected = true
    const ended = await Promise.all(answers)
    for (const [i, { text, chunks, isWhole }] of ended.entries()) {
      const whole = asked[i]?.split(' ').toReversed().join(' ') ?? ''
      if (isWhole) expect(text).toBe(whole)
      else expect([whole.startsWith(text), chunks.at(-1)?.error?.code]).toEqual([true, 'node_failed'])
    }
    expect(ended.filter(({ isWhole }) => isWhole).length).toBeGreaterThanOrEqual(56)
    expect(Math.max(...nodes.map(({ inFlightMax }) => inFlightMax))).toBeLessThanOrEqual(4)
    expect(nodes.map(({ inFlight }) => inFlight)).toEqual([0, 0])
    expect(await openTasks()).toEqual([])
  })

  describe('what is said is remembered', () => {
    const turn = { messages: [user('My cat is called Nelly.')], memos: { session: 's', explain: true } }

    it('once, however often the request is repeated, and only with the scope to write', async () => {
      hub.add('node-a')
      const first = await answered(turn)
      const again = await answered(turn)
      expect(again.answer.memos?.remembered).toEqual(first.answer.memos?.remembered)
      const { items } = await admin.ok('listCubes', { query: { session: 's' } })
      expect(items.map(({ descriptive: { role } }) => role)).toEqual(['assistant', 'user'])
      const reader = await admin.newKey({ scopes: ['memory:read'] })
      const read = await answered({ ...turn, messages: [user('Another thing.')] }, reader)
      expect(read.answer.memos).toMatchObject({ namespace: null, remembered: [] })
    })

    it('the second turn continues on the cache of the first, also from another process', async () => {
      hub.add('node-a')
      const first = await answered(turn)
      expect(first.answer.memos?.conversation).toBe('new')
      const messages = [
        ...turn.messages,
        { role: 'assistant', content: 'Nelly. called is cat My' },
        user('She is black.'),
      ]
      await edge.close()
      edge = await openEdge(hub)
      admin = new Caller(edge, admin.secret)
      const second = await answered({ ...turn, messages })
      expect(second.answer.memos?.conversation).toBe('continued')
      expect(second.answer.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0)
      expect(await caches('s')).toEqual([[second.answer.memos?.remembered.at(-1), SCRIPTED_MODEL]])
    })

    it('a turn that is erased takes the cache of the conversation with it, bytes included', async () => {
      hub.add('node-a')
      const { answer } = await answered(turn)
      expect(await blobKeys()).toHaveLength(2)
      await admin.ok('deleteCube', { params: { cubeId: answer.memos?.remembered[0] ?? '' } })
      expect(await caches('s')).toEqual([])
      expect(await blobKeys()).toEqual([])
    })
  })

  it('nobody is given memory that he may not read, nor the cache of a conversation that holds it', async () => {
    const node = hub.add('node-a')
    const body = { content: 'The safe of Mira opens with 4711.', sensitivity: 'secret' }
    await admin.ok('createCube', { body } as never)
    const reader = await admin.newKey({ scopes: ['memory:read', 'memory:write'] })
    const ask = { messages: [user('What opens the safe of Mira?')], memos: { session: 's', explain: true } }
    expect((await answered(ask)).answer.memos?.injected).toHaveLength(1)
    const { memory, conversation } = await answered(ask, reader).then(
      () => node.given.at(-1) as NodeTaskInput<'generate'>,
    )
    expect([memory, conversation?.kv]).toEqual([[], undefined])
  })

  describe('text that is hot and stable', () => {
    const POLICY = { promoteHeat: 2, promoteStableDays: 1, distilHeat: 1000 }
    const promoted = async () => {
      await admin.ok('createNamespace', { body: { name: 'n', layer: 'shared', settings: { schedule: POLICY } } })
      const { cubeId } = await admin.ok('createCube', {
        body: { namespace: 'n', content: 'Mira keeps her boat in Porto.' },
      })
      for (let time = 0; time < 3; time++) await admin.ok('getCube', { params: { cubeId } })
      await edge.settle()
      clock.nowMs += DAY_MS + 60_000
      await edge.components.tick(['schedule'])
      await edge.runTasks()
      return cubeId
    }
    const ask = () =>
      answered({
        messages: [user('Where is the boat of Mira?')],
        memos: { namespace: 'n', remember: false, explain: true },
      })

    it('gets a KV cache that prompts are given, and its text is as before', async () => {
      hub.add('node-a')
      const cubeId = await promoted()
      expect(await caches()).toEqual([[cubeId, SCRIPTED_MODEL]])
      const { answer } = await ask()
      expect(answer.memos).toMatchObject({
        composition: 'blended',
        injected: [{ cubeId, as: 'kv', because: 'frequent_and_stable' }],
      })
      expect(await admin.ok('getCube', { params: { cubeId } })).toMatchObject({
        content: 'Mira keeps her boat in Porto.',
        revision: 1,
        descriptive: { memoryType: 'plaintext' },
      })
    })

    it('waits for a node that can do it', async () => {
      const cubeId = await promoted()
      expect(await caches()).toEqual([])
      hub.add('node-a')
      clock.nowMs += 120_000
      await edge.runTasks()
      expect(await caches()).toEqual([[cubeId, SCRIPTED_MODEL]])
    })

    it('loses the cache when it says something else, and when it is erased', async () => {
      hub.add('node-a')
      const cubeId = await promoted()
      await admin.ok('updateCube', {
        params: { cubeId },
        body: { mode: 'overwrite', content: 'Mira has sold her boat.' },
      })
      expect(await caches()).toEqual([])
      expect((await ask()).answer.memos?.injected).toMatchObject([{ as: 'text' }])
    })

    it('loses it when the policy asks for another form, has no room, or it has cooled off', async () => {
      hub.add('node-a')
      const cubeId = await promoted()
      await admin.ok('updateNamespace', {
        params: { name: 'n' },
        body: { settings: { schedule: { ...POLICY, kvBytesMax: 1 } } },
      })
      await edge.components.tick(['nodes'])
      expect(await caches()).toEqual([])
      expect(await blobKeys()).toEqual([])
      const { items } = await admin.ok('listDecisions', { query: { kind: 'demote' } })
      expect(items).toMatchObject([{ cubeId, choice: { because: 'over_budget' } }])
    })

    it('is given as text when a node refuses the cache, which is dropped', async () => {
      const node = hub.add('node-a')
      await promoted()
      hub.scripted.set('node-a', node)
      node.mishaps.push(
        ...Array.from({ length: 3 }, () => ({
          kind: 'fails' as const,
          code: 'invalid_tensor' as const,
          afterTokens: 0,
        })),
      )
      const { answer } = await ask()
      expect(answer.memos?.injected).toMatchObject([{ as: 'text', because: 'cache_refused' }])
      expect(answer.memos?.notes[0]).toContain('refused a KV cache')
      expect(await caches()).toEqual([])
    })
  })
}
