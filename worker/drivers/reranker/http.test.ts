import { describe, expect, it } from 'vitest'
import { HttpReranker } from './http.ts'

const signal = new AbortController().signal

function open(answer: () => Response | Promise<Response>, apiKey?: string) {
  const asked: { url: string; headers: Headers; body: unknown }[] = []
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    init.signal?.throwIfAborted()
    asked.push({ url: String(url), headers: new Headers(init.headers), body: JSON.parse(String(init.body)) })
    return answer()
  }
  return { asked, reranker: new HttpReranker({ baseUrl: 'http://models.test/v1/', model: 'm', apiKey, fetch }) }
}
const results = (scores: [index: number, relevance_score: unknown][]) =>
  Response.json({ results: scores.map(([index, relevance_score]) => ({ index, relevance_score })) })

describe('HttpReranker', () => {
  it('answers scores in the order of the passages', async () => {
    const answer = () =>
      results([
        [1, 0.9],
        [0, -2],
      ])
    const { asked, reranker } = open(answer, 'secret')
    expect(await reranker.rerank('q', ['a', 'b'], signal)).toEqual([-2, 0.9])
    expect(asked[0]?.url).toBe('http://models.test/v1/rerank')
    expect(asked[0]?.headers.get('authorization')).toBe('Bearer secret')
    expect(asked[0]?.body).toEqual({ model: 'm', query: 'q', documents: ['a', 'b'], top_n: 2 })
  })

  it('asks nothing about no passages, and sends no key that it was not given', async () => {
    const { asked, reranker } = open(() => results([[0, 1]]))
    expect(await reranker.rerank('q', [], signal)).toEqual([])
    await reranker.rerank('q', ['a'], signal)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.headers.has('authorization')).toBe(false)
  })

  it.each([
    ['an error', () => new Response('', { status: 429 })],
    ['no JSON', () => new Response('<html>')],
    ['another form', () => Response.json([0.1, 0.2])],
    ['a score that is no number', () => results([[0, 'high']])],
    // JSON has no NaN: servers that compute one send null.
    ['a score that is not finite', () => results([[0, null]])],
    ['too few scores', () => results([[1, 0.5]])],
  ])('fails when the server answers %s', async (_, answer) => {
    await expect(open(answer).reranker.rerank('q', ['a', 'b'], signal)).rejects.toThrow()
  })

  it('ends with the signal of its caller', async () => {
    const { reranker } = open(() => results([[0, 1]]))
    await expect(reranker.rerank('q', ['a'], AbortSignal.abort())).rejects.toThrow()
  })
})
