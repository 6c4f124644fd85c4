import type { ChatChunk, ChatCompletion, ChatRequest, ModelList } from '../../../schemas/chat.ts'
import { Name, NamespaceName } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { SEARCH_NAMESPACES_MAX } from '../../../schemas/limits.ts'
import { CHAT_MS_MAX } from '../../../schemas/limits-nodes.ts'
import type { chatRoutes } from '../../../schemas/routes/chat.ts'
import type { ChatCall } from '../../operation/chat/chat-call.ts'
import type { ChatDesk, ChatEvent, Completion } from '../../operation/chat/chat-desk.ts'
import type { Assignment } from '../../operation/nodes/node-dispatcher.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { eventStream } from '../http/event-stream.ts'
import { openAiError } from '../http/openai-error.ts'

type Routes = typeof chatRoutes

/** What every event of one answer has in common. */
interface Frame {
  id: string
  created: number
  model: string
}

export const createChatCompletion: Handler<Routes['createChatCompletion']> = async (edge, context, input) => {
  const desk = chatDeskOf(edge)
  const leaving = new AbortController()
  // Longer than other requests take: a model writes one token after the other.
  const signal = AbortSignal.any([input.request.signal, leaving.signal, AbortSignal.timeout(CHAT_MS_MAX)])
  const body = withHeaders(input.body, input.request.headers)
  const call = await callOf(edge, body, { ...context, signal })
  const events = desk.complete(call, body.stream, signal)
  const frame = { id: `chatcmpl-${context.requestId}`, created: Math.floor(context.nowMs / 1000), model: body.model }
  const begun = await firstAnswer(events, body.stream)
  const done = (completion: Completion) => recordUse(edge, call, completion)
  if (!body.stream) return wholeAnswer(body, frame, begun, done)
  const chunks = chunksOf(body, frame, begun, done)
  const stream = eventStream(chunks, (error) => openAiError(asKnown(edge, error, context)))
  return new Response(
    onCancel(stream, () => leaving.abort()),
    {
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', ...headersOf(begun) },
    },
  )
}

export const listModels: Handler<Routes['listModels']> = async (edge, context) => {
  const nodes = (await edge.dispatcher?.nodes(context.principal.orgId)) ?? []
  const offers = nodes.flatMap((node) => node.models.map((model) => ({ node, model })))
  const byModel = Map.groupBy(offers, ({ model }) => `${model.name} ${model.fingerprint}`)
  const data = [...byModel.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => modelOf(list))
  return { object: 'list', data: data.filter((one) => one !== null) } satisfies ModelList
}

type Offer = { node: { running: number; concurrency: number; lastSeenMs: number }; model: ModelOffer }
type ModelOffer = { name: string; fingerprint: string; operations: readonly string[]; positionsMax: number }

function modelOf(offers: readonly Offer[]): ModelList['data'][number] | null {
  const [first] = offers
  if (first === undefined) return null
  const sum = (of: (offer: Offer) => number) => offers.reduce((total, offer) => total + of(offer), 0)
  return {
    id: first.model.name,
    object: 'model',
    created: 0,
    owned_by: 'memos',
    memos: {
      fingerprint: first.model.fingerprint,
      operations: [...new Set(offers.flatMap(({ model }) => model.operations))].toSorted(),
      positionsMax: Math.min(...offers.map(({ model }) => model.positionsMax)),
      nodes: offers.length,
      running: sum(({ node }) => node.running),
      concurrency: sum(({ node }) => node.concurrency),
    },
  }
}

/** @throws MemosError no_model_available where this deployment takes no nodes */
function chatDeskOf({ chat }: Edge): ChatDesk {
  if (chat === null) throw new MemosError('no_model_available', { detail: 'This deployment takes no GPU nodes.' })
  return chat
}

/** Namespace and conversation may stand in headers, for clients whose body cannot be extended; the body comes first. */
function withHeaders(body: ChatRequest, headers: Headers): ChatRequest {
  const named = { namespace: headers.get('x-memos-namespace'), session: headers.get('x-memos-session') }
  const namespace = headerAs('x-memos-namespace', NamespaceName, named.namespace)
  const session = headerAs('x-memos-session', Name, named.session)
  return {
    ...body,
    memos: {
      ...body.memos,
      namespace: body.memos.namespace ?? (body.memos.userId === undefined ? namespace : undefined),
      session: body.memos.session ?? session,
    },
  }
}

function headerAs(name: string, schema: typeof Name, value: string | null): string | undefined {
  if (value === null) return undefined
  const read = schema.safeParse(value)
  if (!read.success) throw new MemosError('invalid_request', { field: name, expected: 'a name' })
  return read.data
}

