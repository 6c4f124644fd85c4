import { describe, expect, it } from 'vitest'
import { WorkersAiModel } from './workers-ai.ts'

const MODEL = '@cf/meta/llama-3.3-70b-instruct-fp8-fast'
const messages = [{ role: 'user' as const, content: '{}' }]

function open(answer: () => unknown, deadlineMs?: number) {
  const calls: Record<string, unknown>[] = []
  const model = new WorkersAiModel({
    model: MODEL,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
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

  it('takes the answers of models that speak as chat completions do', async () => {
    const choice = (message: object, finish_reason = 'stop') => ({ choices: [{ message, finish_reason }] })
    expect(await open(() => choice({ content: '{"a":1}' })).ask()).toBe('{"a":1}')
    await expect(open(() => choice({ content: '{"a' }, 'length')).ask()).rejects.toMatchObject({ reason: 'cut_off' })
    await expect(open(() => choice({ refusal: 'No.' })).ask()).rejects.toMatchObject({ reason: 'refused' })
  })

  it.each([
    ['another form', () => ({ text: 'x' }), 'malformed'],
    ['nothing', () => ({ response: ' ' }), 'malformed'],
    ['an answer of all its tokens', () => ({ response: '{"a', usage: { completion_tokens: 9 } }), 'cut_off'],
    ['far too much', () => ({ response: 'x'.repeat(300 * 1024) }), 'too_large'],
    ['an unknown model', () => Promise.reject(new Error('5007: No such model')), 'rejected'],
    [
      'a spent allocation',
      () => Promise.reject(new Error('3036: You have used up your daily free allocation')),
      'rate_limited',
    ],
    ['a late answer', () => Promise.reject(new Error('3007: Request timeout')), 'timeout'],
    ['a schema it could not keep to', () => Promise.reject(new Error("5024: JSON Mode couldn't be met")), 'malformed'],
    ['an error', () => Promise.reject(new Error('internal error')), 'unavailable'],
  ])('names what is wrong with %s', async (_, answer, reason) => {
    await expect(open(answer).ask()).rejects.toMatchObject({ reason })
  })

  it('asks once more where all machines are taken', async () => {
    const busy = new Error('InferenceUpstreamError: 3040: Capacity temporarily exceeded, please try again.')
    let left = 1
    const once = open(() => (left-- > 0 ? Promise.reject(busy) : { response: '{"a":1}' }))
    expect(await once.ask()).toBe('{"a":1}')
    const always = open(() => Promise.reject(busy))
    await expect(always.ask()).rejects.toMatchObject({ reason: 'rate_limited' })
    expect(always.calls).toHaveLength(2)
  })

  it('ends at its deadline, though the binding hears of none, and with its caller', async () => {
    const hanging = open(() => new Promise(() => undefined), 20)
    await expect(hanging.ask()).rejects.toMatchObject({ reason: 'timeout' })
    await expect(open(() => ({ response: 'x' })).ask(AbortSignal.abort())).rejects.toMatchObject({ reason: 'timeout' })
  })
})
