import { describe, expect, it } from 'vitest'
import { EMBED_TEXTS_MAX } from '../../../schemas/limits.ts'
import { OpenAiCompatibleEmbedder } from './openai-compatible.ts'

interface Asked {
  url: string
  headers: Headers
  body: { model: string; input: string[]; encoding_format: string }
}

function open(answer: (asked: Asked) => Response | Promise<Response>, apiKey?: string) {
  const asked: Asked[] = []
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    init.signal?.throwIfAborted()
    asked.push({ url: String(url), headers: new Headers(init.headers), body: JSON.parse(String(init.body)) })
    return answer(asked.at(-1) as Asked)
  }
  const embedder = new OpenAiCompatibleEmbedder({ baseUrl: 'http://models.test/v1/', model: 'm', apiKey, fetch })
  return { asked, embedder }
}
const base64 = (values: number[]) => Buffer.from(Float32Array.from(values).buffer).toString('base64')
const rows = (vectors: unknown[]) =>
  Response.json({ data: vectors.map((embedding, index) => ({ index, embedding })).reverse() })
const query = { kind: 'query' as const }

describe('OpenAiCompatibleEmbedder', () => {
  it('reads numbers and base64 in any order', async () => {
    const { asked, embedder } = open(() => rows([[3, 4], base64([0, 2])]), 'secret')
    expect((await embedder.embed(['a', 'b'], query)).map((vector) => [...vector])).toEqual([
      [Math.fround(0.6), Math.fround(0.8)],
      [0, 1],
    ])
    expect(asked[0]?.url).toBe('http://models.test/v1/embeddings')
    expect(asked[0]?.headers.get('authorization')).toBe('Bearer secret')
    expect(asked[0]?.body).toEqual({ model: 'm', input: ['a', 'b'], encoding_format: 'base64' })
  })

  it('asks in parts', async () => {
    const { asked, embedder } = open(({ body }) => rows(body.input.map(() => [1])))
    expect(await embedder.embed(Array(EMBED_TEXTS_MAX + 1).fill('t'), query)).toHaveLength(EMBED_TEXTS_MAX + 1)
    expect(asked.map(({ body }) => body.input.length)).toEqual([EMBED_TEXTS_MAX, 1])
  })

  it.each([
    ['an error', () => new Response('overloaded', { status: 503 })],
    ['no JSON', () => new Response('<html>')],
    ['another form', () => Response.json({ embeddings: [] })],
    ['too few vectors', () => rows([])],
    ['a zero vector', () => rows([[0, 0]])],
    ['nothing', () => Promise.reject(new TypeError('fetch failed'))],
  ])('fails when the server answers %s', async (_, answer) => {
    await expect(open(answer).embedder.embed(['a'], query)).rejects.toMatchObject({ code: 'embedder_failed' })
  })
})
