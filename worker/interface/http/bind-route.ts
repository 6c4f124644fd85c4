import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Context, Hono } from 'hono'
import { MemosError } from '../../../schemas/errors.ts'
import { IDEMPOTENCY_KEY_LENGTH_MAX, IDEMPOTENCY_RESPONSE_BYTES_MAX, REQUEST_MS_MAX } from '../../../schemas/limits.ts'
import type { Route, RouteBody, RouteParams, RouteQuery, RouteResponse } from '../../../schemas/route.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { Principal } from '../../ports/principal.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Edge } from '../edge.ts'
import { toMemCube } from '../views.ts'
import { validationError } from './problem.ts'
import { readJson } from './read-body.ts'

/** Variables that middleware leaves for the routes. */
export interface EdgeVariables {
  requestId: string
  principal: Principal
  operation: string
}
export type EdgeApp = Hono<{ Variables: EdgeVariables }>

export interface Input<R extends Route> {
  params: RouteParams<R>
  query: RouteQuery<R>
  body: RouteBody<R>
  request: Request
}

/** Serves one operation: the answer's value, or a Response when more than the value is to be said. */
export type Handler<R extends Route> = (
  edge: Edge,
  context: RequestContext,
  input: Input<R>,
) => Promise<RouteResponse<R> | Response>

/** Registers an operation: scope, validation, idempotency, answer. Whoever presents no valid key never gets here. */
export function bindRoute<R extends Route>(
  app: EdgeApp,
  edge: Edge,
  name: string,
  route: R,
  handler: Handler<R>,
): void {
  app.on(route.method.toUpperCase(), route.path, async (c) => {
    const principal = c.get('principal')
    c.set('operation', name)
    if (route.scope !== null && !principal.scopes.has(route.scope))
      throw new MemosError('forbidden', { detail: `The key lacks the scope ${route.scope}.` })
    const request = c.req.raw
    const context: RequestContext = {
      principal,
      requestId: c.get('requestId'),
      nowMs: edge.runtime.nowMs(),
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(REQUEST_MS_MAX)]),
      operation: name,
      idempotencyKey: takesKey(route) ? idempotencyKeyOf(request, principal) : null,
    }
    const body =
      route.bodyType === undefined && route.body !== undefined ? ((await readJson(request)) ?? {}) : undefined
    const input = {
      params: parse(route.params, c.req.param(), ''),
      query: parse(route.query, c.req.query(), ''),
      body: parse(route.body, body, ''),
      request,
    } as Input<R>
    const answer = () => handler(edge, context, input).then((value) => toResponse(route, value))
    return context.idempotencyKey === null ? answer() : answerOnce(edge, context, c, body, answer)
  })
}

function parse(schema: Route['body'], value: unknown, prefix: string): unknown {
  if (schema === undefined) return undefined
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw validationError(result.error, prefix)
}

function toResponse(route: Route, value: unknown): Response {
  if (value instanceof Response) return value
  if (route.status === 204) return new Response(null, { status: 204 })
  return new Response(JSON.stringify(value), { status: route.status, headers: { 'content-type': 'application/json' } })
}

/**
 * Whether an Idempotency-Key means something to a route. A search sent by POST changes nothing: it is answered from the memory of now and
 * never from a kept answer. An upload is read once and not kept, so it could not be told from another one; importing again changes nothing.
 */
const takesKey = (route: Route): boolean =>
  route.method === 'post' && route.scope !== 'memory:read' && route.bodyType === undefined

/** The caller's Idempotency-Key under the name of its API key: two callers may choose the same one and learn nothing of each other. */
function idempotencyKeyOf(request: Request, { keyId }: Principal): string | null {
  const key = request.headers.get('idempotency-key')
  if (key !== null && (key.length === 0 || key.length > IDEMPOTENCY_KEY_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(key))) {
    throw new MemosError('invalid_request', {
      field: 'Idempotency-Key',
      expected: `1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters`,
    })
  }
  return key === null ? null : `${keyId}/${key}`
}

/**
 * Runs a request under its Idempotency-Key, or repeats the answer that was given under it. A claim without an answer, as a killed process
 * leaves it, is taken over after twice REQUEST_MS_MAX. No request is still running under it then: those that take a key end after
 * REQUEST_MS_MAX, and imports, which may run longer, take none.
 */
async function answerOnce(
  edge: Edge,
  context: RequestContext,
  c: Context<{ Variables: EdgeVariables }>,
  body: unknown,
  answer: () => Promise<Response>,
): Promise<Response> {
  const key = context.idempotencyKey ?? ''
  const session = await edge.sessions(context, 'write')
  const identity = JSON.stringify([c.req.method, c.req.path, c.req.query(), body ?? null])
  const hash = bytesToHex(sha256(utf8ToBytes(identity)))
  const kept = await session.idempotency.claim(key, hash, context.nowMs)
  if (kept !== null) return repeat(kept, session)
  // Only a request that failed frees its key. When it succeeded and its answer cannot be kept, the claim stays: a retry must not run it again.
  const response = await answer().catch(async (error: unknown) => {
    await session.idempotency.release(key)
    throw error
  })
  await session.idempotency.finish(key, { status: response.status, response: await toKeep(response) })
  return response
}

/** Header by which a handler says that its answer is a cube: the id is kept and the cube read again, so no memory lies in the kept answer. */
export const CUBE_ANSWER_HEADER = 'x-memos-cube'
/** Header by which a handler says that its answer holds a secret that is shown once. */
export const SECRET_ANSWER_HEADER = 'x-memos-secret'

/** What is kept of an answer; empty when it cannot be given again. */
async function toKeep(response: Response): Promise<string> {
  const cubeId = response.headers.get(CUBE_ANSWER_HEADER)
  if (cubeId !== null) return JSON.stringify({ [CUBE_ANSWER_HEADER]: cubeId })
  if (response.headers.has(SECRET_ANSWER_HEADER)) return ''
  const text = await response.clone().text()
  return text.length <= IDEMPOTENCY_RESPONSE_BYTES_MAX ? text : ''
}

/** @throws MemosError already_exists when the answer was not kept; the effect is not repeated either */
async function repeat(
  { status, response }: { status: number; response: string },
  session: VaultSession,
): Promise<Response> {
  if (response === '' && status !== 204)
    throw new MemosError('already_exists', { detail: 'The request was carried out before; its answer is not kept.' })
  const headers = { 'content-type': 'application/json', 'idempotent-replayed': 'true' }
  if (status === 204) return new Response(null, { status, headers })
  const cubeId: unknown = (JSON.parse(response) as Record<string, unknown>)[CUBE_ANSWER_HEADER]
  const text =
    typeof cubeId === 'string' ? JSON.stringify(toMemCube(await session.cubes.known(cubeId, 'write'))) : response
  return new Response(text, { status, headers })
}
