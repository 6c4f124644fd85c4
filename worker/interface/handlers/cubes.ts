import { isoOf } from '../../../schemas/common.ts'
import type { MemCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Filter } from '../../../schemas/filter.ts'
import type { memoryRoutes } from '../../../schemas/routes/memory.ts'
import { CUBE_ANSWER_HEADER, type Handler } from '../http/bind-route.ts'
import { receipts, toMemCube } from '../views.ts'

type Routes = typeof memoryRoutes

const etagOf = (cid: string): string => `"${cid}"`
/** Whether an If-None-Match header names an entity tag: a list, weakly compared (RFC 9110, section 13.1.2). */
const namesEtag = (header: string | null, etag: string): boolean =>
  header?.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag) ?? false
/** Whether an If-Match header names an entity tag: a list, strongly compared, so that a weak tag matches none (RFC 9110, section 13.1.1). */
const expectsEtag = (header: string, etag: string): boolean =>
  header.split(',').some((one) => one.trim() === '*' || one.trim() === etag)
const withEtag = (cube: MemCube, status: number): Response =>
  new Response(JSON.stringify(cube), {
    status,
    headers: {
      'content-type': 'application/json',
      etag: etagOf(cube.cid),
      [CUBE_ANSWER_HEADER]: cube.cubeId,
      'cache-control': 'private, no-cache',
    },
  })

export const createCube: Handler<Routes['createCube']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, 'write')
  const namespace = await edge.namespaces.forWrite(session.vault, body, context)
  const plan = edge.embeddings.plan(namespace, context)
  const answer = await edge.writer.create(session, namespace, [body], context, plan.writes, ([cube]) => ({
    status: 201,
    body: { [CUBE_ANSWER_HEADER]: cube?.record.cubeId ?? '' },
  }))
  const cubeId = answer[CUBE_ANSWER_HEADER] ?? ''
  edge.embeddings.wake(namespace, plan)
  return withEtag(toMemCube(await session.cubes.known(cubeId, 'write')), 201)
}

export const createCubes: Handler<Routes['createCubes']> = async (edge, context, { body }) => {
  const targets = new Set(body.cubes.map(({ namespace, userId }) => JSON.stringify([namespace, userId])))
  if (targets.size > 1)
    throw new MemosError('invalid_request', { field: 'cubes', expected: 'cubes of one and the same namespace' })
  const session = await edge.sessions(context, 'write')
  const namespace = await edge.namespaces.forWrite(session.vault, body.cubes[0] ?? {}, context)
  const plan = edge.embeddings.plan(namespace, context)
  const respond = receipts(namespace.name, plan.taskId)
  const nameOf = (at: number, field: string) => `cubes.${at}.${field}`
  const answer = await edge.writer.create(session, namespace, body.cubes, context, plan.writes, respond, nameOf)
  edge.embeddings.wake(namespace, plan)
  return answer
}

export const listCubes: Handler<Routes['listCubes']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const name = edge.namespaces.nameOf(query, context)
  const namespace = (await session.namespaces.byName(name, 'read')) ?? (await session.namespaces.partsOf([name]))[0]
  if (namespace === undefined) throw new MemosError('not_found')
  const list = `cubes:${namespace.id}:${query.tag ?? ''}:${query.session ?? ''}:${query.includeArchived}:${query.asOf ?? ''}`
  const filter: Filter = {
    and: [
      query.includeArchived ? { field: 'cubeId', op: 'exists' } : { field: 'state', op: 'ne', value: 'archived' },
      ...(query.tag === undefined ? [] : [{ field: 'tags', op: 'contains' as const, value: query.tag }]),
      ...(query.session === undefined ? [] : [{ field: 'session', op: 'eq' as const, value: query.session }]),
    ],
  }
  const before = edge.cursors.read(query.cursor, list, 'number')
  const limit = query.limit + 1
  const { includeArchived, asOf } = query
  const rows =
    asOf === undefined
      ? // What was asked by its tag or session would be known by them, so content that is withheld takes no part.
        await session.cubes.page(namespace.id, filter, limit, before, {
          known: query.tag === undefined && query.session === undefined,
        })
      : await edge.pageAsOf(
          session,
          namespace,
          asOf,
          { filter, includeArchived },
          { limit, before, nowMs: context.nowMs },
        )
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: namespace.id })
  return edge.cursors.page(rows, query.limit, list, (row) => row.cube.seq, toMemCube)
}

