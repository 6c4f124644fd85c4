/** One set of comparable vectors: a namespace embedded with one model. */
export interface VectorSpace {
  /** Organisation whose database holds the rows. */
  orgId: string
  namespaceId: number
  /** Id of the embedding model as stored (`openai/text-embedding-3-small`). */
  model: string
  dimensions: number
}

/** One stored vector. `change` rises with every write in the space, so an index can say how far it has read. */
export interface VectorEntry {
  seq: number
  change: number
  /** Unit length; finite. */
  vector: Float32Array
}

export interface VectorCandidates {
  /** Row sequence numbers, best first, with approximate cosine. */
  hits: { seq: number; score: number }[]
  /** Every row with `change` up to here has been considered; the caller scans later rows exactly. */
  absorbedChange: number
}

/** Where an index reads the truth from: rows in order of `change`. */
export interface VectorSource {
  read(space: VectorSpace, afterChange: number, limit: number): Promise<VectorEntry[]>
}

/**
 * Approximate nearest neighbours. An index is derived state: it proposes candidates, the database decides
 * (exact score, permissions, deletions). Losing an index loses time, never data.
 */
export interface VectorIndex {
  /** Tells of new or replaced rows; the index may absorb them later. */
  upsert(space: VectorSpace, entries: readonly VectorEntry[]): Promise<void>
  /** Tells of removed rows. */
  remove(space: VectorSpace, seqs: readonly number[]): Promise<void>
  candidates(space: VectorSpace, query: Float32Array, limit: number, signal?: AbortSignal): Promise<VectorCandidates>
  /** Forgets the whole space, persisted parts included. */
  drop(space: VectorSpace): Promise<void>
}
