import type { SearchScope } from './lexical.ts'

/** A set of vectors that searches may use. */
export interface VectorSpaceState {
  model: string
  dimensions: number
  /** `retired` spaces wait to be removed; nothing reads them. */
  state: 'building' | 'active' | 'retired'
  /** Cubes up to this sequence number have been embedded; below 1 when none is sure to be. */
  builtSeq: number
  /** The namespace's newest change of any vector: an index that has absorbed it has nothing left to be scanned. */
  lastChange: number
}

/** What is compared with the vectors of one space. */
export interface VectorQuery extends Pick<VectorSpaceState, 'model' | 'lastChange'> {
  /** Unit length. */
  vector: Float32Array
}

export interface VectorHit {
  seq: number
  /** Exact cosine of the stored vector; after `fuseSpaces` its share of the best one. */
  cosine: number
}

export interface NearestVectors {
  hits: VectorHit[]
  /** What was left out and the caller should know of. */
  notes: string[]
}

/** Nearest vectors with the permissions of one principal. */
export interface VectorSearch {
  /** All spaces of a namespace, retired ones too. */
  spaces(namespaceId: number): Promise<VectorSpaceState[]>
  nearest(
    namespaceId: number,
    query: VectorQuery,
    limit: number,
    scope: SearchScope,
    signal: AbortSignal,
  ): Promise<NearestVectors>
}
