import type { DurableObjectNamespace } from '@cloudflare/workers-types'
import type { VectorCandidates, VectorEntry, VectorIndex, VectorSpace } from '../../ports/vector-index.ts'
import { spacePrefix } from './persisted-space.ts'

/** The index as its Durable Object offers it. */
export interface VectorIndexStub {
  upsert(space: VectorSpace, entries: readonly VectorEntry[]): Promise<void>
  remove(space: VectorSpace, seqs: readonly number[]): Promise<void>
  candidates(space: VectorSpace, query: Float32Array, limit: number): Promise<VectorCandidates>
  drop(space: VectorSpace): Promise<void>
}

/** Resident vectors in Durable Objects, one per space: its memory and its order are its own. */
export class DurableObjectVectorIndex implements VectorIndex {
  readonly #objects: DurableObjectNamespace

  constructor(objects: DurableObjectNamespace) {
    this.#objects = objects
  }

  upsert(space: VectorSpace, entries: readonly VectorEntry[]): Promise<void> {
    return this.#of(space).upsert(space, entries)
  }

  remove(space: VectorSpace, seqs: readonly number[]): Promise<void> {
    return this.#of(space).remove(space, seqs)
  }

  candidates(space: VectorSpace, query: Float32Array, limit: number, signal?: AbortSignal): Promise<VectorCandidates> {
    signal?.throwIfAborted()
    return this.#of(space).candidates(space, query, limit)
  }

  drop(space: VectorSpace): Promise<void> {
    return this.#of(space).drop(space)
  }

  #of(space: VectorSpace): VectorIndexStub {
    return this.#objects.get(this.#objects.idFromName(spacePrefix(space))) as unknown as VectorIndexStub
  }
}
