import { isoOf } from '../../../schemas/common.ts'
import type { CreateCube } from '../../../schemas/cube.ts'
import { SEARCH_NAMESPACES_MAX, SEARCH_RESULTS_MAX } from '../../../schemas/limits.ts'
import type { Message, RememberRequest } from '../../../schemas/memories.ts'
import type { memoryRoutes } from '../../../schemas/routes/memory.ts'
import type { SearchRequest } from '../../../schemas/search.ts'
import type { EntryFact } from '../../operation/retrieval/context-marks.ts'
import type { FoundCube } from '../../operation/search/mem-operator.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { readPrompt } from '../mem-reader/read-prompt.ts'
import { receipts, toMemCube } from '../views.ts'
import { rememberPlanned } from './reader.ts'

type Routes = typeof memoryRoutes

export const remember: Handler<Routes['remember']> = async (edge, context, { body }) => {
  if (body.mode === 'plan') return rememberPlanned(edge, context, body)
  const session = await edge.sessions(context, 'write')
  const namespace = await edge.namespaces.forWrite(session.vault, body, context)
  const plan = edge.embeddings.plan(namespace, context)
  const respond = receipts(namespace.name, plan.taskId)
  const answer = await edge.writer.create(
    session,
    namespace,
    cubesOf(body),
    context,
    plan.writes,
    respond,
    fieldOf(body),
  )
  edge.embeddings.wake(namespace, plan)
  return answer
}

/** What a field of a memory is called in the request: a message's own, or one that all messages share. */
const fieldOf =
  ({ messages }: RememberRequest) =>
  (at: number, field: string): string => {
    const message = messages?.[at]
    const top = field.split('.')[0] ?? field
    return message !== undefined && Object.hasOwn(message, top) ? `messages.${at}.${field}` : field
  }

/** MemReader without a model: each message becomes one memory, with what is known of it. */
export function cubesOf({ text, messages, ...shared }: RememberRequest): CreateCube[] {
  const turns: Partial<Message>[] = messages ?? [{ content: text ?? '' }]
  return turns.map((turn) => ({
    content: turn.content ?? '',
    semanticType: 'fact',
    memoryType: 'plaintext',
    tags: shared.tags,
    metadata: { ...shared.metadata, ...turn.metadata },
    session: shared.session,
    speaker: turn.speaker,
    role: messages === undefined ? undefined : turn.role,
    saidAt: turn.saidAt ?? shared.saidAt,
    expiresAt: shared.expiresAt,
    priority: shared.priority,
    sensitivity: shared.sensitivity,
    origin: { kind: turn.role === 'assistant' ? 'inference' : 'user_input' },
    embedding: turn.embedding,
  }))
}

export const search: Handler<Routes['search']> = async (edge, context, { body }) => {
  const startedMs = performance.now()
  const { found, retrieval } = await find(edge, context, body)
  const hot = body.explain ? await hotAmong(edge, context, found) : NOTHING_HOT
  return {
    results: found.map(({ full, hit, score }) => ({
      cube: toMemCube(full),
      score,
      ...(body.explain ? { explain: { ...explanation(hit), hot: hot.has(placeOf(full)) ? 1 : 0 } } : {}),
    })),
    retrieval,
    tookMs: elapsed(startedMs),
  }
}

const NOTHING_HOT: ReadonlySet<string> = new Set()
const placeOf = ({ cube }: FoundCube['full']): string => `${cube.namespaceId}:${cube.seq}`

/** Those of the found cubes that the scheduler keeps at hand; they rank as the others do. */
async function hotAmong(
  edge: Edge,
  context: RequestContext,
  found: readonly FoundCube[],
): Promise<ReadonlySet<string>> {
  const { schedule } = await edge.sessions(context, 'read')
  return schedule.hotAmong(found.map(({ full }) => full.cube))
}

