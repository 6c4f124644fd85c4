import { DurableObject } from 'cloudflare:workers'
import { VECTOR_INDEX_BYTES_MAX } from '../../schemas/limits.ts'
import { R2BlobStore } from '../drivers/blob-store/r2.ts'
import { jsonLinesLogger } from '../drivers/logger/json-lines.ts'
import { EmbeddedVectorIndex } from '../drivers/vector-index/embedded-vector-index.ts'
import kernel from '../drivers/vector-index/kernel/vector-kernel.wasm'
import { d1Databases, type Env } from '../entry/cloudflare/env.ts'
import { MemVault } from '../infrastructure/vault/mem-vault.ts'
import { vectorSource } from '../infrastructure/vault/vector-source.ts'
import type { VectorCandidates, VectorEntry, VectorSpace } from '../ports/vector-index.ts'

/** Resident vectors of one space. Derived state: rows in D1 are the truth, chunks in R2 make a cold start short. */
export class VectorIndexObject extends DurableObject<Env> {
  readonly #index: EmbeddedVectorIndex

  constructor(state: DurableObjectState, env: Env) {
    super(state, env)
    const vault = new MemVault({ databases: d1Databases(env) })
    this.#index = new EmbeddedVectorIndex(
      {
        source: vectorSource(vault, Date.now),
        blobs: new R2BlobStore(env.BLOBS),
        kernel,
        logger: jsonLinesLogger(console.log, Date.now),
      },
      { budgetBytes: VECTOR_INDEX_BYTES_MAX },
    )
  }

  upsert(space: VectorSpace, entries: readonly VectorEntry[]): Promise<void> {
    return this.#index.upsert(space, entries)
  }

  remove(space: VectorSpace, seqs: readonly number[]): Promise<void> {
    return this.#index.remove(space, seqs)
  }

  candidates(space: VectorSpace, query: Float32Array, limit: number): Promise<VectorCandidates> {
    return this.#index.candidates(space, query, limit)
  }

  drop(space: VectorSpace): Promise<void> {
    return this.#index.drop(space)
  }
}
