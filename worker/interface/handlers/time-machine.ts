import { isoOf } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { timeMachineRoutes } from '../../../schemas/routes/time-machine.ts'
import type { Branch, BranchDetail, DiffEntry, Snapshot } from '../../../schemas/time-machine.ts'
import type { DiffRow } from '../../infrastructure/time-machine/pin-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { BranchCubeRow, BranchRow, NamespaceRow, SnapshotRow } from '../../ports/rows.ts'
import type { Edge } from '../edge.ts'
import { CUBE_ANSWER_HEADER, type Handler, SECRET_ANSWER_HEADER } from '../http/bind-route.ts'
import { toMemCube } from '../views.ts'

type Routes = typeof timeMachineRoutes

interface Opened {
  session: VaultSession
  namespace: NamespaceRow
}

/** @throws MemosError not_found for absent and forbidden namespaces alike */
async function open(edge: Edge, context: RequestContext, name: string, access: 'read' | 'write'): Promise<Opened> {
  const session = await edge.sessions(context, access)
  const namespace = await session.namespaces.byName(name, access)
  if (namespace === null) throw new MemosError('not_found')
  return { session, namespace }
}

async function snapshotOf({ session, namespace }: Opened, name: string): Promise<SnapshotRow> {
  const snapshot = await session.pins.snapshot(namespace.id, name)
  if (snapshot === null) throw new MemosError('not_found')
  return snapshot
}

async function branchOf({ session, namespace }: Opened, name: string): Promise<BranchRow> {
  const branch = await session.pins.branch(namespace.id, name)
  if (branch === null) throw new MemosError('not_found')
  return branch
}

const recordRead = (edge: Edge, context: RequestContext, { namespace }: Opened): void =>
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: namespace.id })

export const restoreCube: Handler<Routes['restoreCube']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  const { cubeId } = params
  const full = await edge.timeMachine.restoreCube(session, cubeId, body, context, { [CUBE_ANSWER_HEADER]: cubeId })
  return new Response(JSON.stringify(toMemCube(full)), {
    headers: { 'content-type': 'application/json', etag: `"${full.cube.cid}"`, [CUBE_ANSWER_HEADER]: cubeId },
  })
}

export const createSnapshot: Handler<Routes['createSnapshot']> = async (edge, context, { params, body }) => {
  const { session, namespace } = await open(edge, context, params.name, 'write')
  const snapshot = await edge.timeMachine.createSnapshot(session, namespace, body.name, context)
  return detailOf(edge, session, snapshot)
}

export const listSnapshots: Handler<Routes['listSnapshots']> = async (edge, context, { params, query }) => {
  const { session, namespace } = await open(edge, context, params.name, 'read')
  const list = `snapshots:${namespace.id}`
  const after = edge.cursors.read(query.cursor, list, 'string')
  const rows = await session.pins.snapshots(namespace.id, query.limit + 1, after)
  const counts = await session.pins.counts(rows.slice(0, query.limit))
  return edge.cursors.page(
    rows,
    query.limit,
    list,
    (row) => row.name ?? '',
    (row) => toSnapshot(row, counts.get(row.id)?.cubes ?? 0),
  )
}

export const getSnapshot: Handler<Routes['getSnapshot']> = async (edge, context, { params }) => {
  const opened = await open(edge, context, params.name, 'read')
  const snapshot = await snapshotOf(opened, params.snapshot)
  return detailOf(edge, opened.session, snapshot)
}

export const deleteSnapshot: Handler<Routes['deleteSnapshot']> = async (edge, context, { params }) => {
  const opened = await open(edge, context, params.name, 'write')
  const { id: snapshotId, namespaceId } = await snapshotOf(opened, params.snapshot)
  await opened.session.vault.apply([
    { kind: 'delete_snapshot', snapshotId, namespaceId },
    auditOf(context, namespaceId),
  ])
  return undefined
}

export const restoreSnapshot: Handler<Routes['restoreSnapshot']> = async (edge, context, { params }) => {
  const opened = await open(edge, context, params.name, 'write')
  const snapshot = await snapshotOf(opened, params.snapshot)
  return edge.snapshotRestore.restore(opened.session, opened.namespace, snapshot, context)
}

export const diffNamespace: Handler<Routes['diffNamespace']> = async (edge, context, { params, query }) => {
  const opened = await open(edge, context, params.name, 'read')
  const { session, namespace } = opened
  const list = `diff:${namespace.id}:${query.from}:${query.to}`
  const [from, to] = await Promise.all([
    edge.diffViewOf(session, namespace.id, query.from, context.nowMs, 'from'),
    edge.diffViewOf(session, namespace.id, query.to, context.nowMs, 'to'),
  ])
  const after = edge.cursors.read(query.cursor, list, 'number') ?? 0
  const rows = await session.pins.diff(namespace.id, { from, to }, query.limit + 1, after)
  recordRead(edge, context, opened)
  return edge.cursors.page(rows, query.limit, list, (row) => row.seq, toDiffEntry)
}

