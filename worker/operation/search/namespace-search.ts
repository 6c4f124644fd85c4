import type { Filter } from '../../../schemas/filter.ts'
import { SEARCH_CANDIDATES_MAX, SEARCH_POSTINGS_MAX, VECTOR_CANDIDATES_MAX } from '../../../schemas/limits.ts'
import type { SearchRequest } from '../../../schemas/search.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { LexicalDocument, LexicalIndex, LexicalStatistics, SearchScope, Validity } from '../../ports/lexical.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { VectorHit } from '../../ports/vectors.ts'
import { type ScoredDocument, scoreDocuments, scoreSessions, sessionFrequencies } from '../retrieval/bm25.ts'
import { neighbourKeys } from '../retrieval/neighbours.ts'
import { type PlannedTerm, planTerms } from '../retrieval/plan.ts'
import { analyseQuery, type QueryAnalysis } from '../retrieval/query.ts'
import { type Candidate, type RankedHit, rank } from '../retrieval/rank.ts'
import { suggestTerms } from '../retrieval/spelling.ts'
import { DEFAULT_WEIGHTS, type RetrievalWeights } from '../retrieval/weights.ts'
import type { Standing } from '../time-machine/standing.ts'
import { fuseSpaces } from './fuse-spaces.ts'
import { type GraphResult, searchGraph, wantsGraph } from './graph-search.ts'
import type { QueryVectors } from './query-vectors.ts'

/** Vocabulary read for one beginning of misspelt words. */
const VOCABULARY_PER_PREFIX_MAX = 5000
/** A word of so many letters is first compared with the terms that share its first two, so that a large vocabulary is not cut before them. */
const LONG_WORD_LETTERS = 5
/** Beginnings that one query looks up. */
const PREFIXES_MAX = 16
const VOCABULARY_CUT = 'The vocabulary is larger than the spelling correction reads; further spellings may exist.'
/** With so few sessions, which of them a question means says nothing. */
const SESSIONS_IGNORED_MAX = 2
/** Candidates where no neighbour can lift a document: fewer suffice. */
const CANDIDATES_WITHOUT_SESSIONS = 64
/** Commoner terms are added to so many times the candidates: those just below may rise among them. */
const COMMONER_MARGIN = 4

export interface NamespaceSearchInput {
  session: VaultSession
  namespace: NamespaceRow
  request: Pick<SearchRequest, 'query' | 'filter' | 'live' | 'mode' | 'includeArchived' | 'graph'>
  /** When in the world a cube must hold; absent: whenever. */
  validity?: Validity | undefined
  /** Results wanted from this namespace. */
  limit: number
  vectors: QueryVectors
  signal: AbortSignal
  /** The namespace as it stood, its session being the one to search with; absent: as it is. */
  standing?: Standing
}

export interface NamespaceResult {
  namespace: NamespaceRow
  hits: RankedHit[]
  model: string | null
  terms: readonly string[]
  spelling: Record<string, string[]>
  analysis: QueryAnalysis
  /** Conversations that were scored as wholes. */
  sessions: number
  /** The walk over the graph of entities; null when it was not wanted. */
  graph: GraphResult | null
  /** What was left out and the caller should know of. */
  notes: readonly string[]
  standing: Standing | undefined
}

