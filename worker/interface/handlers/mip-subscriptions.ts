import { decodeRevision } from '../../../protocol/core/revision.ts'
import { isoOf } from '../../../schemas/common.ts'
import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_PEERS_MAX, MIP_REPLICAS_MAX, MIP_SUBSCRIPTIONS_MAX } from '../../../schemas/limits-mip.ts'
import type { SubscriptionFilter } from '../../../schemas/mip-subscription.ts'
import type { mipSubscriptionRoutes } from '../../../schemas/routes/mip-subscriptions.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { ShownSubscription, SpeakingNode } from '../../infrastructure/mip/followed-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { MipIngestedRow, MipMirrorRow, MipPeerRow } from '../../ports/writes/mip.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { expectWholeOrganisation } from '../whole-organisation.ts'

type Routes = typeof mipSubscriptionRoutes

/** What is followed belongs to the organisation. @throws MemosError forbidden */
function open(edge: Edge, context: RequestContext, access: 'read' | 'write'): Promise<VaultSession> {
  expectWholeOrganisation(context.principal)
  if (access === 'read') edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.sessions(context, access)
}

/** A session that may write where foreign memory lies: nobody else does. Named after the request that asked for it. */
async function openAsSystem(edge: Edge, { principal, operation, nowMs, signal, requestId }: RequestContext) {
  const context = { ...edge.systemContext(principal.orgId, operation, nowMs, signal), requestId }
  return { context, session: await edge.sessions(context, 'write') }
}

const toPeer = (row: MipPeerRow, mirrors: readonly MipMirrorRow[], nodes: readonly SpeakingNode[]) => ({
  did: row.did as Did,
  name: row.name,
  tier: row.tier,
  addresses: row.addresses,
  strikes: row.strikes,
  nodes: nodes.filter(({ did }) => did === row.did).map(({ peerId, untilMs }) => ({ peerId, until: isoOf(untilMs) })),
  mirrors: mirrors
    .filter(({ did }) => did === row.did)
    .map(({ address, strikes, reason, restUntilMs }) => ({ address, strikes, reason, restsUntil: isoOf(restUntilMs) })),
  createdAt: isoOf(row.createdAtMs),
  updatedAt: isoOf(row.updatedAtMs),
})

async function peerOf(session: VaultSession, did: string, nowMs: number) {
  const row = await session.followed.peer(did)
  if (row === null) throw new MemosError('not_found')
  return toPeer(row, await session.followed.mirrors([did]), await session.followed.servers([did], nowMs))
}

export const listMipPeers: Handler<Routes['listMipPeers']> = async (edge, context, { query }) => {
  const { followed } = await open(edge, context, 'read')
  const rows = await followed.peers(query.limit + 1, edge.cursors.read(query.cursor, 'peers', 'string'))
  const dids = rows.map(({ did }) => did)
  const mirrors = await followed.mirrors(dids)
  const nodes = await followed.servers(dids, context.nowMs)
  return edge.cursors.page(
    rows,
    query.limit,
    'peers',
    (row) => row.did,
    (row) => toPeer(row, mirrors, nodes),
  )
}

export const getMipPeer: Handler<Routes['getMipPeer']> = async (edge, context, { params }) =>
  peerOf(await open(edge, context, 'read'), params.did, context.nowMs)

export const setMipPeer: Handler<Routes['setMipPeer']> = async (edge, context, { params, body }) => {
  const session = await open(edge, context, 'write')
  const before = await session.followed.peer(params.did)
  if (before === null && (await session.followed.peerCount()) >= MIP_PEERS_MAX)
    throw new MemosError('quota_exceeded', { detail: `The organisation may name ${MIP_PEERS_MAX} peers.` })
  await session.vault.apply([putPeer(params.did, body, context), auditOf(context, null)])
  await follow(edge, context, before?.tier ?? 'unknown', body.tier)
  return peerOf(session, params.did, context.nowMs)
}

export const deleteMipPeer: Handler<Routes['deleteMipPeer']> = async (edge, context, { params }) => {
  const session = await open(edge, context, 'write')
  const before = await session.followed.peer(params.did)
  if (before === null) throw new MemosError('not_found')
  await session.vault.apply([{ kind: 'delete_mip_peer', did: params.did }, auditOf(context, null)])
  await follow(edge, context, before.tier, 'unknown')
  return undefined
}

