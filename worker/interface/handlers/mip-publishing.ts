import { MemosError } from '../../../schemas/errors.ts'
import type { Filter } from '../../../schemas/filter.ts'
import { MIP_PUBLISH_CUBES_MAX } from '../../../schemas/limits-mip.ts'
import type { MipIdentity } from '../../../schemas/mip-publishing.ts'
import type { RouteBody } from '../../../schemas/route.ts'
import type { mipPublishingRoutes } from '../../../schemas/routes/mip-publishing.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { isNarrowed } from '../../ports/principal.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { tellTails } from '../mip/tail-frames.ts'

type Routes = typeof mipPublishingRoutes
type Publish = RouteBody<Routes['publishMemories']>

export const getMipIdentity: Handler<Routes['getMipIdentity']> = async (edge, context) => {
  const session = await open(edge, context, 'read')
  const identity = await edge.identityDesk.show(session, context)
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return identity
}

export const createMipIdentity: Handler<Routes['createMipIdentity']> = async (edge, context, { body }) => {
  const session = await open(edge, context, 'write')
  await edge.identityDesk.create(session, body, context)
  return shownAfter(edge, session, context)
}

export const appendMipEntries: Handler<Routes['appendMipEntries']> = async (edge, context, { body }) => {
  const session = await open(edge, context, 'write')
  await edge.identityDesk.append(session, body, context)
  return shownAfter(edge, session, context)
}

/** Entries of the root may stand in any log. */
async function shownAfter(edge: Edge, session: VaultSession, context: RequestContext): Promise<MipIdentity> {
  const identity = await edge.identityDesk.show(session, context)
  for (const { log } of identity.logs) if (identity.org !== null) tellTails(edge, { org: identity.org, log })
  return identity
}

export const publishMemories: Handler<Routes['publishMemories']> = async (edge, context, { body }) => {
  const session = await open(edge, context, 'write')
  const { cubeIds, nextCursor } = await wanted(edge, session, body, context)
  const published = await edge.publisher.publish(session, cubeIds, body, context)
  if (published.items.some(({ outcome }) => outcome === 'published')) tellTails(edge, published)
  return { ...published, nextCursor }
}

export const revokePublished: Handler<Routes['revokePublished']> = async (edge, context, { body }) => {
  const revoked = await edge.publisher.revoke(await open(edge, context, 'write'), body, context)
  if (revoked.revoked.length > 0) tellTails(edge, revoked)
  return revoked
}

/** @throws MemosError forbidden: an identity is the organisation's; a key that reaches less does not speak for it */
function open(edge: Edge, context: RequestContext, access: 'read' | 'write'): Promise<VaultSession> {
  if (isNarrowed(context.principal))
    throw new MemosError('forbidden', { detail: 'The key does not reach the whole organisation.' })
  return edge.sessions(context, access)
}

/** The cubes that a request is about: those it names, or a page of a namespace. */
async function wanted(
  edge: Edge,
  session: VaultSession,
  { cubeIds, namespace: name, filter, cursor, log }: Publish,
  context: RequestContext,
): Promise<{ cubeIds: string[]; nextCursor: string | null }> {
  if (cubeIds !== undefined) return { cubeIds, nextCursor: null }
  const namespace = await session.namespaces.byName(edge.namespaces.nameOf({ namespace: name }, context), 'read')
  if (namespace === null)
    throw new MemosError('not_found', { field: 'namespace', expected: 'a namespace that the key may read' })
  const list = `publish:${namespace.id}:${log}:${JSON.stringify(filter ?? null)}`
  const inUse: Filter = { field: 'state', op: 'ne', value: 'archived' }
  const rows = await session.cubes.page(
    namespace.id,
    filter === undefined ? inUse : { and: [inUse, filter] },
    MIP_PUBLISH_CUBES_MAX + 1,
    edge.cursors.read(cursor, list, 'number'),
  )
  const { items, nextCursor } = edge.cursors.page(
    rows,
    MIP_PUBLISH_CUBES_MAX,
    list,
    ({ cube }) => cube.seq,
    ({ cube }) => cube.cubeId,
  )
  return { cubeIds: items, nextCursor }
}
