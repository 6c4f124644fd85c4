import { describe, expect, it } from 'vitest'
import { BAD_ANSWERS, ChatServer, completion } from '../../../test/support/chat-server.ts'
import { OpenAiCompatibleModel } from './openai-compatible.ts'

const messages = [
  { role: 'system' as const, content: 'Answer.' },
  { role: 'user' as const, content: '{}' },
]
const schema = { name: 'form', schema: { type: 'object' } }

function open(init: { apiKey?: string; deadlineMs?: number } = {}) {
  const server = new ChatServer()
  const model = new OpenAiCompatibleModel({ baseUrl: 'http://chat.test/v1/', model: 'm', fetch: server.fetch, ...init })
  const ask = (signal = new AbortController().signal) => model.complete(messages, { schema, maxTokens: 50, signal })
  return { server, ask }
}

describe('OpenAiCompatibleModel', () => {
  it('speaks the chat completions of OpenAI', async () => {
    const { server, ask } = open({ apiKey: 'secret' })
    server.answer = () => completion('{"a":1}')
    expect(await ask()).toBe('{"a":1}')
    const [asked] = server.asked
    expect(asked).toMatchObject({ model: 'm', messages, max_tokens: 50, temperature: 0 })
    expect(asked?.response_format).toEqual({ type: 'json_schema', json_schema: { ...schema, strict: true } })
    expect(asked?.headers.get('authorization')).toBe('Bearer secret')
  })

  it.each([
    ['broken JSON', null],
    ['words around nothing', null],
    ['a refusal', 'refused'],
    ['a content filter', 'refused'],
    ['an answer cut off', 'cut_off'],
    ['no choices', 'malformed'],
    ['no JSON at all', 'malformed'],
    ['too many requests', 'rate_limited'],
    ['too many requests for long', 'rate_limited'],
    ['a fault of its own', 'unavailable'],
    ['no key', 'unavailable'],
    ['far too much', 'too_large'],
  ])('names what is wrong with %s', async (name, reason) => {
    const { server, ask } = open()
    server.answer = BAD_ANSWERS[name] as ChatServer['answer']
    if (reason === null) expect(typeof (await ask())).toBe('string')
    else await expect(ask()).rejects.toMatchObject({ name: 'LanguageModelError', reason })
  })

  it('repeats once after an overload, and not when it is to wait for long', async () => {
    const { server, ask } = open()
    server.answer = () =>
      server.asked.length === 1
        ? new Response('', { status: 503, headers: { 'retry-after': '0' } })
        : completion('again')
    expect(await ask()).toBe('again')
    expect(server.asked).toHaveLength(2)
    server.asked.length = 0
    server.answer = BAD_ANSWERS['a fault of its own'] as ChatServer['answer']
    await expect(ask()).rejects.toMatchObject({ reason: 'unavailable' })
    expect(server.asked).toHaveLength(2)
    server.asked.length = 0
    server.answer = BAD_ANSWERS['too many requests for long'] as ChatServer['answer']
    await expect(ask()).rejects.toMatchObject({ reason: 'rate_limited' })
    expect(server.asked).toHaveLength(1)
  })

  it('asks without a schema where the server knows none, from then on', async () => {
    const { server, ask } = open()
    server.answer = ({ response_format }) =>
      response_format === undefined
        ? completion('plain')
        : Response.json({ error: { message: 'response_format' } }, { status: 400 })
    expect([await ask(), await ask()]).toEqual(['plain', 'plain'])
    expect(server.asked.map(({ response_format }) => response_format !== undefined)).toEqual([true, false, false])
  })

  it('ends at its deadline and with its caller', async () => {
    const { server, ask } = open({ deadlineMs: 20 })
    server.answer = () => new Response('', { status: 429, headers: { 'retry-after': '1' } })
    await expect(ask()).rejects.toMatchObject({ reason: 'timeout' })
    await expect(open().ask(AbortSignal.abort())).rejects.toMatchObject({ reason: 'timeout' })
  })
})
