import { MemosError } from '../../../schemas/errors.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Logger } from '../../ports/logger.ts'
import type { VectorSpaceState } from '../../ports/vectors.ts'

export interface QueryVector {
  model: string
  vector: Float32Array
}

/**
 * The vector of a query, made once per request whatever number of namespaces it is compared in. A model that does not answer costs the
 * vector part of the search, never the search: the report says so.
 */
export class QueryVectors {
  readonly #embedder: Embedder | null
  readonly #logger: Logger
  readonly #given: Float32Array | null
  readonly #text: string
  #made: Promise<Float32Array | null> | null = null
  readonly notes = new Set<string>()

  constructor(
    text: string,
    given: readonly number[] | undefined,
    { embedder, logger }: { embedder: Embedder | null; logger: Logger },
  ) {
    this.#text = text
    this.#embedder = embedder
    this.#logger = logger
    this.#given = given === undefined ? null : unitOf(given)
  }

  /**
   * The vector that fits a namespace's spaces, or null when there is none.
   * @throws MemosError invalid_vector when the caller's own vector fits no space of a namespace that has some
   */
  async for(spaces: readonly VectorSpaceState[], signal: AbortSignal): Promise<QueryVector | null> {
    if (spaces.length === 0) return null
    const ordered = spaces.toSorted((a, b) => Number(b.state === 'active') - Number(a.state === 'active'))
    const given = this.#given
    if (given !== null) {
      const space = ordered.find((one) => one.dimensions === given.length)
      if (space === undefined) {
        throw new MemosError('invalid_vector', {
          field: 'vector',
          expected: `${ordered.map((one) => one.dimensions).join(' or ')} dimensions, as the stored vectors have`,
        })
      }
      return { model: space.model, vector: given }
    }
    const space = ordered.find((one) => one.model === this.#embedder?.model)
    if (space === undefined) return null
    const vector = await this.#embed(signal)
    return vector === null || vector.length !== space.dimensions ? null : { model: space.model, vector }
  }

  #embed(signal: AbortSignal): Promise<Float32Array | null> {
    const embedder = this.#embedder
    if (embedder === null) return Promise.resolve(null)
    this.#made ??= embedder
      .embed([this.#text], { kind: 'query', signal })
      .then(([vector]) => vector ?? null)
      .catch((error: unknown) => {
        this.#logger.warn('query_embedding_failed', {
          model: embedder.model,
          error: error instanceof MemosError ? error.code : 'unknown',
        })
        this.notes.add('The embedding model did not answer; results are lexical.')
        return null
      })
    return this.#made
  }
}

function unitOf(values: readonly number[]): Float32Array {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  if (!Number.isFinite(length) || length === 0)
    throw new MemosError('invalid_vector', { field: 'vector', expected: 'finite numbers, not all zero' })
  return Float32Array.from(values, (value) => value / length)
}
