import { z } from 'zod'
import { MemosError } from '../../../schemas/errors.ts'
import { EMBED_MS_MAX, WORKERS_AI_TEXTS_MAX } from '../../../schemas/limits.ts'
import type { Embedder } from '../../ports/embedder.ts'
import { embedderFailed, UnitVectors } from './unit-vectors.ts'

/** The part of the Workers AI binding that embedding needs. */
export interface WorkersAi {
  run(model: string, input: { text: string[] }, options: { signal: AbortSignal }): Promise<unknown>
}

const Answer = z.object({ data: z.array(z.array(z.number())) })

/** A text embedding model of Workers AI (`@cf/baai/bge-m3`), run by Cloudflare without a key of its own. */
export class WorkersAiEmbedder implements Embedder {
  readonly model: string
  readonly #ai: WorkersAi
  readonly #vectors = new UnitVectors()

  constructor({ ai, model }: { ai: WorkersAi; model: string }) {
    this.#ai = ai
    this.model = model
  }

  get dimensions(): number | null {
    return this.#vectors.dimensions
  }

  embed(
    texts: readonly string[],
    { signal }: { kind: 'query' | 'document'; signal?: AbortSignal },
  ): Promise<Float32Array[]> {
    return this.#vectors.embed(texts, WORKERS_AI_TEXTS_MAX, (part) => this.#call(part, signal))
  }

  async #call(text: string[], signal: AbortSignal | undefined): Promise<number[][]> {
    const deadline = AbortSignal.timeout(EMBED_MS_MAX)
    try {
      const answer = await this.#ai.run(
        this.model,
        { text },
        { signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) },
      )
      const parsed = Answer.safeParse(answer)
      if (!parsed.success) throw embedderFailed('its answer has another form')
      return parsed.data.data
    } catch (cause) {
      throw cause instanceof MemosError ? cause : embedderFailed('it could not be reached', cause)
    }
  }
}
