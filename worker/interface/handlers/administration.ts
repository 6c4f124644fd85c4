import { MemosError } from '../../../schemas/errors.ts'
import type { RouteBody } from '../../../schemas/route.ts'
import type { administrationRoutes } from '../../../schemas/routes/administration.ts'
import { isAbove } from '../../../schemas/vocabulary.ts'
import { auditOf } from '../../ports/audit.ts'
import type { Principal } from '../../ports/principal.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Edge } from '../edge.ts'
import { type Handler, SECRET_ANSWER_HEADER } from '../http/bind-route.ts'
import { toKey, toOrganisation, toTask } from '../views.ts'

type Routes = typeof administrationRoutes
type NewKey = RouteBody<Routes['createKey']>

/** What administers an organisation. */
const FIRST_KEY_SCOPES = [
  'memory:read',
  'memory:write',
  'memory:secret',
  'namespace:admin',
  'key:admin',
  'org:admin',
  'log:read',
  'mip',
] as const

/** An answer that holds a secret: never cached, and never kept for an Idempotency-Key. */
export const secretResponse = (value: unknown, status: number): Response =>
  new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', [SECRET_ANSWER_HEADER]: 'once' },
  })

/** Records a change of the directory, whose database is another one than the organisation's log: right after it, not in its batch. */
export const logChange = ({ activity }: Edge, context: RequestContext): void =>
  activity.record({ context, outcome: 'ok', metric: 'writes', audited: true })

export const createOrganisation: Handler<Routes['createOrganisation']> = async (edge, context, { body }) => {
  const { principal } = context
  if (!principal.root) throw new MemosError('forbidden', { detail: 'Only the root key creates organisations.' })
  const row = edge.organisations.newRow(body)
  const request = { name: 'first key', scopes: [...FIRST_KEY_SCOPES], ratePerMinute: principal.ratePerMinute }
  const key = edge.keyRing.mint(row.id, request, null)
  await edge.organisations.insert(row, [key.row])
  logChange(edge, context)
  return secretResponse({ organisation: toOrganisation(row), key: toKey(key.row), secret: key.secret }, 201)
}

export const listOrganisations: Handler<Routes['listOrganisations']> = async (edge, context, { query }) => {
  if (!context.principal.root) throw new MemosError('forbidden', { detail: 'Only the root key lists organisations.' })
  const rows = await edge.organisations.page(
    query.limit + 1,
    edge.cursors.read(query.cursor, 'organisations', 'string'),
  )
  return edge.cursors.page(rows, query.limit, 'organisations', (row) => row.id, toOrganisation)
}

export const createKey: Handler<Routes['createKey']> = async (edge, context, { body }) => {
  const { principal } = context
  const narrowed = body.subject !== undefined || body.namespaces !== undefined
  if (narrowed && body.scopes.includes('org:admin'))
    throw new MemosError('invalid_request', {
      field: 'scopes',
      expected: 'no org:admin, which is for keys without a subject and without namespaces',
    })
  const excess = body.scopes.find((scope) => !principal.scopes.has(scope))
  // A key must not make a stronger one than itself.
  if (excess !== undefined)
    throw new MemosError('forbidden', { field: 'scopes', expected: 'scopes that the calling key has' })
  if (
    principal.subject !== null &&
    (body.subject?.kind !== principal.subject.kind || body.subject.id !== principal.subject.id)
  ) {
    throw new MemosError('forbidden', { field: 'subject', expected: 'the subject that the calling key is bound to' })
  }
  if (principal.namespaces !== null && !body.namespaces?.every((name) => principal.namespaces?.includes(name))) {
    throw new MemosError('forbidden', { field: 'namespaces', expected: 'namespaces that the calling key may touch' })
  }
  expectNoWider(principal, body)
  if (body.ratePerMinute > principal.ratePerMinute)
    throw new MemosError('forbidden', { field: 'ratePerMinute', expected: `at most ${principal.ratePerMinute}` })
  // What nobody names is the most that the calling key may give.
  const clearance = body.clearance ?? (principal.clearance === 'none' ? ('none' as const) : undefined)
  const { row, secret } = await edge.keyRing.create(principal, { ...body, clearance })
  logChange(edge, context)
  return secretResponse({ key: toKey(row), secret }, 201)
}

