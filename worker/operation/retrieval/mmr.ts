import { MMR_CANDIDATES_MAX } from '../../../schemas/limits.ts'

export interface MmrHit {
  score: number
  /** Distinct index terms of the text. */
  terms: ReadonlySet<string>
  /** Unit vector of the text; compared in place of terms where both hits have one. */
  vector?: Float32Array
}

export interface MmrOptions {
  /** 1 keeps the ranking, 0 looks at novelty only. */
  lambda: number
  /** Hits wanted; the rest follows in its old order. */
  limit: number
}

/**
 * Maximal marginal relevance (Carbonell and Goldstein 1998): picks in turn the hit with the largest lambda x relevance - (1 - lambda) x similarity to
 * what is already picked. Relevance is the score relative to the best. All hits come back.
 */
export function diversify<Hit extends MmrHit>(hits: readonly Hit[], { lambda, limit }: MmrOptions): Hit[] {
  if (!(lambda >= 0 && lambda <= 1)) throw new RangeError(`"lambda" expected 0..1, got ${lambda}`)
  if (lambda === 1) return [...hits]
  const best = hits.reduce((max, { score }) => Math.max(max, score), 0) || 1
  const pool = hits.slice(0, MMR_CANDIDATES_MAX).map((hit) => ({ hit, redundancy: 0 }))
  const picked: Hit[] = []
  while (pool.length > 0 && picked.length < limit) {
    const value = ({ hit, redundancy }: (typeof pool)[number]): number =>
      (lambda * hit.score) / best - (1 - lambda) * redundancy
    let next = 0
    for (let i = 1; i < pool.length; i++)
      if (value(pool[i] as (typeof pool)[number]) > value(pool[next] as (typeof pool)[number])) next = i
    const [{ hit }] = pool.splice(next, 1) as [(typeof pool)[number]]
    picked.push(hit)
    for (const other of pool) other.redundancy = Math.max(other.redundancy, similarity(hit, other.hit))
  }
  return [...picked, ...pool.map(({ hit }) => hit), ...hits.slice(MMR_CANDIDATES_MAX)]
}

/** Cosine of the vectors where both are there, else the Jaccard overlap of the terms; 0..1. */
export function similarity(a: Omit<MmrHit, 'score'>, b: Omit<MmrHit, 'score'>): number {
  if (a.vector !== undefined && b.vector !== undefined && a.vector.length === b.vector.length) {
    let dot = 0
    for (let i = 0; i < a.vector.length; i++) dot += (a.vector[i] as number) * (b.vector[i] as number)
    return Math.min(1, Math.max(0, dot))
  }
  let shared = 0
  for (const term of a.terms) if (b.terms.has(term)) shared++
  const union = a.terms.size + b.terms.size - shared
  return union === 0 ? 0 : shared / union
}
