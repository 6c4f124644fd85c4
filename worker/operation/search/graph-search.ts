import { entityKey } from '../../../schemas/entity-key.ts'
import { GRAPH_MS_MAX, GRAPH_NODES_MAX } from '../../../schemas/limits.ts'
import { knowledgePolicy } from '../../../schemas/namespace-settings.ts'
import type { EntityCubes, GraphReader } from '../../infrastructure/knowledge/graph-reader.ts'
import type { SearchScope } from '../../ports/lexical.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { extractEntities } from '../knowledge/extract-entities.ts'
import { words } from '../retrieval/analyse.ts'
import { type Edge, personalisedPageRank } from '../retrieval/pagerank.ts'
import { isStopword } from '../retrieval/stopwords.ts'

/** Names that a query is tried for. */
const NAMES_MAX = 64
const NAME_WORDS_MAX = 3
/** Cubes of an entity of the query, and of one that is met on the way. An entity with more is too common to lead anywhere. */
const SEED_CUBES_MAX = 200
const MET_CUBES_MAX = 40
const MET_ENTITIES_MAX = 100
/** Cubes that words found best, from which the walk starts too. */
const LEXICAL_SEEDS_MAX = 10
const MENTIONS_MAX = 4000
const FACTS_MAX = 500
/** Cubes that the walk proposes. */
const FOUND_MAX = 100

export interface GraphHit {
  seq: number
  /** 0..1, the best is 1. */
  share: number
}

export interface GraphResult {
  hits: GraphHit[]
  /** Entities of the query that the namespace knows. */
  entities: string[]
  nodes: number
  /** Why the walk found nothing, or ended early. */
  note: string | null
}

export interface GraphQuery {
  namespaceId: number
  query: string
  scope: SearchScope
  /** Cubes that words found, with their scores. */
  lexical: readonly { seq: number; score: number }[]
  signal: AbortSignal
}

/** Whether a search walks the graph: what the request says, else the namespace. */
export const wantsGraph = ({ settings }: Pick<NamespaceRow, 'settings'>, asked: boolean | undefined): boolean =>
  asked ?? knowledgePolicy(settings).graphSearch

/**
 * The cubes that a walk reaches from the entities of a query: personalised PageRank over entities and the cubes that mention them (HippoRAG,
 * arXiv 2405.14831). It finds what shares no word with the question but an entity with what does. Bounded in nodes and time.
 */
export async function searchGraph(graph: GraphReader, input: GraphQuery): Promise<GraphResult> {
  const { namespaceId, scope } = input
  const deadline = AbortSignal.any([input.signal, AbortSignal.timeout(GRAPH_MS_MAX)])
  const seeds = await graph.cubesOf(namespaceId, namesIn(input.query), scope, SEED_CUBES_MAX)
  if (seeds.length === 0) return { hits: [], entities: [], nodes: 0, note: 'No entity of the query is known.' }
  const walk = new Walk()
  const lexical = input.lexical.toSorted((a, b) => b.score - a.score).slice(0, LEXICAL_SEEDS_MAX)
  for (const seed of seeds) walk.addEntity(seed)
  for (const { seq } of lexical) walk.addCube(seq)
  if (!deadline.aborted) {
    const mentioned = await graph.entitiesOf(namespaceId, walk.cubes(), scope, MENTIONS_MAX)
    const met = walk.addMentions(mentioned)
    if (!deadline.aborted && met.length > 0) {
      const names = met.slice(0, MET_ENTITIES_MAX)
      const [further, facts] = await Promise.all([
        graph.cubesOf(namespaceId, names, scope, MET_CUBES_MAX),
        graph.factsOf(namespaceId, [...seeds.map(({ key }) => key), ...names], scope, FACTS_MAX),
      ])
      for (const entity of further) walk.addEntity(entity)
      walk.addFacts(facts)
    }
  }
  const hits = walk.rank(
    seeds.map(({ key }) => key),
    lexical,
  )
  return {
    hits,
    entities: seeds.map(({ shown }) => shown),
    nodes: walk.size,
    note: deadline.aborted ? 'The walk over the graph ended early.' : null,
  }
}

