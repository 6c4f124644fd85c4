import type {
  Vectorize,
  VectorizeAsyncMutation,
  VectorizeIndexInfo,
  VectorizeMatches,
  VectorizeQueryOptions,
  VectorizeVector,
} from '@cloudflare/workers-types'
import { dot } from './clustered-vectors.ts'

const UPSERT_MAX = 1000
const TOP_K_MAX = 100
const TOP_K_WITH_VALUES_MAX = 20
const NAME_BYTES_MAX = 64

type Stored = VectorizeVector & { values: number[] }

/**
 * A Vectorize binding with the documented behaviour: cosine metric, mutations queued in order and applied only by
 * settle(), the published limits, and an error for each misuse. Values are kept as float32, like the service.
 */
export class FakeVectorize implements Pick<Vectorize, 'describe' | 'query' | 'upsert' | 'deleteByIds' | 'getByIds'> {
  readonly #dimensions: number
  readonly #vectors = new Map<string, Stored>()
  readonly #queued: { mutationId: string; atMs: number; apply: () => void }[] = []
  #processed = { mutationId: '', atMs: 0 }

  constructor(dimensions: number) {
    this.#dimensions = dimensions
  }

  /** Applies the first `count` queued mutations, all by default. */
  settle(count = this.#queued.length): void {
    for (const { mutationId, atMs, apply } of this.#queued.splice(0, count)) {
      apply()
      this.#processed = { mutationId, atMs }
    }
  }

  /** Ids of the vectors that queries can find. */
  get ids(): string[] {
    return [...this.#vectors.keys()]
  }

  // The published type says number; the service answers with a date and a UUID.
  async describe(): Promise<VectorizeIndexInfo> {
    const { mutationId, atMs } = this.#processed
    return {
      vectorCount: this.#vectors.size,
      dimensions: this.#dimensions,
      processedUpToDatetime: new Date(atMs).toISOString() as unknown as number,
      processedUpToMutation: mutationId as unknown as number,
    }
  }

  async query(vector: ArrayLike<number>, options: VectorizeQueryOptions = {}): Promise<VectorizeMatches> {
    const { topK = 5, namespace, returnValues = false, returnMetadata = 'none' } = options
    const cap = returnValues || returnMetadata === 'all' || returnMetadata === true ? TOP_K_WITH_VALUES_MAX : TOP_K_MAX
    this.#expect(topK >= 1 && topK <= cap, `topK must be between 1 and ${cap}`)
    const query = this.#values(vector)
    const matches = [...this.#vectors.values()]
      .filter((stored) => namespace === undefined || stored.namespace === namespace)
      .map((stored) => ({ id: stored.id, score: cosine(query, Float32Array.from(stored.values)) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, topK)
    return { matches, count: matches.length }
  }

  async upsert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation> {
    this.#expect(vectors.length >= 1 && vectors.length <= UPSERT_MAX, `expected 1 to ${UPSERT_MAX} vectors`)
    const stored = vectors.map((vector): Stored => {
      this.#expectName(vector.id)
      if (vector.namespace !== undefined) this.#expectName(vector.namespace)
      return { ...structuredClone(vector), values: [...this.#values(vector.values)] }
    })
    return this.#enqueue(() => {
      for (const vector of stored) this.#vectors.set(vector.id, vector)
    })
  }

  async deleteByIds(ids: string[]): Promise<VectorizeAsyncMutation> {
    this.#expect(ids.length >= 1 && ids.length <= TOP_K_MAX, `expected 1 to ${TOP_K_MAX} ids`)
    return this.#enqueue(() => {
      for (const id of ids) this.#vectors.delete(id)
    })
  }

  async getByIds(ids: string[]): Promise<VectorizeVector[]> {
    return ids.flatMap((id) => this.#vectors.get(id) ?? []).map((vector) => structuredClone(vector))
  }

  #enqueue(apply: () => void): VectorizeAsyncMutation {
    const mutationId = crypto.randomUUID()
    this.#queued.push({ mutationId, atMs: Date.now(), apply })
    return { mutationId }
  }

  #values(values: ArrayLike<number>): Float32Array {
    this.#expect(values.length === this.#dimensions, `expected ${this.#dimensions} dimensions, got ${values.length}`)
    return Float32Array.from(values)
  }

  #expectName(name: string): void {
    const { length } = new TextEncoder().encode(name)
    this.#expect(length >= 1 && length <= NAME_BYTES_MAX, `expected a name of 1 to ${NAME_BYTES_MAX} bytes`)
  }

  #expect(valid: boolean, message: string): void {
    if (!valid) throw new Error(`VECTOR_QUERY_ERROR: ${message}`)
  }
}

const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
