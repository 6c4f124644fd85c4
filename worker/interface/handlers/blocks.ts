import { isoOf } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { blockRoutes } from '../../../schemas/routes/blocks.ts'
import type { OpenBlock } from '../../operation/blocks/mem-blocks.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import { toBlock, toBlockChange, toBlockDetail, toBlockMember } from '../block-views.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'

type Routes = typeof blockRoutes

export const createBlock: Handler<Routes['createBlock']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, 'write')
  const namespace = await edge.namespaces.forWrite(session.vault, body, context)
  return edge.blocks.create(session, namespace, body, context)
}

export const listBlocks: Handler<Routes['listBlocks']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const name = edge.namespaces.nameOf(query, context)
  const namespace = (await session.namespaces.byName(name, 'read')) ?? (await session.namespaces.partsOf([name]))[0]
  if (namespace === undefined) throw new MemosError('not_found')
  const list = `blocks:${namespace.id}`
  const rows = await session.blocks.page(namespace.id, query.limit + 1, edge.cursors.read(query.cursor, list, 'string'))
  isRead(edge, context, namespace.id)
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toBlock)
}

export const getBlock: Handler<Routes['getBlock']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'read')
  const opened = await edge.blocks.open(session, params.id, 'read')
  isRead(edge, context, opened.block.namespaceId, [opened.core.cube])
  return detailOf(edge, opened, await session.blocks.liveCount(params.id))
}

export const updateBlock: Handler<Routes['updateBlock']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  const opened = await edge.blocks.update(session, params.id, body, context)
  return detailOf(edge, opened, await session.blocks.liveCount(params.id))
}

export const deleteBlock: Handler<Routes['deleteBlock']> = async (edge, context, { params }) => {
  await edge.blocks.remove(await edge.sessions(context, 'write'), params.id, context)
  return undefined
}

export const editBlock: Handler<Routes['editBlock']> = async (edge, context, { params, body }) =>
  edge.blocks.edit(await edge.sessions(context, 'write'), params.id, body, context)

export const listMembers: Handler<Routes['listMembers']> = async (edge, context, { params, query }) => {
  const session = await edge.sessions(context, 'read')
  const block = await session.blocks.get(params.id, 'read')
  const list = `members:${block.id}`
  const rows = await session.blocks.members(block.id, query.limit + 1, edge.cursors.read(query.cursor, list, 'string'))
  isRead(edge, context, block.namespaceId)
  return edge.cursors.page(rows, query.limit, list, (row) => row.cubeId, toBlockMember)
}

export const addMembers: Handler<Routes['addMembers']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  return { added: await edge.blocks.addMembers(session, params.id, body.cubeIds, context) }
}

export const removeMember: Handler<Routes['removeMember']> = async (edge, context, { params }) => {
  await edge.blocks.removeMember(await edge.sessions(context, 'write'), params.id, params.cubeId, context)
  return undefined
}

export const evolveBlock: Handler<Routes['evolveBlock']> = async (edge, context, { params, body: { dryRun } }) => {
  const session = await edge.sessions(context, 'write')
  const { namespaceId, proposals, changes, before, after } = dryRun
    ? await edge.evolution.preview(session, params.id, context)
    : await edge.evolution.evolve(session, params.id, context)
  // Each change has its entry in the log; where there was none, what was looked at is told.
  if (changes.length === 0) isRead(edge, context, namespaceId)
  return {
    dryRun,
    proposals: proposals.map(({ kind, reason, cubeIds }) => ({ kind, reason, cubeIds })),
    changes: (await session.blocks.shown(changes)).map(toBlockChange),
    questions: before.asked.length,
    qualityBefore: before.quality,
    qualityAfter: after.quality,
  }
}

export const listBlockChanges: Handler<Routes['listBlockChanges']> = async (edge, context, { params, query }) => {
  const session = await edge.sessions(context, 'read')
  const block = await session.blocks.get(params.id, 'read')
  const list = `block-changes:${block.id}`
  const before = edge.cursors.read(query.cursor, list, 'string')
  const rows = await session.blocks.shown(await session.blocks.changes(block.id, query.limit + 1, before))
  isRead(edge, context, block.namespaceId)
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toBlockChange)
}

export const undoBlockChange: Handler<Routes['undoBlockChange']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'write')
  const undoneAtMs = await edge.evolution.undo(session, params.id, params.change, context)
  return { changeId: params.change, undoneAt: isoOf(undoneAtMs) }
}

export const sendFeedback: Handler<Routes['sendFeedback']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, 'write')
  return edge.feedback.record(session, 'items' in body ? body.items : [body], context)
}

function detailOf(edge: Edge, { block, core }: OpenBlock, members: number) {
  const text = edge.blocks.textOf(core)
  return toBlockDetail(block, { ...text, revision: core.cube.revision, members })
}

const isRead = (
  edge: Edge,
  context: RequestContext,
  namespaceId: number,
  used: OpenBlock['core']['cube'][] = [],
): void => edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId, used })
