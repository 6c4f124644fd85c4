import { MemosError } from '../../../schemas/errors.ts'
import { PLAN_TRIES_MAX, SEARCH_NAMESPACES_MAX } from '../../../schemas/limits.ts'
import type { RememberRequest, RememberResponse } from '../../../schemas/memories.ts'
import type { readerRoutes } from '../../../schemas/routes/reader.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { readConversation } from '../mem-reader/read-prompt.ts'
import { refineCall } from '../mem-reader/refine-call.ts'

type Routes = typeof readerRoutes

export const read: Handler<Routes['read']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, 'read')
  const namespaces = await edge.namespaces.forRead(session.vault, body, context, SEARCH_NAMESPACES_MAX)
  const { nowMs, signal } = context
  const scope = namespaces.map(({ name }) => name)
  const reading = readConversation(body.prompt, body.turns, { callerId: context.principal.keyId, scope, nowMs })
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  if (!body.refine) return reading
  return refineCall(edge.languageModel, { prompt: body.prompt, turns: body.turns, nowMs, signal }, reading)
}

export const planMemories: Handler<Routes['planMemories']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, 'write')
  const namespace = await edge.namespaces.asWritten(session.vault, body, context)
  const planned = await edge.planner.plan(session, namespace, body, context)
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.planner.view(planned)
}

/** Plans and carries out in one request. */
export async function rememberPlanned(
  edge: Edge,
  context: RequestContext,
  body: RememberRequest,
): Promise<RememberResponse> {
  for (let tries = 1; ; tries++) {
    const session = await edge.sessions(context, 'write')
    const namespace = await edge.namespaces.forWrite(session.vault, body, context)
    const planned = await edge.planner.plan(session, namespace, body, context)
    try {
      return await edge.planWriter.apply(session, planned, body, context)
    } catch (error) {
      // Somebody wrote meanwhile. What was planned may be known by now, so it is planned anew.
      if (!(error instanceof MemosError) || error.code !== 'revision_conflict' || tries === PLAN_TRIES_MAX) throw error
    }
  }
}
