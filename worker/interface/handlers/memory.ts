import { isoOf } from '../../../schemas/common.ts'
import type { CreateCube } from '../../../schemas/cube.ts'
import { SEARCH_NAMESPACES_MAX, SEARCH_RESULTS_MAX } from '../../../schemas/limits.ts'
import type { Message, RememberRequest } from '../../../schemas/memories.ts'
import type { memoryRoutes } from '../../../schemas/routes/memory.ts'
import type { SearchRequest } from '../../../schemas/search.ts'
import type { FoundCube } from '../../operation/search/mem-operator.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { readPrompt } from '../mem-reader/read-prompt.ts'
import { receipts, toMemCube } from '../views.ts'

type Routes = typeof memoryRoutes

export const remember: Handler<Routes['remember']> = async (edge, context, { body }) => {
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
  return {
    results: found.map(({ full, hit, score }) => ({
      cube: toMemCube(full),
      score,
      ...(body.explain ? { explain: explanation(hit) } : {}),
    })),
    retrieval,
    tookMs: elapsed(startedMs),
  }
}

export const context: Handler<Routes['context']> = async (edge, request, { body }) => {
  const startedMs = performance.now()
  const { found, retrieval } = await find(edge, request, { ...body, limit: SEARCH_RESULTS_MAX })
  const pack = edge.packContext(
    found.map(({ full }) => ({
      cubeId: full.cube.cubeId,
      text: full.content ?? '',
      speaker: full.cube.speaker ?? full.cube.role,
      date: isoOf(full.cube.saidAtMs),
      seq: full.cube.seq,
    })),
    body.tokens,
  )
  const byId = new Map(found.map((one) => [one.full.cube.cubeId, one]))
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

async function find(edge: Edge, context: RequestContext, body: Omit<SearchRequest, 'explain'>) {
  const session = await edge.sessions(context, 'read')
  const namespaces = await edge.namespaces.forRead(session.vault, body, context, SEARCH_NAMESPACES_MAX)
  const { found, report } = await edge.operator.search(session, namespaces, body, context)
  edge.activity.record({
    context,
    outcome: 'ok',
    metric: 'searches',
    audited: true,
    used: found.map(({ full }) => full.cube),
  })
  const call = readPrompt(body.query, {
    callerId: context.principal.keyId,
    scope: namespaces.map((n) => n.name),
    nowMs: context.nowMs,
  })
  return { found, retrieval: { ...report, call } }
}

/** Parts of a score by name: sums first, then the factors they were multiplied with. */
const explanation = ({ explain, score }: FoundCube['hit']): Record<string, number> => ({
  score,
  bm25: explain.bm25,
  neighbours: explain.neighbours,
  session: explain.session,
  vector: explain.vector,
  ...Object.fromEntries(Object.entries(explain.factors).map(([name, factor]) => [`factor.${name}`, factor ?? 1])),
})

const elapsed = (startedMs: number): number => Math.round((performance.now() - startedMs) * 100) / 100