/** Clearance, purposes and tasks of a new key. @throws MemosError invalid_request, forbidden */
function expectNoWider(principal: Principal, { scopes, clearance, subject, purposes, tasks }: NewKey): void {
  if (clearance !== undefined && scopes.includes('memory:secret'))
    throw new MemosError('invalid_request', { field: 'clearance', expected: 'no value beside the scope memory:secret' })
  if (clearance === 'personal' && isAbove('personal', principal.clearance))
    throw new MemosError('forbidden', { field: 'clearance', expected: 'none, as the calling key has' })
  const words = { purposes, tasks }
  for (const field of ['purposes', 'tasks'] as const) {
    const wanted = words[field]
    // Permissions ask for them, and a key of the organisation needs no permission.
    if (wanted !== undefined && subject === undefined)
      throw new MemosError('invalid_request', { field, expected: 'no value, since the key has no subject' })
    const allowed = principal[field]
    if (allowed !== null && !(wanted?.every((word) => allowed.includes(word)) ?? false))
      throw new MemosError('forbidden', { field, expected: `some of ${allowed.join(', ')}` })
  }
}

export const listKeys: Handler<Routes['listKeys']> = async (edge, context, { query }) => {
  const list = `keys:${context.principal.orgId}`
  const rows = await edge.keyRing.list(
    context.principal,
    query.limit + 1,
    edge.cursors.read(query.cursor, list, 'string'),
  )
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toKey)
}

export const rotateKey: Handler<Routes['rotateKey']> = async (edge, context, { params, body }) => {
  const { row, secret } = await edge.keyRing.rotate(context.principal, params.id, body.graceMs)
  logChange(edge, context)
  return secretResponse({ key: toKey(row), secret }, 200)
}

export const revokeKey: Handler<Routes['revokeKey']> = async (edge, context, { params }) => {
  await edge.keyRing.revoke(context.principal, params.id)
  logChange(edge, context)
  return undefined
}

export const listTasks: Handler<Routes['listTasks']> = async (edge, context, { query }) => {
  const { tasks } = await edge.sessions(context, 'read')
  const list = `tasks:${context.principal.orgId}:${query.state ?? ''}`
  const rows = await tasks.page(query.state, query.limit + 1, edge.cursors.read(query.cursor, list, 'string'))
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toTask)
}

export const getTask: Handler<Routes['getTask']> = async (edge, context, { params }) => {
  const { tasks } = await edge.sessions(context, 'read')
  return toTask(await tasks.get(params.id))
}

export const cancelTask: Handler<Routes['cancelTask']> = async (edge, context, { params }) => {
  const { tasks, vault } = await edge.sessions(context, 'write')
  const task = await tasks.get(params.id, 'write')
  if (task.state !== 'queued' && task.state !== 'running') return toTask(task)
  // A move that has placed its organisation can only go on: half of it undone would leave the organisation closed.
  if (edge.moves.isMove(task)) {
    if (!context.principal.root) throw new MemosError('forbidden', { detail: 'Only the root key ends a move.' })
    await edge.moves.abort(String(task.input.organisationId))
    logChange(edge, context)
    return toTask(await tasks.get(params.id))
  }
  await vault.apply([
    {
      kind: 'set_task',
      taskId: task.id,
      expectedState: task.state,
      state: 'cancelled',
      leaseUntilMs: null,
      atMs: context.nowMs,
    },
    auditOf(context, task.namespaceId),
  ])
  return toTask(await tasks.get(params.id))
}