/** Lexical and vector search of one namespace, fused by weight (RETRIEVAL, section "The pipeline"). */
export async function searchNamespace(asked: NamespaceSearchInput): Promise<NamespaceResult> {
  const input = asked.request.includeArchived ? withArchived(asked) : asked
  const { session, namespace, request, standing } = input
  const scope: SearchScope = {
    filter: (request.filter as Filter | undefined) ?? null,
    includeArchived: request.includeArchived,
    validity: input.validity,
    ...(standing === undefined ? {} : { view: standing.view }),
  }
  const weights: RetrievalWeights = {
    ...DEFAULT_WEIGHTS,
    ...(namespace.settings.weights as Partial<RetrievalWeights> | undefined),
  }
  const wantsVectors = request.mode !== 'lexical'
  const queryTerms = analyseQuery(request.query, { speakers: [] }).terms
  const [statistics, near] = await Promise.all([
    session.lexical.statistics(namespace, queryTerms),
    wantsVectors ? nearest(input, scope) : null,
  ])
  // Turns of an assistant chat have roles; a name in the question is then a topic, not a speaker.
  const analysis = analyseQuery(request.query, { speakers: statistics.hasRoles ? [] : statistics.speakers })
  const spelt = await respell(session, namespace, analysis.terms, statistics, near === null)
  const plan =
    request.mode === 'vector'
      ? []
      : planTerms({
          terms: spelt.terms,
          frequencies: spelt.statistics.documents,
          documents: statistics.cubes,
          weights,
          postingsMax: SEARCH_POSTINGS_MAX,
        })
  const found = await findLexical(input, plan, { statistics: spelt.statistics, weights, scope, near: near?.hits ?? [] })
  const walks = standing === undefined && wantsGraph(namespace, request.graph)
  const graph = walks ? await searchGraph(session.graph, graphQuery(input, found, scope)) : null
  const proposed = [...(near?.hits ?? []), ...(graph?.hits ?? [])]
  const documents = await withNeighboursAndVectors(input, found, proposed, scope)
  const reached = new Map(graph?.hits.map((hit) => [hit.seq, hit.share]))
  const cosines = new Map(near?.hits.map((hit) => [hit.seq, hit.cosine]))
  const hits = rank({
    candidates: documents.map((document) => ({
      ...toCandidate(document, found.scores.get(document.seq), cosines.get(document.seq)),
      awaitsVector: near !== null && (document.seq > near.builtSeq || standing?.overlay.has(document.seq) === true),
      graph: reached.get(document.seq) ?? 0,
    })),
    terms: plan,
    documents: statistics.cubes,
    sessionScores: new Map([...found.sessions].map(([id, score]) => [String(id), score])),
    query: analysis,
    weights,
    hasRoles: statistics.hasRoles,
    ...(request.live ? { sessionsAgo: sessionsAgo(documents, scope, statistics.lastOrdinal) } : {}),
  })
  const terms = matchedTerms(plan, found)
  return {
    namespace,
    hits,
    model: near?.model ?? null,
    terms,
    spelling: spellingAmong(spelt.spelling, terms),
    analysis,
    sessions: found.sessions.size,
    graph,
    notes: [...(standing?.notes ?? []), ...(near?.notes ?? []), ...spelt.notes],
    standing,
  }
}

const graphQuery = ({ namespace, request, signal }: NamespaceSearchInput, found: LexicalFound, scope: SearchScope) => ({
  namespaceId: namespace.id,
  query: request.query,
  scope,
  lexical: found.documents.map(({ seq }) => ({ seq, score: found.scores.get(seq)?.bm25 ?? 0 })),
  signal,
})

const withArchived = (input: NamespaceSearchInput): NamespaceSearchInput => ({
  ...input,
  session: { ...input.session, lexical: input.session.lexicalWithArchived },
})

/** The terms that documents hold which may be seen: the report must not tell which words stand in the others. */
function matchedTerms(plan: readonly PlannedTerm[], { documents, scores }: LexicalFound): string[] {
  const masks = documents.map(({ seq }) => scores.get(seq)?.matched ?? 0)
  // Masks are wider than 32 bits, so a bit is read by division.
  const isMatched = ({ bit }: PlannedTerm) => bit > 0 && masks.some((mask) => Math.floor(mask / bit) % 2 === 1)
  return plan.filter(isMatched).map(({ term }) => term)
}

const spellingAmong = (spelling: Record<string, string[]>, terms: readonly string[]): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(spelling)
      .map(([term, suggestions]) => [term, suggestions.filter((one) => terms.includes(one))] as const)
      .filter(([, suggestions]) => suggestions.length > 0),
  )

async function nearest(
  { session, namespace, vectors, limit, signal }: NamespaceSearchInput,
  scope: SearchScope,
): Promise<{ model: string; hits: VectorHit[]; builtSeq: number; notes: string[] } | null> {
  const asked = await vectors.for(namespace, await session.vectors.spaces(namespace.id), signal)
  const last = asked.at(-1)
  if (last === undefined) return null
  const count = Math.max(limit, VECTOR_CANDIDATES_MAX)
  const found = await Promise.all(
    asked.map((query) => session.vectors.nearest(namespace.id, query, count, scope, signal)),
  )
  const builtSeq = Math.max(...asked.map((one) => one.builtSeq))
  const hits = fuseSpaces(found.map((one) => one.hits))
  return { model: last.model, hits, builtSeq, notes: found.flatMap((one) => one.notes) }
}

interface LexicalFound {
  documents: LexicalDocument[]
  /** Documents near in meaning that were read along with them, and all that were asked for, seen or not. */
  nearby: LexicalDocument[]
  asked: ReadonlySet<number>
  scores: ReadonlyMap<number, ScoredDocument>
  sessions: ReadonlyMap<number, number>
}