/** What is here of the publisher follows the tier: a first part at once, the rest with the minute's upkeep. */
async function follow(edge: Edge, context: RequestContext, before: string, after: string): Promise<void> {
  if (before === after) return
  const system = await openAsSystem(edge, context)
  await edge.trustReview.run(system.session, system.context)
}

const putPeer = (
  did: string,
  { name, tier, addresses }: Pick<MipPeerRow, 'name' | 'tier' | 'addresses'>,
  { nowMs }: RequestContext,
): VaultWrite => ({
  kind: 'put_mip_peer',
  peer: { did, name, tier, addresses, strikes: 0, createdAtMs: nowMs, updatedAtMs: nowMs },
})

const toSubscription = ({ subscription: s, namespace, read }: ShownSubscription) => ({
  id: s.id,
  did: s.did as Did,
  log: s.log,
  filter: s.filter as SubscriptionFilter,
  namespace,
  verify: s.verify,
  state: s.state,
  applied: { epoch: s.epoch, seq: s.seq },
  read,
  error: s.error,
  attempts: s.attempts,
  nextAt: isoOf(s.nextAtMs),
  createdAt: isoOf(s.createdAtMs),
  updatedAt: isoOf(s.updatedAtMs),
})

async function shownOf(session: VaultSession, id: string): Promise<ShownSubscription> {
  const shown = await session.followed.subscription(id)
  if (shown === null) throw new MemosError('not_found')
  return shown
}

export const listMipSubscriptions: Handler<Routes['listMipSubscriptions']> = async (edge, context, { query }) => {
  const { followed } = await open(edge, context, 'read')
  const after = edge.cursors.read(query.cursor, 'subscriptions', 'string')
  const rows = await followed.subscriptions({ limit: query.limit + 1, after })
  return edge.cursors.page(rows, query.limit, 'subscriptions', (row) => row.subscription.id, toSubscription)
}

export const getMipSubscription: Handler<Routes['getMipSubscription']> = async (edge, context, { params }) =>
  toSubscription(await shownOf(await open(edge, context, 'read'), params.id))

/** Foreign memory is not edited: nothing in its namespace ages, merges or is summarised by policies of ours. */
const SETTINGS = { lifecycle: { idleDays: null, ttlDays: null, consolidate: false } }

export const createMipSubscription: Handler<Routes['createMipSubscription']> = async (edge, context, { body }) => {
  const session = await open(edge, context, 'write')
  const { followed } = session
  const { did, log, filter, addresses, verify } = body
  if ((await followed.subscriptionCount()) >= MIP_SUBSCRIPTIONS_MAX)
    throw new MemosError('quota_exceeded', { detail: `The organisation may follow ${MIP_SUBSCRIPTIONS_MAX} logs.` })
  const name = body.namespace ?? `mip.${did.slice('did:key:'.length, 'did:key:'.length + 16)}.${log}`
  if (/^(?:user|agent):/.test(name))
    throw new MemosError('invalid_request', { field: 'namespace', expected: 'a name that is not kept for a subject' })
  const namespace = edge.namespaces.newRow(context, { name, layer: 'shared', owner: null, settings: SETTINGS })
  const peer = await followed.peer(did)
  const known = [...new Set([...(peer?.addresses ?? []), ...addresses])].slice(0, MIP_REPLICAS_MAX)
  const id = ulid(context.nowMs, edge.runtime.randomBytes)
  const at = { createdAtMs: context.nowMs, updatedAtMs: context.nowMs }
  await session.namespaces.insert(namespace, [
    ...(peer !== null && known.length === peer.addresses.length
      ? []
      : [putPeer(did, { name: peer?.name ?? null, tier: peer?.tier ?? 'unknown', addresses: known }, context)]),
    {
      kind: 'insert_mip_subscription',
      subscription: {
        id,
        did,
        log,
        filter,
        namespaceId: namespace.id,
        state: 'active',
        epoch: 0,
        seq: -1,
        error: null,
        attempts: 0,
        nextAtMs: context.nowMs,
        verify,
        createdBy: context.principal.keyId,
        ...at,
      },
    },
    auditOf(context, namespace.id),
  ])
  return toSubscription(await shownOf(session, id))
}