async function callOf(edge: Edge, request: ChatRequest, context: RequestContext): Promise<ChatCall> {
  const { namespace, userId } = request.memos
  const writes = request.memos.remember && context.principal.scopes.has('memory:write')
  const session = await edge.sessions(context, writes ? 'write' : 'read')
  const target = writes ? await targetOf(edge, request, context, session) : null
  const names = { ...(namespace !== undefined && { namespaces: [namespace] }), ...(userId !== undefined && { userId }) }
  const namespaces = await edge.namespaces.forRead(session.vault, names, context, SEARCH_NAMESPACES_MAX)
  return { session, namespaces, target, request, context }
}

/** Where it is written back; null where the caller may read and not write there. */
async function targetOf(
  edge: Edge,
  { memos }: ChatRequest,
  context: RequestContext,
  { vault }: ChatCall['session'],
): Promise<NamespaceRow | null> {
  try {
    return await edge.namespaces.forWrite(vault, memos, context)
  } catch (error) {
    if (error instanceof MemosError && error.code === 'not_found') return null
    throw error
  }
}

/** Events from the first one that says something on, and where the answer comes from. */
interface Begun {
  assignment: Assignment
  rest: AsyncGenerator<ChatEvent, void>
}

/**
 * Waits until there is an answer: with a stream until its first token, so that everything that goes wrong before it has a status of its own, and
 * the node that is named is the one that answers.
 */
async function firstAnswer(events: AsyncGenerator<ChatEvent, void>, isStreamed: boolean): Promise<Begun> {
  let assignment: Assignment | null = null
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) break
    if (value.kind === 'assigned') assignment = value.assignment
    else if (assignment !== null && (isStreamed || value.kind === 'done')) {
      return { assignment, rest: prepend(value, events) }
    }
  }
  throw new MemosError('node_failed', { reason: 'node_lost' })
}

async function* prepend(first: ChatEvent, rest: AsyncGenerator<ChatEvent, void>): AsyncGenerator<ChatEvent, void> {
  try {
    yield first
    yield* rest
  } finally {
    await rest.return()
  }
}

const headersOf = ({ assignment: { node, attempt, waitedMs } }: Begun): Record<string, string> => ({
  'x-memos-node': node.nodeId,
  'x-memos-attempts': String(attempt),
  'server-timing': `queue;dur=${waitedMs}`,
})

async function wholeAnswer(
  body: ChatRequest,
  frame: Frame,
  begun: Begun,
  done: (completion: Completion) => void,
): Promise<Response> {
  for await (const event of begun.rest) {
    if (event.kind !== 'done') continue
    const { output, report } = event.completion
    done(event.completion)
    const answer: ChatCompletion = {
      ...frame,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: output.text },
          finish_reason: output.finish,
          logprobs: null,
        },
      ],
      usage: usageOf(event.completion),
      ...(body.memos.explain && { memos: report }),
    }
    return new Response(JSON.stringify(answer), {
      headers: {
        'content-type': 'application/json',
        ...headersOf(begun),
        'x-memos-injected': String(report.injected.length),
      },
    })
  }
  throw new MemosError('node_failed', { reason: 'node_lost' })
}

async function* chunksOf(
  { memos, stream_options }: ChatRequest,
  frame: Frame,
  { rest }: Begun,
  done: (completion: Completion) => void,
): AsyncGenerator<ChatChunk, void> {
  const chunk = (delta: ChatChunk['choices'][number]['delta'], finish: 'stop' | 'length' | null = null): ChatChunk => ({
    ...frame,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
  })
  yield chunk({ role: 'assistant', content: '' })
  for await (const event of rest) {
    if (event.kind === 'token') yield chunk({ content: event.text })
    if (event.kind !== 'done') continue
    const { output, report } = event.completion
    done(event.completion)
    yield { ...chunk({}, output.finish), ...(memos.explain && { memos: report }) }
    if (stream_options?.include_usage === true)
      yield { ...frame, object: 'chat.completion.chunk', choices: [], usage: usageOf(event.completion) }
  }
}

const usageOf = ({ output: { usage } }: Completion): ChatCompletion['usage'] => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedTokens },
})

/** Memory that was injected was used: it grows warmer, which is what promotes it. */
const recordUse = (edge: Edge, { context }: ChatCall, { recalled }: Completion): void =>
  edge.activity.record({
    context,
    outcome: 'ok',
    metric: 'searches',
    audited: true,
    used: recalled.memories.map(({ entry }) => entry.full.cube),
    terms: recalled.terms,
  })

/** What goes wrong in mid-stream, as an error with a code; what was not foreseen is logged without content. */
function asKnown(edge: Edge, error: unknown, { requestId }: RequestContext): MemosError {
  if (error instanceof MemosError) return error
  edge.logger.error('chat_failed', { requestId, name: error instanceof Error ? error.name : 'unknown' })
  return new MemosError('internal', {}, { cause: error })
}

/** The same stream; `left` is called as well when its reader goes away. */
function onCancel(stream: ReadableStream, left: () => void): ReadableStream {
  const reader = stream.getReader()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel(reason) {
      left()
      await reader.cancel(reason)
    },
  })
}