/** Names that a query may hold: what extraction finds, and its words and runs of words, as people write names small in questions. */
export function namesIn(query: string): string[] {
  const found = extractEntities({ content: query, title: null, speaker: null }).map(({ key }) => key)
  const plain = words(query)
  const runs: string[] = []
  for (let length = NAME_WORDS_MAX; length >= 1; length--) {
    for (let at = 0; at + length <= plain.length; at++) {
      const run = plain.slice(at, at + length)
      if (!isStopword(run[0] as string, run[0] as string)) runs.push(entityKey(run.join(' ')))
    }
  }
  return [...new Set([...found, ...runs])].filter((name) => name.length > 1).slice(0, NAMES_MAX)
}

/** The part of the graph that was read so far. */
class Walk {
  readonly #places = new Map<string | number, number>()
  readonly #edges = new Map<number, Edge>()
  readonly #degrees = new Map<string, number>()

  get size(): number {
    return this.#places.size
  }

  cubes(): number[] {
    return [...this.#places.keys()].filter((node) => typeof node === 'number')
  }

  addCube(seq: number): void {
    this.#place(seq)
  }

  addEntity({ key, cubes }: Pick<EntityCubes, 'key' | 'cubes'>): void {
    this.#degrees.set(key, cubes.length)
    for (const [seq, count] of cubes) this.#join(key, seq, count)
  }

  /** Adds what cubes mention; answers the entities that are new, the most often mentioned first. */
  addMentions(mentions: readonly (readonly [seq: number, key: string, count: number])[]): string[] {
    const met = new Map<string, number>()
    for (const [seq, key, count] of mentions) {
      if (!this.#degrees.has(key)) met.set(key, (met.get(key) ?? 0) + 1)
      this.#join(key, seq, count)
    }
    return [...met].sort((a, b) => b[1] - a[1]).map(([key]) => key)
  }

  addFacts(facts: readonly (readonly [subject: string, object: string])[]): void {
    for (const [subject, object] of facts) if (this.#places.has(subject)) this.#join(subject, object, 1)
  }

  /** Cubes by the share of the walk that arrives at them; squared, as cosines are: the best count and the middling ones hardly do. */
  rank(entities: readonly string[], lexical: readonly { seq: number; score: number }[]): GraphHit[] {
    const restart = new Float64Array(this.size)
    const start = (node: string | number, share: number) => {
      const at = this.#places.get(node)
      if (at !== undefined) restart[at] = share
    }
    // An entity that few cubes mention says more of what is meant (HippoRAG: node specificity).
    for (const key of entities) start(key, 1 / (this.#degrees.get(key) ?? 1))
    const sum = restart.reduce((total, share) => total + share, 0)
    const total = lexical.reduce((all, { score }) => all + score, 0)
    for (const { seq, score } of lexical) start(seq, (sum * score) / total)
    // What a cube has because the walk began there says nothing that words have not said.
    const { arrived } = personalisedPageRank(this.size, [...this.#edges.values()], restart)
    const found = [...this.#places].flatMap(([node, at]) =>
      typeof node === 'number' ? [{ seq: node, share: arrived[at] as number }] : [],
    )
    const best = found.reduce((max, { share }) => Math.max(max, share), 0)
    return found
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share || a.seq - b.seq)
      .slice(0, FOUND_MAX)
      .map(({ seq, share }) => ({ seq, share: (share / best) ** 2 }))
  }

  #place(node: string | number): number | null {
    const known = this.#places.get(node)
    if (known !== undefined) return known
    if (this.#places.size >= GRAPH_NODES_MAX) return null
    this.#places.set(node, this.#places.size)
    return this.#places.size - 1
  }

  #join(entity: string, other: string | number, count: number): void {
    const [from, to] = [this.#place(entity), this.#place(other)]
    if (from === null || to === null || from === to) return
    this.#edges.set(from * GRAPH_NODES_MAX + to, [from, to, 1 + Math.log(count)])
  }
}
