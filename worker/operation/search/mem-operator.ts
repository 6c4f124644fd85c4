import { MemosError } from '../../../schemas/errors.ts'
import type { Filter } from '../../../schemas/filter.ts'
import {
  MMR_CANDIDATES_MAX,
  RERANK_CANDIDATES_MAX,
  RERANK_MS_MAX,
  SEARCH_RESULTS_MAX,
} from '../../../schemas/limits.ts'
import type { RetrievalReport, SearchRequest } from '../../../schemas/search.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Reranker } from '../../ports/reranker.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { analyse } from '../retrieval/analyse.ts'
import { diversify } from '../retrieval/mmr.ts'
import type { RankedHit } from '../retrieval/rank.ts'
import { type Standing, standAt } from '../time-machine/standing.ts'
import { type NamespaceResult, searchNamespace } from './namespace-search.ts'
import { QueryVectors } from './query-vectors.ts'
import { validityOf } from './validity.ts'

export interface MemOperatorComponents {
  /** First the one that embeds; a further one serves while the first one's vectors are being built. */
  embedders: readonly Embedder[]
  reranker: Reranker | null
  logger: Logger
}

export interface FoundCube {
  full: FullCube
  hit: RankedHit
  score: number
}

export interface SearchOutcome {
  found: FoundCube[]
  report: Omit<RetrievalReport, 'call' | 'plan'>
  /** What was searched, for `memoryPath`. */
  results: NamespaceResult[]
}

export type SearchQuery = Omit<SearchRequest, 'namespaces' | 'userId' | 'explain'>

/** Organises and retrieves (MemOS paper, section 5.4.1): plans a search over namespaces, fuses, diversifies, reranks. */
export class MemOperator {
  readonly #components: MemOperatorComponents

  constructor(components: MemOperatorComponents) {
    this.#components = components
  }

  /** The best cubes for a query. @throws MemosError invalid_vector, deadline_exceeded */
  async search(
    session: VaultSession,
    namespaces: readonly NamespaceRow[],
    request: SearchQuery,
    context: RequestContext,
  ): Promise<SearchOutcome> {
    const vectors = new QueryVectors(request.query, request.vector, this.#components)
    const limit =
      request.diversity > 0
        ? Math.max(request.limit, MMR_CANDIDATES_MAX)
        : request.rerank
          ? Math.max(request.limit, RERANK_CANDIDATES_MAX)
          : request.limit
    const validity = validityOf(request, context.nowMs)
    const results: NamespaceResult[] = []
    for (const namespace of namespaces) {
      if (context.signal.aborted) throw new MemosError('deadline_exceeded')
      const standing = await standingOf(session, namespace, request, context)
      results.push(
        await searchNamespace({
          session: standing?.session ?? session,
          ...(standing === null ? {} : { standing }),
          namespace,
          request,
          validity,
          limit: Math.min(limit, SEARCH_RESULTS_MAX),
          vectors,
          signal: context.signal,
        }),
      )
    }
    const best = results
      .flatMap(({ namespace, hits }) => hits.slice(0, limit).map((hit) => ({ namespace, hit })))
      .sort((a, b) => b.hit.score - a.hit.score)
      .slice(0, limit)
    const found = await this.#load(session, best, new Map(results.map((one) => [one.namespace.id, one.standing])))
    const diverse = request.diversity > 0 ? byNovelty(found, request) : found
    const { ranked, note } = request.rerank
      ? await this.#rerank(request.query, diverse, context.signal)
      : { ranked: diverse, note: null }
    return {
      found: ranked.slice(0, request.limit),
      results,
      report: this.#report(results, request, [
        ...vectors.notes(),
        ...new Set(results.flatMap((result) => result.notes)),
        ...(note === null ? [] : [note]),
        ...damageNotes(session.cubes.damaged),
      ]),
    }
  }

  /** Rows of the ranked hits. One that vanished between ranking and reading is left out. */
  async #load(
    session: VaultSession,
    best: readonly { namespace: NamespaceRow; hit: RankedHit }[],
    standings: ReadonlyMap<number, Standing | undefined>,
  ): Promise<FoundCube[]> {
    const bySpace = Map.groupBy(best, ({ namespace }) => namespace.id)
    const loaded = new Map<string, FullCube>()
    for (const [namespaceId, hits] of bySpace) {
      const seqs = hits.map(({ hit }) => hit.seq)
      const standing = standings.get(namespaceId)
      const cubes = await (standing === undefined ? session.cubes.bySeq(namespaceId, seqs) : standing.load(seqs))
      for (const full of cubes) loaded.set(`${namespaceId}:${full.cube.seq}`, full)
    }
    return best.flatMap(({ namespace, hit }) => {
      const full = loaded.get(`${namespace.id}:${hit.seq}`)
      return full === undefined ? [] : [{ full, hit, score: hit.score }]
    })
  }

  /** Reranks a capped number of candidates within a deadline; on a miss the first ranking stands, and the report says so. */
  async #rerank(
    query: string,
    found: readonly FoundCube[],
    signal: AbortSignal,
  ): Promise<{ ranked: FoundCube[]; note: string | null }> {
    const { reranker, logger } = this.#components
    if (reranker === null) return { ranked: [...found], note: 'No reranker is configured.' }
    const head = found.slice(0, RERANK_CANDIDATES_MAX)
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(RERANK_MS_MAX)])
      const scores = await reranker.rerank(
        query,
        head.map(({ full }) => full.content ?? ''),
        deadline,
      )
      const scored = head
        .map((one, at) => ({ ...one, score: scores[at] ?? Number.NEGATIVE_INFINITY }))
        .sort((a, b) => b.score - a.score)
      return { ranked: [...scored, ...found.slice(head.length)], note: null }
    } catch (error) {
      logger.warn('rerank_failed', { model: reranker.model, error: error instanceof Error ? error.name : 'unknown' })
      return { ranked: [...found], note: 'The reranker did not answer in time; the first ranking stands.' }
    }
  }

  #report(
    results: readonly NamespaceResult[],
    request: SearchQuery,
    notes: readonly string[],
  ): SearchOutcome['report'] {
    const model = results.find((result) => result.model !== null)?.model ?? null
    const terms = [...new Set(results.flatMap((result) => result.terms))]
    const none = model === null && this.#components.embedders.length === 0 && request.mode !== 'lexical'
    return {
      mode: model === null ? 'lexical' : request.mode === 'vector' ? 'vector' : 'hybrid',
      model,
      spelling: Object.assign({}, ...results.map((result) => result.spelling)),
      notes: [...notes, ...(none ? ['No embedding model is configured; results are lexical.'] : [])],
      terms,
    }
  }
}

/** The namespace as it stood where the request asks for that; null: as it is. */
const standingOf = (
  session: VaultSession,
  namespace: NamespaceRow,
  { asOf, filter, includeArchived }: SearchQuery,
  { nowMs }: RequestContext,
): Promise<Standing> | null =>
  asOf === undefined
    ? null
    : standAt(session, namespace, asOf, { filter: (filter as Filter | undefined) ?? null, includeArchived }, nowMs)

/** Maximal marginal relevance over the texts' terms. */
const byNovelty = (found: readonly FoundCube[], { diversity, limit }: SearchQuery): FoundCube[] =>
  diversify(
    found.map((one) => ({ ...one, terms: new Set(analyse(one.full.content ?? '')) })),
    { lambda: 1 - diversity, limit },
  )

const damageNotes = (damaged: number): string[] =>
  damaged === 0 ? [] : [`${damaged} found memories are damaged in the storage and left out.`]