export const createBranch: Handler<Routes['createBranch']> = async (edge, context, { params, body }) => {
  const { session, namespace } = await open(edge, context, params.name, 'write')
  return toBranch(await edge.branches.create(session, namespace, body, context))
}

export const listBranches: Handler<Routes['listBranches']> = async (edge, context, { params, query }) => {
  const { session, namespace } = await open(edge, context, params.name, 'read')
  const list = `branches:${namespace.id}`
  const after = edge.cursors.read(query.cursor, list, 'string')
  const rows = await session.pins.branches(namespace.id, query.limit + 1, after)
  return edge.cursors.page(rows, query.limit, list, (row) => row.name, toBranch)
}

export const getBranch: Handler<Routes['getBranch']> = async (edge, context, { params }) => {
  const opened = await open(edge, context, params.name, 'read')
  const branch = await branchOf(opened, params.branch)
  const rows = await opened.session.pins.branchCubes(branch.id)
  recordRead(edge, context, opened)
  return { ...toBranch(branch), changes: rows.map(toChange) }
}

export const discardBranch: Handler<Routes['discardBranch']> = async (edge, context, { params }) => {
  const opened = await open(edge, context, params.name, 'write')
  await edge.branches.discard(opened.session, await branchOf(opened, params.branch), context)
  return undefined
}

export const createBranchCube: Handler<Routes['createBranchCube']> = async (edge, context, { params, body }) => {
  if (body.userId !== undefined || (body.namespace !== undefined && body.namespace !== params.name))
    throw new MemosError('invalid_request', { field: 'namespace', expected: 'the namespace of the branch, or none' })
  const opened = await open(edge, context, params.name, 'write')
  const branch = await branchOf(opened, params.branch)
  const made = toMemCube(await edge.branches.createCube(opened.session, opened.namespace, branch, body, context))
  const headers = { 'content-type': 'application/json', [SECRET_ANSWER_HEADER]: 'memory' }
  return new Response(JSON.stringify(made), { status: 201, headers })
}

export const updateBranchCube: Handler<Routes['updateBranchCube']> = async (edge, context, { params, body }) => {
  const opened = await open(edge, context, params.name, 'write')
  const branch = await branchOf(opened, params.branch)
  const wanted = { cubeId: params.cubeId, update: body }
  return toMemCube(await edge.branches.updateCube(opened.session, opened.namespace, branch, wanted, context))
}

export const deleteBranchCube: Handler<Routes['deleteBranchCube']> = async (edge, context, { params }) => {
  const opened = await open(edge, context, params.name, 'write')
  const branch = await branchOf(opened, params.branch)
  await edge.branches.removeCube(opened.session, opened.namespace, branch, params.cubeId, context)
  return undefined
}

export const mergeBranch: Handler<Routes['mergeBranch']> = async (edge, context, { params, body }) => {
  const opened = await open(edge, context, params.name, 'write')
  const branch = await branchOf(opened, params.branch)
  return edge.branchMerge.merge(opened.session, opened.namespace, branch, body.strategy, context)
}

async function detailOf(edge: Edge, session: VaultSession, snapshot: SnapshotRow) {
  const counts = await session.pins.counts([snapshot])
  const digest = await edge.timeMachine.digest(session, snapshot.id)
  return { ...toSnapshot(snapshot, counts.get(snapshot.id)?.cubes ?? 0), digest }
}

const toSnapshot = ({ name, createdBy, createdAtMs }: SnapshotRow, cubes: number): Snapshot => ({
  name: name ?? '',
  cubes,
  createdBy,
  createdAt: isoOf(createdAtMs),
})

const toBranch = ({ name, cubeId, state, createdBy, createdAtMs, closedAtMs }: BranchRow): Branch => ({
  name,
  cubeId,
  state,
  createdBy,
  createdAt: isoOf(createdAtMs),
  closedAt: closedAtMs === null ? null : isoOf(closedAtMs),
})

const toChange = ({ cubeId, revision, local, updatedAtMs }: BranchCubeRow): BranchDetail['changes'][number] => ({
  cubeId,
  change: revision === null ? 'removed' : local?.made ? 'added' : 'revised',
  revision,
  updatedAt: isoOf(updatedAtMs),
})

const toDiffEntry = ({ cubeId, from, to }: DiffRow): DiffEntry => ({
  cubeId,
  change: from === null ? 'added' : to === null ? 'removed' : from.revision !== to.revision ? 'revised' : 'state',
  from,
  to,
})
