import { z } from 'zod'
import { MemosError } from '../../../schemas/errors.ts'
import { EMBED_MS_MAX, EMBED_TEXTS_MAX, VECTOR_DIMENSIONS_MAX } from '../../../schemas/limits.ts'
import type { Embedder } from '../../ports/embedder.ts'

export interface OpenAiCompatibleInit {
  /** Up to and without `/embeddings`: `https://api.openai.com/v1`, `http://127.0.0.1:11434/v1`. */
  baseUrl: string
  model: string
  apiKey?: string | undefined
  fetch?: typeof fetch
}

const Answer = z.object({
  data: z.array(
    z.object({
      index: z.int().nonnegative(),
      embedding: z.union([z.array(z.number()).max(VECTOR_DIMENSIONS_MAX), z.string()]),
    }),
  ),
})

/** Any server that speaks OpenAI's `POST /embeddings` (OpenAI, Ollama, vLLM, llama.cpp, text-embeddings-inference). */
export class OpenAiCompatibleEmbedder implements Embedder {
  readonly model: string
  dimensions: number | null = null
  readonly #init: OpenAiCompatibleInit

  constructor(init: OpenAiCompatibleInit) {
    this.#init = init
    this.model = init.model
  }

  async embed(
    texts: readonly string[],
    { signal }: { kind: 'query' | 'document'; signal?: AbortSignal },
  ): Promise<Float32Array[]> {
    const vectors: Float32Array[] = []
    for (let at = 0; at < texts.length; at += EMBED_TEXTS_MAX)
      vectors.push(...(await this.#call(texts.slice(at, at + EMBED_TEXTS_MAX), signal)))
    return vectors
  }

  async #call(input: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    const { baseUrl, model, apiKey, fetch: request = fetch } = this.#init
    const deadline = AbortSignal.timeout(EMBED_MS_MAX)
    let answer: unknown
    try {
      const response = await request(`${baseUrl.replace(/\/$/, '')}/embeddings`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        // base64 takes a third of the bytes of decimal numbers; servers that do not know it answer numbers.
        body: JSON.stringify({ model, input, encoding_format: 'base64' }),
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      })
      if (!response.ok) throw failed(`it answered ${response.status}`)
      answer = await response.json()
    } catch (cause) {
      throw cause instanceof MemosError ? cause : failed('it could not be reached', cause)
    }
    const parsed = Answer.safeParse(answer)
    if (!parsed.success || parsed.data.data.length !== input.length) throw failed('its answer has another form')
    const ordered = parsed.data.data.toSorted((a, b) => a.index - b.index)
    return ordered.map(({ embedding }) => this.#unit(typeof embedding === 'string' ? fromBase64(embedding) : embedding))
  }

  #unit(values: ArrayLike<number>): Float32Array {
    const vector = Float32Array.from(values)
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
    if (!Number.isFinite(length) || length === 0) throw failed('it answered a vector without direction')
    this.dimensions ??= vector.length
    if (vector.length !== this.dimensions) throw failed('it answered vectors of different lengths')
    return vector.map((value) => value / length)
  }
}

const failed = (why: string, cause?: unknown) =>
  new MemosError('embedder_failed', { detail: `The embedding model did not answer as expected: ${why}.` }, { cause })

/** Little-endian float32, as OpenAI encodes them. */
function fromBase64(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))
}
