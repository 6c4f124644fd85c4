import { VECTOR_CANDIDATES_MAX } from '../../../schemas/limits.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Logger } from '../../ports/logger.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { searchNamespace } from '../search/namespace-search.ts'
import { QueryVectors } from '../search/query-vectors.ts'
import { fingerprintSimilarity } from './fingerprint.ts'

/** Likeness of cubes to what is needed, by sequence number, and what it was measured by. */
export interface Similarities {
  measure: 'vector' | 'lexical' | 'context'
  model: string | null
  bySeq: ReadonlyMap<number, number>
}

export interface SimilarityInput {
  session: VaultSession
  namespace: NamespaceRow
  query: string
  limit: number
  signal: AbortSignal
}

/** The cubes nearest to a query: by the vectors of the namespace, by their words where there is no model or it does not answer. */
export async function similarToQuery(
  input: SimilarityInput,
  components: { embedders: readonly Embedder[]; logger: Logger },
): Promise<Similarities> {
  const { session, namespace, query, limit, signal } = input
  const scope = { filter: null, includeArchived: false }
  const vectors = new QueryVectors(query, undefined, components)
  const [nearest] = await vectors.for(namespace, await session.vectors.spaces(namespace.id), signal)
  if (nearest !== undefined) {
    const wanted = Math.max(limit, VECTOR_CANDIDATES_MAX)
    const { hits } = await session.vectors.nearest(namespace.id, nearest, wanted, scope, signal)
    const bySeq = new Map(hits.map(({ seq, cosine }) => [seq, cosine]))
    return { measure: 'vector', model: nearest.model, bySeq }
  }
  const request = { query, filter: undefined, live: false, mode: 'lexical' as const, includeArchived: false }
  const { hits } = await searchNamespace({ session, namespace, request, limit, vectors, signal })
  return { measure: 'lexical', model: null, bySeq: new Map(hits.map(({ seq, score }) => [seq, score])) }
}

/** Likeness of what cubes were found by to what the first of them, the one used last, was found by. */
export function similarToLastUse(recent: readonly { seq: number; contextFingerprint: string | null }[]): Similarities {
  const newest = recent.find(({ contextFingerprint }) => contextFingerprint !== null)?.contextFingerprint
  const bySeq = new Map<number, number>()
  for (const { seq, contextFingerprint } of newest === undefined ? [] : recent)
    if (newest && contextFingerprint !== null) bySeq.set(seq, fingerprintSimilarity(newest, contextFingerprint))
  return { measure: 'context', model: null, bySeq }
}