interface LexicalInput {
  statistics: LexicalStatistics
  weights: RetrievalWeights
  scope: SearchScope
  near: readonly VectorHit[]
}

/** Scores the rarer terms' documents, adds what commoner terms are worth to the best, and reads those that may be seen. */
async function findLexical(
  { session, namespace, limit }: NamespaceSearchInput,
  plan: readonly PlannedTerm[],
  { statistics, weights, scope, near }: LexicalInput,
): Promise<LexicalFound> {
  const { lexical } = session
  const finding = plan.filter((term) => term.finds)
  const scoring = plan.filter((term) => !term.finds)
  const sessions = statistics.sessions > SESSIONS_IGNORED_MAX && weights.session > 0
  const lists = await lexical.postings(
    namespace,
    finding.map((term) => term.term),
    { sessions },
  )
  const wanted = sessions
    ? SEARCH_CANDIDATES_MAX
    : Math.min(SEARCH_CANDIDATES_MAX, Math.max(CANDIDATES_WITHOUT_SESSIONS, 4 * limit))
  const scores = scoreDocuments(finding, lists, statistics, weights)
  const among = Math.min(SEARCH_CANDIDATES_MAX, COMMONER_MARGIN * wanted)
  const further = await commonerTerms(
    lexical,
    namespace,
    scoring,
    scores.top(scoring.length > 0 ? among : 0),
    statistics,
    weights,
  )
  const frequencies = sessions ? sessionFrequencies(lists) : []
  const lengths = sessions
    ? await lexical.sessionLengths(namespace.id, [...new Set(frequencies.flatMap((counts) => [...counts.keys()]))])
    : new Map()
  const found = await visible(
    session,
    namespace.id,
    (from, count) => added(scores.top(from + count).slice(from), further),
    {
      wanted,
      size: scores.size,
      scope,
      near: near.map(({ seq }) => seq),
    },
  )
  return {
    ...found,
    sessions: scoreSessions(frequencies, lengths, statistics, weights),
  }
}

/** What terms too common to find documents by are worth to the best documents. */
async function commonerTerms(
  lexical: LexicalIndex,
  namespace: NamespaceRow,
  plan: readonly PlannedTerm[],
  best: readonly ScoredDocument[],
  statistics: LexicalStatistics,
  weights: RetrievalWeights,
): Promise<ReadonlyMap<number, ScoredDocument>> {
  if (plan.length === 0) return new Map()
  const terms = plan.map((term) => term.term)
  const lists = await lexical.postings(namespace, terms, {
    sessions: false,
    among: best.map((document) => document.seq).sort((a, b) => a - b),
  })
  const worth = scoreDocuments(plan, lists, statistics, weights).top(SEARCH_CANDIDATES_MAX)
  return new Map(worth.map((document) => [document.seq, document]))
}

function added(ranked: readonly ScoredDocument[], further: ReadonlyMap<number, ScoredDocument>): ScoredDocument[] {
  if (further.size === 0) return [...ranked]
  return ranked
    .map((document) => {
      const { bm25 = 0, matched = 0 } = further.get(document.seq) ?? {}
      return { seq: document.seq, bm25: document.bm25 + bm25, matched: document.matched + matched }
    })
    .sort((a, b) => b.bm25 - a.bm25 || b.seq - a.seq)
}

/**
 * The best documents that may be seen and match the filter. The database decides for each; as long as it hides some, the next best are asked
 * for, in steps that double, so a filter finds what it would find if it had been applied first.
 */
async function visible(
  { lexical }: VaultSession,
  namespaceId: number,
  top: (from: number, count: number) => ScoredDocument[],
  { wanted, size, scope, near }: { wanted: number; size: number; scope: SearchScope; near: readonly number[] },
): Promise<Pick<LexicalFound, 'documents' | 'nearby' | 'asked' | 'scores'>> {
  const documents: LexicalDocument[] = []
  const nearby: LexicalDocument[] = []
  const known = new Set<number>()
  const scores = new Map<number, ScoredDocument>()
  for (let asked = 0, step = wanted; asked < size && documents.length < wanted; asked += step, step *= 2) {
    const next = top(asked, step)
    for (const document of next) scores.set(document.seq, document)
    // What is near in meaning is read in the same statement as the first step.
    const seqs = [...next.map((document) => document.seq), ...(asked === 0 ? near : [])].filter(
      (seq) => !known.has(seq),
    )
    for (const seq of seqs) known.add(seq)
    for (const document of await lexical.bySeq(namespaceId, [...new Set(seqs)], scope))
      (scores.has(document.seq) ? documents : nearby).push(document)
  }
  return { documents, nearby, asked: known, scores }
}

