import { z } from 'zod'
import { MemosError } from '../../../schemas/errors.ts'
import { EMBED_MS_MAX, EMBED_TEXTS_MAX } from '../../../schemas/limits.ts'
import type { Embedder } from '../../ports/embedder.ts'
import { embedderFailed, UnitVectors } from './unit-vectors.ts'

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
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
})

/** Any server that speaks OpenAI's `POST /embeddings` (OpenAI, Ollama, vLLM, llama.cpp, text-embeddings-inference). */
export class OpenAiCompatibleEmbedder implements Embedder {
  readonly model: string
  readonly #init: OpenAiCompatibleInit
  readonly #vectors = new UnitVectors()

  constructor(init: OpenAiCompatibleInit) {
    this.#init = init
    this.model = init.model
  }

  get dimensions(): number | null {
    return this.#vectors.dimensions
  }

  embed(
    texts: readonly string[],
    { signal }: { kind: 'query' | 'document'; signal?: AbortSignal },
  ): Promise<Float32Array[]> {
    return this.#vectors.embed(texts, EMBED_TEXTS_MAX, (part) => this.#call(part, signal))
  }

  async #call(input: readonly string[], signal: AbortSignal | undefined): Promise<ArrayLike<number>[]> {
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
      if (!response.ok) throw embedderFailed(`it answered ${response.status}`)
      answer = await response.json()
    } catch (cause) {
      throw cause instanceof MemosError ? cause : embedderFailed('it could not be reached', cause)
    }
    const parsed = Answer.safeParse(answer)
    if (!parsed.success) throw embedderFailed('its answer has another form')
    const ordered = parsed.data.data.toSorted((a, b) => a.index - b.index)
    return ordered.map(({ embedding }) => (typeof embedding === 'string' ? fromBase64(embedding) : embedding))
  }
}

/** Little-endian float32, as OpenAI encodes them. */
function fromBase64(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))
}
