import type { SearchScope } from './lexical.ts'

/** A set of vectors that searches may use. */
export interface VectorSpaceState {
  model: string
  dimensions: number
  state: 'building' | 'active' | 'retired'
  builtSeq: number
}

export interface VectorHit {
  seq: number
  /** Exact cosine of the stored vector. */
  cosine: number
}

/** Nearest vectors with the permissions of one principal. */
export interface VectorSearch {
  spaces(namespaceId: number): Promise<VectorSpaceState[]>
  nearest(
    namespaceId: number,
    model: string,
    query: Float32Array,
    limit: number,
    scope: SearchScope,
    signal: AbortSignal,
  ): Promise<VectorHit[]>
}