/** Adds turns next to strong ones and documents that only their vector found. */
async function withNeighboursAndVectors(
  { session, namespace }: NamespaceSearchInput,
  found: LexicalFound,
  near: readonly Pick<VectorHit, 'seq'>[],
  scope: SearchScope,
): Promise<LexicalDocument[]> {
  const turns = found.documents.flatMap((d) =>
    d.sessionId === null || d.position === null
      ? []
      : [{ session: String(d.sessionId), pos: d.position, bm25: found.scores.get(d.seq)?.bm25 ?? 0 }],
  )
  const places = neighbourKeys(turns).map(({ session: id, pos }) => ({ sessionId: Number(id), position: pos }))
  const unmatched = near.filter((hit) => !found.asked.has(hit.seq)).map((hit) => hit.seq)
  const [neighbours, vectorOnly] = await Promise.all([
    places.length === 0 ? [] : session.lexical.atPlaces(namespace.id, places, scope),
    unmatched.length === 0 ? [] : session.lexical.bySeq(namespace.id, unmatched, scope),
  ])
  const bySeq = new Map(
    [...found.nearby, ...vectorOnly, ...neighbours, ...found.documents].map((document) => [document.seq, document]),
  )
  return [...bySeq.values()]
}

function toCandidate(
  document: LexicalDocument,
  score: ScoredDocument | undefined,
  cosine: number | undefined,
): Candidate {
  return {
    seq: document.seq,
    bm25: score?.bm25 ?? 0,
    matched: score?.matched ?? 0,
    // A cube outside of any conversation is a session of its own: it has no neighbours.
    session: document.sessionId === null ? `-${document.seq}` : String(document.sessionId),
    pos: document.position ?? 0,
    features: document.features,
    speaker: document.speaker?.toLowerCase() ?? null,
    usefulness: document.usefulness,
    ...(cosine === undefined ? {} : { cosine }),
  }
}

/** How many sessions ago each document was written, seen from the newest session that the search may look at. */
function sessionsAgo(
  documents: readonly LexicalDocument[],
  { filter }: SearchScope,
  lastOrdinal: number,
): Map<string, number> {
  const ordinals = documents.flatMap(({ sessionId, ordinal }) =>
    sessionId === null || ordinal === null ? [] : [{ sessionId, ordinal }],
  )
  // A filter may stand for an earlier point in time: then "now" is where it ends.
  const now = filter === null ? lastOrdinal : ordinals.reduce((newest, { ordinal }) => Math.max(newest, ordinal), 0)
  return new Map(ordinals.map(({ sessionId, ordinal }) => [String(sessionId), now - ordinal]))
}

/** When no word of the query is known and no vector can help: the nearest words of the namespace's own vocabulary. */
async function respell(
  session: VaultSession,
  namespace: NamespaceRow,
  terms: readonly string[],
  statistics: LexicalStatistics,
  lexicalOnly: boolean,
) {
  const unknown = terms.filter((term) => !statistics.documents.has(term))
  if (!lexicalOnly || unknown.length < terms.length || terms.length === 0)
    return { terms, statistics, spelling: {} as Record<string, string[]>, notes: [] }
  const lists = await Promise.all(
    prefixesOf(unknown).map((prefix) => session.lexical.vocabulary(namespace.id, prefix, VOCABULARY_PER_PREFIX_MAX)),
  )
  const notes = lists.some((list) => list.length === VOCABULARY_PER_PREFIX_MAX) ? [VOCABULARY_CUT] : []
  const suggestions = suggestTerms(unknown, [...new Set(lists.flat())])
  const spelling: Record<string, string[]> = {}
  for (const { term, suggestion } of suggestions) spelling[term] = [...(spelling[term] ?? []), suggestion]
  const nearTerms = [...new Set(suggestions.map((one) => one.suggestion))]
  return nearTerms.length === 0
    ? { terms, statistics, spelling, notes }
    : { terms: nearTerms, statistics: await session.lexical.statistics(namespace, nearTerms), spelling, notes }
}

/** Beginnings under which the right spellings are looked for: the narrow ones first, then first letters, as the second may be the wrong one. */
function prefixesOf(words: readonly string[]): string[] {
  const letters = words.map((word) => [...word])
  const narrow = letters.filter((word) => word.length >= LONG_WORD_LETTERS).map((word) => word.slice(0, 2).join(''))
  const wide = letters.map((word) => word[0] ?? '')
  return [...new Set([...narrow, ...wide])].slice(0, PREFIXES_MAX)
}
