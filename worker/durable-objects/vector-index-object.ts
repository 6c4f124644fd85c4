import { DurableObject } from 'cloudflare:workers'
import type { VectorCandidates, VectorEntry, VectorIndex, VectorSpace } from '../ports/vector-index.ts'

/**
 * The Durable Object class that holds the resident vectors of one space, over the index that `open` builds from the bindings. Derived state: rows
 * in the database are the truth, chunks in the blob store make a cold start short.
 */
export const vectorIndexObject = <E>(open: (env: E) => VectorIndex) =>
  class VectorIndexObject extends DurableObject<E> {
    readonly index: VectorIndex

    constructor(state: DurableObjectState, env: E) {
      super(state, env)
      this.index = open(env)
    }

    upsert(space: VectorSpace, entries: readonly VectorEntry[]): Promise<void> {
      return this.index.upsert(space, entries)
    }

    remove(space: VectorSpace, seqs: readonly number[]): Promise<void> {
      return this.index.remove(space, seqs)
    }

    candidates(space: VectorSpace, query: Float32Array, limit: number): Promise<VectorCandidates> {
      return this.index.candidates(space, query, limit)
    }

    drop(space: VectorSpace): Promise<void> {
      return this.index.drop(space)
    }
  }
