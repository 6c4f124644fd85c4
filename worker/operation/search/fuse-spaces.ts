import type { VectorHit } from '../../ports/vectors.ts'
import { cosineShares } from '../retrieval/cosine-shares.ts'

/**
 * Hits of several models as one list, best first. Cosines of two models cannot be compared, so each list is stretched to 0..1 by itself; a cube
 * that both found keeps its better share, and one that has only one of the vectors is found by it. A single list stays as it is.
 */
export function fuseSpaces(spaces: readonly VectorHit[][]): VectorHit[] {
  const [only] = spaces
  if (only !== undefined && spaces.length === 1) return only
  const best = new Map<number, number>()
  for (const hits of spaces) {
    const share = cosineShares(hits.map(({ cosine }) => cosine))
    for (const { seq, cosine } of hits) best.set(seq, Math.max(best.get(seq) ?? 0, share(cosine)))
  }
  return [...best].map(([seq, cosine]) => ({ seq, cosine })).sort((a, b) => b.cosine - a.cosine || a.seq - b.seq)
}
