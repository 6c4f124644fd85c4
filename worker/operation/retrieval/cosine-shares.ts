/** Stretches cosines to 0..1 over those found, since models differ in offset and spread (Bruch et al. 2023, arXiv 2210.11934). */
export function cosineShares(cosines: readonly number[]): (cosine: number) => number {
  const low = cosines.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY)
  const high = cosines.reduce((most, one) => Math.max(most, one), Number.NEGATIVE_INFINITY)
  return (cosine) => (high > low ? (cosine - low) / (high - low) : Math.max(0, cosine))
}