export const getCube: Handler<Routes['getCube']> = async (edge, context, { params, query, request }) => {
  const session = await edge.sessions(context, 'read')
  const { cubeId } = params
  const { asOf } = query
  const full =
    asOf === undefined ? await session.cubes.known(cubeId) : await edge.cubeAsOf(session, cubeId, asOf, context.nowMs)
  edge.activity.record({
    context,
    outcome: 'ok',
    metric: 'reads',
    audited: true,
    namespaceId: full.cube.namespaceId,
    // Looking at the past is no use of what is now.
    used: asOf === undefined ? [full.cube] : [],
  })
  if (namesEtag(request.headers.get('if-none-match'), etagOf(full.cube.cid)))
    return new Response(null, { status: 304, headers: { etag: etagOf(full.cube.cid) } })
  return withEtag(toMemCube(full), 200)
}

export const updateCube: Handler<Routes['updateCube']> = async (edge, context, { params, body, request }) => {
  const session = await edge.sessions(context, 'write')
  const header = request.headers.get('if-match')
  let { expectedRevision } = body
  if (header !== null) {
    const { cube } = await session.cubes.get(params.cubeId, 'write')
    if (!expectsEtag(header, etagOf(cube.cid)))
      throw new MemosError('precondition_failed', { field: 'If-Match', expected: etagOf(cube.cid) })
    // The revision that the tag stands for must still be the current one when the update is made.
    if (header.trim() !== '*') expectedRevision ??= cube.revision
  }
  const update = { ...body, expectedRevision }
  const full = await edge.writer.update(session, params.cubeId, update, context, edge.embeddings)
  return withEtag(toMemCube(full), 200)
}

export const deleteCube: Handler<Routes['deleteCube']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'write')
  const removed = await edge.writer.remove(session, params.cubeId, context)
  await edge.embeddings.forget(session, context.principal.orgId, removed.namespaceId, [removed.seq])
  return undefined
}

export const listRevisions: Handler<Routes['listRevisions']> = async (edge, context, { params, query }) => {
  const session = await edge.sessions(context, 'read')
  const { cube } = await session.cubes.get(params.cubeId)
  const list = `revisions:${cube.cubeId}`
  const rows = await session.cubes.revisions(
    cube.cubeId,
    query.limit + 1,
    edge.cursors.read(query.cursor, list, 'number'),
  )
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: cube.namespaceId })
  return edge.cursors.page(
    rows,
    query.limit,
    list,
    (row) => row.number,
    (row) => ({
      number: row.number,
      cid: row.cid,
      mode: row.mode,
      author: row.author,
      createdAt: isoOf(row.createdAtMs),
      revision: session.cubes.decode(row),
    }),
  )
}

/** Revisions that one provenance answer names. */
const CHAIN_MAX = 200

export const getProvenance: Handler<Routes['getProvenance']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'read')
  const { cube, revision } = await session.cubes.get(params.cubeId)
  const rows = await session.cubes.revisions(cube.cubeId, CHAIN_MAX, null)
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: cube.namespaceId })
  return {
    provenanceId: cube.provenanceId,
    cubeId: cube.cubeId,
    origin: { kind: cube.originKind, ref: cube.originRef },
    lineage: revision.lineage,
    chain: rows.map((row) => ({
      number: row.number,
      cid: row.cid,
      prev: session.cubes.decode(row).prev,
      mode: row.mode,
      author: row.author,
      createdAt: isoOf(row.createdAtMs),
    })),
  }
}
