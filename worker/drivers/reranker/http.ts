import { z } from 'zod'
import type { Reranker } from '../../ports/reranker.ts'

export interface HttpRerankerInit {
  /** Up to and without `/rerank`: `https://api.jina.ai/v1`, `https://api.cohere.com/v2`, `http://127.0.0.1:8000/v1`. */
  baseUrl: string
  model: string
  apiKey?: string | undefined
  fetch?: typeof fetch
}

const Answer = z.object({
  results: z.array(z.object({ index: z.int().nonnegative(), relevance_score: z.number() })),
})

/** Any server that speaks the `POST /rerank` of Cohere, which Jina, vLLM and llama.cpp speak too. */
export class HttpReranker implements Reranker {
  readonly model: string
  readonly #init: HttpRerankerInit

  constructor(init: HttpRerankerInit) {
    this.#init = init
    this.model = init.model
  }

  /** @throws Error when the server does not answer one finite score for every passage before the signal fires */
  async rerank(query: string, passages: readonly string[], signal: AbortSignal): Promise<number[]> {
    if (passages.length === 0) return []
    const { baseUrl, model, apiKey, fetch: request = fetch } = this.#init
    const response = await request(`${baseUrl.replace(/\/$/, '')}/rerank`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, query, documents: passages, top_n: passages.length }),
      signal,
    })
    if (!response.ok) throw new Error(`the reranker answered ${response.status}`)
    return scoresOf(await response.json(), passages.length)
  }
}

function scoresOf(answer: unknown, count: number): number[] {
  const { results } = Answer.parse(answer)
  const scores = new Map(results.map(({ index, relevance_score }) => [index, relevance_score]))
  return Array.from({ length: count }, (_, index) => {
    const score = scores.get(index)
    if (score === undefined) throw new Error(`the reranker left out passage ${index} of ${count}`)
    return score
  })
}
