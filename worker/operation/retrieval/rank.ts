import { cosineShares } from './cosine-shares.ts'
import { FEATURE } from './features.ts'
import { neighbourGain, type TermScores, termScores } from './neighbours.ts'
import type { PlannedTerm } from './plan.ts'
import type { QueryAnalysis } from './query.ts'
import { sayOfVectors } from './redundancy.ts'
import type { RetrievalWeights } from './weights.ts'

export interface Candidate {
  /** Row number of the document in its namespace. */
  seq: number
  /** BM25 of the document itself; 0 for a row fetched only because its neighbour matched. */
  bm25: number
  /** Sum of the bits (`PlannedTerm.bit`) of the query terms it contains. */
  matched: number
  session: string
  /** 0-based place in its session, without gaps. */
  pos: number
  /** FEATURE bits. */
  features: number
  speaker: string | null
  /** Cosine with the query embedding, -1..1; absent without an embedding model, and where the document is not among the nearest. */
  cosine?: number
  /** Its vector is still to be made: its words then speak for its meaning too, so that it does not fall behind those that have one. */
  awaitsVector?: boolean
  /** 0..1, how well a walk over the graph of entities reaches it, the best of the walk 1; absent without one. */
  graph?: number
  /** -1..1, what feedback says of it; absent or 0 without any. */
  usefulness?: number
}

export interface RankInput {
  candidates: readonly Candidate[]
  /** The plan the candidates were scored with. */
  terms: readonly PlannedTerm[]
  /** Session -> BM25 of the session as one document. */
  sessionScores: ReadonlyMap<string, number>
  query: QueryAnalysis
  weights: RetrievalWeights
  /** Documents in the namespace, among which the nearest were looked for. */
  documents: number
  /** The namespace holds chats of a user with an assistant; otherwise people talk with each other. */
  hasRoles: boolean
  /** Session -> number of sessions since then (0 = current). Given for live chat only. */
  sessionsAgo?: ReadonlyMap<string, number>
}

/** How a score came about: (bm25 + neighbours + session + vector + graph) x product of the factors. */
export interface Explanation {
  bm25: number
  neighbours: number
  session: number
  vector: number
  graph: number
  factors: Partial<
    Record<'speaker' | 'userRole' | 'when' | 'question' | 'firstPerson' | 'recency' | 'usefulness', number>
  >
}

export interface RankedHit {
  seq: number
  score: number
  explain: Explanation
}

/** All candidates with a positive score, best first; ties keep the order of writing. */
export function rank(input: RankInput): RankedHit[] {
  const { candidates, weights } = input
  const gains = neighbourScores(input)
  const lexical = candidates.map((candidate, i) => candidate.bm25 + (gains[i] as number))
  const best = lexical.reduce((max, score) => Math.max(max, score), 0)
  const sessionShare = sessionShares(input)
  const vectorShare = vectorShares(input, lexical, best)
  const hits = candidates.map((candidate, i): RankedHit => {
    const session = weights.session * best * (sessionShare.get(candidate.session) ?? 0)
    // Without a single lexical match there is no scale to fit: cosines then stand alone.
    const vector = weights.vector * (best > 0 ? best : 1) * (vectorShare[i] as number)
    const graph = weights.graph * (best > 0 ? best : 1) * (candidate.graph ?? 0)
    const factors = factorsOf(candidate, input)
    const product = Object.values(factors).reduce((all, factor) => all * factor, 1)
    const neighbours = gains[i] as number
    const score = (candidate.bm25 + neighbours + session + vector + graph) * product
    return { seq: candidate.seq, score, explain: { bm25: candidate.bm25, neighbours, session, vector, graph, factors } }
  })
  return hits.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || a.seq - b.seq)
}

function neighbourScores({ candidates, terms, weights, hasRoles }: RankInput): number[] {
  const own = candidates.map((candidate) => termScores(candidate, terms))
  const places = new Map<string, Map<number, number>>()
  candidates.forEach(({ session, pos }, i) => {
    const inSession = places.get(session) ?? new Map<number, number>()
    places.set(session, inSession.set(pos, i))
  })
  return candidates.map(({ session, pos }, i) => {
    const inSession = places.get(session)
    const from: { scores: TermScores; share: number }[] = []
    const take = (offset: number, share: number): void => {
      const j = inSession?.get(pos + offset)
      if (j === undefined) return
      const asks = !hasRoles && offset === -1 && ((candidates[j] as Candidate).features & FEATURE.question) !== 0
      from.push({ scores: own[j] as TermScores, share: asks ? share + weights.answer : share })
    }
    take(-1, weights.neighbourPrevious)
    take(1, weights.neighbourNext)
    take(-2, weights.neighbourTwoAway)
    take(2, weights.neighbourTwoAway)
    return neighbourGain(own[i] as TermScores, from)
  })
}

/** Session scores as shares of the best. One session alone tells nothing about its turns. */
function sessionShares({ sessionScores }: RankInput): Map<string, number> {
  let best = 0
  for (const score of sessionScores.values()) best = Math.max(best, score)
  if (best === 0 || sessionScores.size < 2) return new Map()
  return new Map([...sessionScores].map(([session, score]) => [session, Math.max(0, score) / best]))
}

/** Raised, so that the best ones count and the middling ones, of which a weak model finds many, hardly do. */
const SHARE_EXPONENT = 2.5

/** What vectors give each candidate, 0..1: its share of the best cosine, as far as the vectors of this query have a say. */
function vectorShares({ candidates, documents }: RankInput, lexical: readonly number[], best: number): number[] {
  const share = cosineShares(candidates.flatMap(({ cosine }) => cosine ?? []))
  const words = (i: number): number => (best > 0 ? (lexical[i] as number) / best : 0)
  const near = candidates.flatMap(({ cosine }, i) =>
    cosine === undefined ? [] : { vector: share(cosine), words: words(i) },
  )
  const say = sayOfVectors(near, documents)
  return candidates.map(({ cosine, awaitsVector }, i) => {
    if (cosine !== undefined) return say * share(cosine) ** SHARE_EXPONENT
    return awaitsVector ? say * words(i) ** SHARE_EXPONENT : 0
  })
}

function factorsOf(
  { features, speaker, session, usefulness = 0 }: Candidate,
  { query, weights, hasRoles, sessionsAgo }: RankInput,
): Explanation['factors'] {
  const factors: Explanation['factors'] = {}
  const has = (flag: number): boolean => (features & flag) !== 0
  if (query.namedSpeakers.length === 1 && speaker === query.namedSpeakers[0]) factors.speaker = weights.speaker
  if (hasRoles && has(FEATURE.fromUser)) factors.userRole = weights.userRole
  if (query.isWhen && has(FEATURE.time)) factors.when = weights.when
  if (!hasRoles && has(FEATURE.question)) factors.question = weights.question
  if (!hasRoles && has(FEATURE.firstPerson)) factors.firstPerson = weights.firstPerson
  const ago = sessionsAgo?.get(session)
  if (ago !== undefined) factors.recency = 1 + weights.recency * Math.exp(-Math.max(0, ago) / weights.recencySessions)
  if (usefulness !== 0) factors.usefulness = 1 + weights.usefulness * Math.max(-1, Math.min(1, usefulness))
  return factors
}