export const context: Handler<Routes['context']> = async (edge, request, { body }) => {
  const startedMs = performance.now()
  const { found, retrieval, namespaces } = await find(edge, request, { ...body, limit: SEARCH_RESULTS_MAX })
  // Blocks stand as they are now.
  const blocks =
    body.asOf === undefined ? await edge.pinnedBlocks(await edge.sessions(request, 'read'), namespaces) : []
  const facts = body.asOf === undefined ? await factsOf(edge, request, found) : NO_FACTS
  if (blocks.length > 0)
    edge.activity.record({
      context: request,
      outcome: 'ok',
      metric: 'reads',
      audited: true,
      used: blocks.map(({ full }) => full.cube),
    })
  const origins = await originsOf(edge, request, found)
  const pack = edge.packContext(
    blocks,
    found.map(({ full }) => ({
      cubeId: full.cube.cubeId,
      text: full.content ?? '',
      speaker: full.cube.speaker ?? full.cube.role,
      date: isoOf(full.cube.saidAtMs),
      seq: full.cube.seq,
      facts: facts.get(full.cube.cubeId) ?? [],
      ...originIn(origins, full.cube.cubeId),
    })),
    body.tokens,
  )
  const cited = [...blocks.map(({ full }) => ({ full, score: 0 })), ...found]
  const byId = new Map(cited.map((one) => [one.full.cube.cubeId, one]))
  return {
    text: pack.text,
    tokens: pack.tokens,
    citations: pack.citations.flatMap(({ label, cubeId }) => {
      const one = byId.get(cubeId)
      if (one === undefined) return []
      const { cube, namespace } = one.full
      return [
        {
          mark: label,
          cubeId,
          namespace: namespace.name,
          revision: cube.revision,
          saidAt: isoOf(cube.saidAtMs),
          score: one.score,
        },
      ]
    }),
    retrieval,
    tookMs: elapsed(startedMs),
  }
}

/** Who published the foreign ones among the found cubes. */
async function originsOf(edge: Edge, context: RequestContext, found: readonly FoundCube[]) {
  const { followed } = await edge.sessions(context, 'read')
  const foreign = found.map(({ full }) => full.cube).filter(({ originRef }) => originRef?.startsWith('did:') === true)
  return followed.origins(foreign)
}

function originIn(origins: Awaited<ReturnType<typeof originsOf>>, cubeId: string): { origin?: string } {
  const one = origins.get(cubeId)
  return one === undefined ? {} : { origin: `from ${one.name ?? `…${one.did.slice(-8)}`}, ${one.tier} publisher` }
}

const NO_FACTS: ReadonlyMap<string, EntryFact[]> = new Map()

/** What the found cubes state, by cube; a statement counts as over once the one that ends it has come to hold. */
async function factsOf(
  edge: Edge,
  context: RequestContext,
  found: readonly FoundCube[],
): Promise<ReadonlyMap<string, EntryFact[]>> {
  const session = await edge.sessions(context, 'read')
  const seen = await session.facts.ofCubes(found.map(({ full }) => full.cube))
  return Map.groupBy(
    seen.map(({ fact, validToMs, supersededByCube }) => ({
      cubeId: fact.cubeId,
      about: JSON.stringify([fact.namespaceId, fact.subject, fact.slot]),
      validFromMs: fact.validFromMs,
      supersededBy: validToMs !== null && validToMs <= context.nowMs ? supersededByCube : null,
    })),
    ({ cubeId }) => cubeId,
  )
}

async function find(edge: Edge, context: RequestContext, body: Omit<SearchRequest, 'explain'> & { explain?: boolean }) {
  const session = await edge.sessions(context, 'read')
  const namespaces = await edge.namespaces.forRead(session.vault, body, context, SEARCH_NAMESPACES_MAX)
  const { found, report, results } = await edge.operator.search(session, namespaces, body, context)
  edge.activity.record({
    context,
    outcome: 'ok',
    metric: 'searches',
    audited: true,
    // Looking at the past is no use of what is now.
    used: body.asOf === undefined ? found.map(({ full }) => full.cube) : [],
    terms: report.terms,
  })
  // Reading the query takes a tenth of a millisecond, so a plain search leaves it out; context packs and explanations tell it.
  if (body.explain === false) return { found, namespaces, retrieval: report }
  const call = readPrompt(body.query, {
    callerId: context.principal.keyId,
    scope: namespaces.map((n) => n.name),
    nowMs: context.nowMs,
  })
  const plan = body.explain ? { plan: edge.memoryPath({ results, request: body, report, call }) } : {}
  return { found, namespaces, retrieval: { ...report, call, ...plan } }
}

/** Parts of a score by name: sums first, then the factors they were multiplied with. */
const explanation = ({ explain, score }: FoundCube['hit']): Record<string, number> => ({
  score,
  bm25: explain.bm25,
  neighbours: explain.neighbours,
  session: explain.session,
  vector: explain.vector,
  graph: explain.graph,
  ...Object.fromEntries(Object.entries(explain.factors).map(([name, factor]) => [`factor.${name}`, factor ?? 1])),
})

const elapsed = (startedMs: number): number => Math.round((performance.now() - startedMs) * 100) / 100