export const updateMipSubscription: Handler<Routes['updateMipSubscription']> = async (
  edge,
  context,
  { params, body },
) => {
  const session = await open(edge, context, 'write')
  const { subscription } = await shownOf(session, params.id)
  const { state, filter } = body
  const resumed = state === 'active' ? { nextAtMs: context.nowMs, error: null, attempts: 0 } : {}
  await session.vault
    .apply([
      {
        kind: 'set_mip_subscription',
        id: subscription.id,
        changes: { ...(state && { state }), ...(filter && { filter }), ...resumed },
        atMs: context.nowMs,
      },
      auditOf(context, subscription.namespaceId),
    ])
    .catch((error: unknown) => {
      throw error instanceof GuardError ? new MemosError('not_found') : error
    })
  return toSubscription(await shownOf(session, params.id))
}

export const deleteMipSubscription: Handler<Routes['deleteMipSubscription']> = async (edge, context, { params }) => {
  const { subscription, namespace } = await shownOf(await open(edge, context, 'write'), params.id)
  const system = await openAsSystem(edge, context)
  const row = await system.session.namespaces.byName(namespace, 'write')
  if (row !== null) await edge.eraser.namespace(system.session, row, system.context)
  await system.session.vault.apply([{ kind: 'forget_mip_logs', did: subscription.did }])
  return undefined
}

export const catchUpMipSubscription: Handler<Routes['catchUpMipSubscription']> = async (edge, context, { params }) => {
  const { subscription } = await shownOf(await open(edge, context, 'write'), params.id)
  if (subscription.state === 'paused')
    throw new MemosError('precondition_failed', { field: 'id', expected: 'a subscription that is not paused' })
  const system = await openAsSystem(edge, context)
  const report = await edge.subscriber.catchUp(system.session, subscription, system.context)
  // What it changed is logged with the changes; this says that somebody asked for it.
  edge.activity.record({ context, outcome: 'ok', metric: 'writes', audited: true })
  return report
}

/** Takes as long as the file: it ends when the caller hangs up. */
export const importMipArchive: Handler<Routes['importMipArchive']> = async (edge, context, { request }) => {
  if (request.body === null) throw new MemosError('invalid_archive', { field: 'body', expected: 'a log archive' })
  await open(edge, context, 'write')
  const system = await openAsSystem(edge, { ...context, signal: request.signal })
  const report = await edge.archiveImport.run(system.session, request.body as never, system.context)
  // What it changed is logged with the changes; this says that somebody asked for it.
  edge.activity.record({ context, outcome: 'ok', metric: 'writes', audited: true })
  return report
}

const idOf = ({ subscriptionId, cube }: MipIngestedRow): string => `${subscriptionId}.${cube}`

export const listQuarantine: Handler<Routes['listQuarantine']> = async (edge, context, { query }) => {
  const { followed } = await open(edge, context, 'read')
  const after = edge.cursors.read(query.cursor, 'quarantine', 'string')
  const rows = await followed.quarantined(query.limit + 1, after)
  const objects = await followed.objects(rows.map(({ row }) => row.cid))
  return edge.cursors.page(
    rows,
    query.limit,
    'quarantine',
    ({ row }) => idOf(row),
    ({ row, namespace }) => {
      const bytes = objects.get(row.cid)
      const revision = bytes === undefined ? null : decodeRevision(bytes)
      return {
        id: idOf(row),
        subscription: row.subscriptionId,
        did: row.did as Did,
        cube: row.cube,
        revision: row.number,
        cid: row.cid as never,
        namespace,
        reason: row.reason ?? 'unknown_publisher',
        title: revision?.title ?? null,
        text: revision?.renditions.find((one) => one.kind === 'text')?.text ?? null,
        at: isoOf(row.atMs),
      }
    },
  )
}

async function waiting(session: VaultSession, id: string): Promise<MipIngestedRow> {
  const [subscriptionId = '', cube = ''] = id.split('.')
  const row = await session.followed.ingested(subscriptionId, cube)
  if (row?.state !== 'quarantined') throw new MemosError('not_found')
  return row
}

export const approveQuarantined: Handler<Routes['approveQuarantined']> = async (edge, context, { params }) => {
  const row = await waiting(await open(edge, context, 'write'), params.id)
  const system = await openAsSystem(edge, context)
  return { id: params.id, ...(await edge.trustReview.approve(system.session, row, system.context)) }
}

export const rejectQuarantined: Handler<Routes['rejectQuarantined']> = async (edge, context, { params }) => {
  const row = await waiting(await open(edge, context, 'write'), params.id)
  const system = await openAsSystem(edge, context)
  return { id: params.id, ...(await edge.trustReview.reject(system.session, row, system.context)) }
}
