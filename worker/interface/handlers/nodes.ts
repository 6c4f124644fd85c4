import type { z } from 'zod'
import { isoOf } from '../../../schemas/common.ts'
import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Node, NodeTask } from '../../../schemas/node.ts'
import type { NodeErrorCode } from '../../../schemas/node-error.ts'
import type { nodeRoutes } from '../../../schemas/routes/nodes.ts'
import { GuardError } from '../../ports/database.ts'
import type { ConnectedNode } from '../../ports/node-hub.ts'
import type { NodeRow } from '../../ports/rows.ts'
import type { NodeTaskRow } from '../../ports/writes/nodes.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import type { NodeServices } from '../nodes/node-services.ts'
import { expectWholeOrganisation } from '../whole-organisation.ts'
import { logChange, secretResponse } from './administration.ts'

type Routes = typeof nodeRoutes

export const listNodes: Handler<Routes['listNodes']> = async (edge, context, { query }) => {
  const { directory, hub } = servicesOf(edge)
  const { orgId } = expectWhole(context.principal)
  const rows = await directory.page(orgId, query.limit + 1, edge.cursors.read(query.cursor, 'nodes', 'string'))
  const connected = new Map((await hub.nodes(orgId)).map((node) => [node.nodeId, node]))
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.cursors.page(
    rows,
    query.limit,
    'nodes',
    (row) => row.id,
    (row) => toNode(row, connected.get(row.id)),
  )
}

export const createNodeToken: Handler<Routes['createNodeToken']> = async (edge, context, { body }) => {
  const { row, secret } = await servicesOf(edge).directory.createToken(expectWhole(context.principal), body)
  logChange(edge, context)
  const { id, name, organisations, expiresAtMs } = row
  return secretResponse({ id, name, organisations, token: secret, expiresAt: isoOf(expiresAtMs) }, 201)
}

export const revokeNode: Handler<Routes['revokeNode']> = async (edge, context, { params }) => {
  const { directory, hub } = servicesOf(edge)
  await directory.revoke(expectWhole(context.principal), params.id)
  await hub.disconnect(params.id)
  logChange(edge, context)
  return undefined
}

export const listNodeTasks: Handler<Routes['listNodeTasks']> = async (edge, context, { query }) => {
  const { orgId } = expectWhole(context.principal)
  const list = `node-tasks:${query.state ?? ''}`
  const tasks = await servicesOf(edge).tasks(orgId, context.nowMs)
  const rows = await tasks.page(query.state, query.limit + 1, edge.cursors.read(query.cursor, list, 'string'))
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toNodeTask)
}

export const cancelNodeTask: Handler<Routes['cancelNodeTask']> = async (edge, context, { params }) => {
  const { orgId } = expectWhole(context.principal)
  const tasks = await servicesOf(edge).tasks(orgId, context.nowMs)
  await tasks.get(params.id)
  const place = await edge.vault.of(orgId, context.nowMs, 'write')
  try {
    await place.apply([{ kind: 'cancel_node_task', taskId: params.id, atMs: context.nowMs }])
  } catch (error) {
    if (!(error instanceof GuardError)) throw error
    throw new MemosError('invalid_request', { field: 'id', expected: 'a task that has not ended' }, { cause: error })
  }
  logChange(edge, context)
  return toNodeTask(await tasks.get(params.id))
}

function servicesOf({ nodes }: Edge): NodeServices {
  if (nodes === null) throw new MemosError('not_found', { detail: 'This deployment takes no GPU nodes.' })
  return nodes
}

function expectWhole<P extends Parameters<typeof expectWholeOrganisation>[0]>(principal: P): P {
  expectWholeOrganisation(principal)
  return principal
}

const toNode = (row: NodeRow, connected: ConnectedNode | undefined): z.infer<typeof Node> => ({
  id: row.id,
  name: row.name,
  publicKey: row.publicKey as Did,
  state: row.revokedAtMs !== null ? 'revoked' : connected === undefined ? 'away' : 'connected',
  runtime: connected?.runtime ?? null,
  provider: connected?.provider ?? null,
  models: connected?.models.map(({ name, fingerprint }) => ({ name, fingerprint })) ?? [],
  running: connected?.running ?? 0,
  concurrency: connected?.concurrency ?? 0,
  createdAt: isoOf(row.createdAtMs),
  lastSeenAt: isoOf(connected?.lastSeenMs ?? row.lastSeenMs),
})

const toNodeTask = (row: NodeTaskRow): z.infer<typeof NodeTask> => ({
  id: row.id,
  kind: row.kind,
  model: row.model,
  priority: row.priority,
  state: row.state,
  nodeId: row.nodeId,
  attempts: row.attempts,
  error: row.error as NodeErrorCode | null,
  createdAt: isoOf(row.createdAtMs),
  updatedAt: isoOf(row.updatedAtMs),
})
