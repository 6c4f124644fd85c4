import type { VectorIndex } from '../../ports/vector-index.ts'
import { expectVector } from './expect-vector.ts'

/** The index that holds nothing: it has absorbed no change, so the caller scans every row exactly. */
export const exactScanIndex = (): VectorIndex => ({
  async upsert(space, entries) {
    for (const { vector } of entries) expectVector(vector, space.dimensions)
  },
  async remove() {},
  async candidates(space, query, _limit, signal) {
    signal?.throwIfAborted()
    expectVector(query, space.dimensions)
    return { hits: [], absorbedChange: 0 }
  },
  async drop() {},
})
