import { MemosError } from '../../../schemas/errors.ts'
import { QUERY_EMBED_MS_MAX } from '../../../schemas/limits.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Logger } from '../../ports/logger.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { VectorQuery, VectorSpaceState } from '../../ports/vectors.ts'

export interface QueryVector extends VectorQuery {
  /** Cubes above this sequence number may still wait for their vector. */
  builtSeq: number
}

interface Served {
  embedder: Embedder
  space: VectorSpaceState
}

/**
 * The vectors of a query, one per model and made once per request whatever number of namespaces they are compared in. A model that does not
 * answer costs its part of the search, never the search: the report says so.
 */
export class QueryVectors {
  readonly #embedders: readonly Embedder[]
  readonly #logger: Logger
  readonly #given: Float32Array | null
  readonly #text: string
  readonly #made = new Map<Embedder, Promise<Float32Array | null>>()
  readonly #notes = new Set<string>()
  /** Sums over the namespaces in which the vectors of the current model are not complete. */
  readonly #building = { built: 0, of: 0 }

  constructor(
    text: string,
    given: readonly number[] | undefined,
    { embedders, logger }: { embedders: readonly Embedder[]; logger: Logger },
  ) {
    this.#text = text
    this.#embedders = embedders
    this.#logger = logger
    this.#given = given === undefined ? null : unitOf(given)
  }

  /** What the caller should know about the vectors that were used. */
  notes(): string[] {
    const { built, of } = this.#building
    const model = this.#embedders[0]?.model
    return [...this.#notes, ...(of > 0 ? [`The vectors of ${model} are being built: ${built} of ${of}.`] : [])]
  }

  /**
   * The vectors that fit a namespace's spaces: the current model's, and while its space is being built also that of the model before, which comes
   * last. None when nothing fits.
   * @throws MemosError invalid_vector when the caller's own vector fits no space of a namespace that has some
   */
  async for(
    namespace: Pick<NamespaceRow, 'nextSeq'>,
    spaces: readonly VectorSpaceState[],
    signal: AbortSignal,
  ): Promise<QueryVector[]> {
    const readable = spaces.filter(({ state }) => state !== 'retired')
    if (this.#given !== null) return givenFor(this.#given, readable)
    this.#countBuilt(namespace, readable)
    const served = this.#served(readable)
    const vectors = await Promise.all(served.map((one) => this.#vector(one, signal)))
    const found = vectors.filter((one) => one !== null)
    if (served.length > 0 && found.length === 0)
      this.#notes.add('The embedding model did not answer; results are lexical.')
    else if (found.length < served.length)
      this.#notes.add('One of two embedding models did not answer; its vectors are left out.')
    return found
  }

  #served(spaces: readonly VectorSpaceState[]): Served[] {
    const served: Served[] = []
    for (const embedder of this.#embedders) {
      const space = spaces.find(({ model }) => model === embedder.model)
      if (space === undefined) continue
      served.push({ embedder, space })
      if (space.state === 'active') break
    }
    return served
  }

  #countBuilt({ nextSeq }: Pick<NamespaceRow, 'nextSeq'>, spaces: readonly VectorSpaceState[]): void {
    const current = this.#embedders[0]
    if (current === undefined || nextSeq <= 1) return
    const space = spaces.find(({ model }) => model === current.model)
    if (space?.state === 'active') return
    this.#building.built += Math.max(0, space?.builtSeq ?? 0)
    this.#building.of += nextSeq - 1
  }

  async #vector({ embedder, space }: Served, signal: AbortSignal): Promise<QueryVector | null> {
    const made = this.#made.get(embedder) ?? this.#embed(embedder, signal)
    this.#made.set(embedder, made)
    const vector = await made
    return vector === null || vector.length !== space.dimensions ? null : { ...space, vector }
  }

  async #embed(embedder: Embedder, signal: AbortSignal): Promise<Float32Array | null> {
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(QUERY_EMBED_MS_MAX)])
      const [vector] = await embedder.embed([this.#text], { kind: 'query', signal: deadline })
      return vector ?? null
    } catch (error) {
      this.#logger.warn('query_embedding_failed', {
        model: embedder.model,
        error: error instanceof MemosError ? error.code : 'unknown',
      })
      return null
    }
  }
}

function givenFor(vector: Float32Array, spaces: readonly VectorSpaceState[]): QueryVector[] {
  if (spaces.length === 0) return []
  const ordered = spaces.toSorted((a, b) => Number(b.state === 'active') - Number(a.state === 'active'))
  const space = ordered.find((one) => one.dimensions === vector.length)
  // Vectors of callers come with their cubes: none is awaited.
  if (space !== undefined) return [{ ...space, vector, builtSeq: Number.POSITIVE_INFINITY }]
  throw new MemosError('invalid_vector', {
    field: 'vector',
    expected: `${ordered.map((one) => one.dimensions).join(' or ')} dimensions, as the stored vectors have`,
  })
}

function unitOf(values: readonly number[]): Float32Array {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  if (!Number.isFinite(length) || length === 0)
    throw new MemosError('invalid_vector', { field: 'vector', expected: 'finite numbers, not all zero' })
  return Float32Array.from(values, (value) => value / length)
}
