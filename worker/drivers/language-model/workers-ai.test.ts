import { describe, expect, it } from 'vitest'
import { WorkersAiModel } from './workers-ai.ts'

const MODEL = '@cf/meta/llama-3.3-70b-instruct-fp8-fast'
const messages = [{ role: 'user' as const, content: '{}' }]

function open(answer: () => unknown) {
  const calls: Record<string, unknown>[] = []
  const model = new WorkersAiModel({
    model: MODEL,
    ai: {
      run: async (name, input, { signal }) => {
        signal.throwIfAborted()
        calls.push({ name, ...input })
        return answer()
      },
    },
  })
  const ask = (signal = new AbortController().signal) =>
    model.complete(messages, { schema: { name: 'form', schema: { type: 'object' } }, maxTokens: 9, signal })
  return { calls, ask }
}

describe('WorkersAiModel', () => {
  it('asks for JSON and takes text or the object itself', async () => {
    const { calls, ask } = open(() => ({ response: '{"a":1}' }))
    expect(await ask()).toBe('{"a":1}')
    expect(calls).toEqual([
      {
        name: MODEL,
        messages,
        max_tokens: 9,
        temperature: 0,
        response_format: { type: 'json_schema', json_schema: { type: 'object' } },
      },
    ])
    expect(await open(() => ({ response: { a: 1 } })).ask()).toBe('{"a":1}')
  })

  it.each([
    ['another form', () => ({ text: 'x' }), 'malformed'],
    ['nothing', () => ({ response: ' ' }), 'malformed'],
    ['far too much', () => ({ response: 'x'.repeat(300 * 1024) }), 'too_large'],
    ['an error', () => Promise.reject(new Error('5007: No such model')), 'unavailable'],
  ])('names what is wrong with %s', async (_, answer, reason) => {
    await expect(open(answer).ask()).rejects.toMatchObject({ reason })
  })

  it('ends with its caller', async () => {
    await expect(open(() => ({ response: 'x' })).ask(AbortSignal.abort())).rejects.toMatchObject({ reason: 'timeout' })
  })
})
