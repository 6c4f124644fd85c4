import { describe, expect, it } from 'vitest'
import { LANGUAGE_MODEL_PAUSE_MS_MAX } from '../../../schemas/limits.ts'
import type { ChatRules } from '../../../test/support/chat-rules.ts'
import { BAD_ANSWERS, ChatServer, completion, tooBusy } from '../../../test/support/chat-server.ts'
import { OpenAiCompatibleModel } from './openai-compatible.ts'

const messages = [
  { role: 'system' as const, content: 'Answer.' },
  { role: 'user' as const, content: '{}' },
]
const schema = {
  name: 'form',
  schema: {
    type: 'object',
    properties: { a: { type: 'string', minLength: 1 } },
    required: ['a'],
    additionalProperties: false,
  },
}
const sent = (server: ChatServer) => server.asked.map(({ headers: _, data: __, messages: ___, ...more }) => more)

interface Opening {
  apiKey?: string
  deadlineMs?: number
  nowMs?: () => number
  rules?: ChatRules
}

function open({ rules, ...init }: Opening = {}) {
  const server = new ChatServer(rules)
  const model = new OpenAiCompatibleModel({ baseUrl: 'http://chat.test/v1/', model: 'm', fetch: server.fetch, ...init })
  const ask = (signal = new AbortController().signal) => model.complete(messages, { schema, maxTokens: 50, signal })
  return { server, ask }
}

describe('OpenAiCompatibleModel', () => {
  it('speaks the chat completions of OpenAI, with a schema that strict mode takes', async () => {
    const { server, ask } = open({ apiKey: 'secret', rules: { apiKey: 'secret' } })
    server.answer = () => completion('{"a":1}')
    expect(await ask()).toBe('{"a":1}')
    expect(server.refused).toEqual([])
    const [asked] = server.asked
    expect(asked).toMatchObject({ model: 'm', messages, max_tokens: 50, temperature: 0 })
    const properties = { a: { type: 'string' } }
    expect(asked?.response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'form', schema: { ...schema.schema, properties }, strict: true },
    })
    expect(asked?.headers.get('authorization')).toBe('Bearer secret')
  })

  it.each([
    ['broken JSON', null],
    ['words around nothing', null],
    ['another form', null],
    ['a refusal', 'refused'],
    ['a content filter', 'refused'],
    ['an answer cut off', 'cut_off'],
    ['no content', 'malformed'],
    ['no choices', 'malformed'],
    ['no JSON at all', 'malformed'],
    ['a body cut in the middle', 'unavailable'],
    ['a closed connection', 'unavailable'],
    ['too many requests', 'rate_limited'],
    ['a fault of its own', 'unavailable'],
    ['no key', 'rejected'],
    ['no such model', 'rejected'],
    ['a prompt that is too long', 'rejected'],
    ['far too much', 'too_large'],
  ])('names what is wrong with %s', async (name, reason) => {
    const { server, ask } = open()
    server.answer = BAD_ANSWERS[name] as ChatServer['answer']
    if (reason === null) expect(typeof (await ask())).toBe('string')
    else await expect(ask()).rejects.toMatchObject({ name: 'LanguageModelError', reason })
  })

  it.each([
    ['an overload', () => new Response('', { status: 503, headers: { 'retry-after': '0' } })],
    ['a closed connection', BAD_ANSWERS['a closed connection'] as ChatServer['answer']],
  ])('repeats once after %s', async (_, fault) => {
    const { server, ask } = open()
    server.answer = (asked) => (server.asked.length === 1 ? fault(asked) : completion('again'))
    expect(await ask()).toBe('again')
    expect(server.asked).toHaveLength(2)
    server.asked.length = 0
    server.answer = fault
    await expect(ask()).rejects.toMatchObject({ reason: 'unavailable' })
    expect(server.asked).toHaveLength(2)
  })

  it('waits as long as the server asks it to before it repeats', async () => {
    const { server, ask } = open()
    const atMs: number[] = []
    server.answer = () => {
      atMs.push(performance.now())
      return atMs.length === 1
        ? new Response('', { status: 429, headers: { 'retry-after': '1' } })
        : completion('again')
    }
    expect(await ask()).toBe('again')
    const [first = 0, second = 0] = atMs
    // Timers may fire a millisecond early.
    expect(second - first).toBeGreaterThanOrEqual(990)
  })

  it('leaves a server alone that asks for longer than anyone waits, and asks it again then', async () => {
    let nowMs = 0
    const { server, ask } = open({ nowMs: () => nowMs })
    server.answer = () => new Response('', { status: 429, headers: { 'retry-after': '5' } })
    await expect(ask()).rejects.toMatchObject({ reason: 'rate_limited' })
    server.answer = () => completion('here again')
    nowMs = 4999
    await expect(ask()).rejects.toMatchObject({ reason: 'rate_limited' })
    expect(server.asked).toHaveLength(1)
    nowMs = 5000
    expect(await ask()).toBe('here again')
    server.answer = tooBusy
    await expect(ask()).rejects.toMatchObject({ reason: 'rate_limited' })
    server.answer = () => completion('after the longest pause')
    nowMs += LANGUAGE_MODEL_PAUSE_MS_MAX
    expect(await ask()).toBe('after the longest pause')
  })

  it('asks without a schema where the server knows none, from then on', async () => {
    const { server, ask } = open({ rules: { takesNoSchema: true } })
    server.answer = () => completion('plain')
    expect([await ask(), await ask()]).toEqual(['plain', 'plain'])
    expect(server.refused).toHaveLength(1)
    expect(sent(server)).toEqual(Array(2).fill({ model: 'm', max_tokens: 50, temperature: 0 }))
  })

  it('asks reasoning models the way they want to be asked, from then on, and keeps the schema', async () => {
    const { server, ask } = open({ rules: { reasons: true } })
    server.answer = () => completion('thought')
    expect([await ask(), await ask()]).toEqual(['thought', 'thought'])
    expect(server.refused).toHaveLength(2)
    const response_format = expect.objectContaining({ type: 'json_schema' })
    expect(sent(server)).toEqual(Array(2).fill({ model: 'm', max_completion_tokens: 50, response_format }))
  })

  it('learns nothing from a request that is refused for what it says', async () => {
    const { server, ask } = open()
    server.answer = () => new Response('bad request', { status: 400 })
    await expect(ask()).rejects.toMatchObject({ reason: 'rejected' })
    expect(server.asked).toHaveLength(2)
    server.answer = () => completion('fine')
    await ask()
    expect(server.asked.at(-1)?.response_format).toBeDefined()
  })

  it('ends at its deadline and with its caller', async () => {
    const { server, ask } = open({ deadlineMs: 20 })
    server.answer = () => new Response('', { status: 429, headers: { 'retry-after': '1' } })
    await expect(ask()).rejects.toMatchObject({ reason: 'timeout' })
    await expect(open().ask(AbortSignal.abort())).rejects.toMatchObject({ reason: 'timeout' })
  })
})
