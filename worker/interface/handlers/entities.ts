import { isoOf } from '../../../schemas/common.ts'
import type { EntityDetail } from '../../../schemas/entities.ts'
import { entityKey } from '../../../schemas/entity-key.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { PAGE_ITEMS_DEFAULT } from '../../../schemas/limits.ts'
import type { entityRoutes } from '../../../schemas/routes/entities.ts'
import type { EntityView } from '../../infrastructure/knowledge/entity-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'

type Routes = typeof entityRoutes

async function namespaceOf(session: VaultSession, name: string, access: 'read' | 'write'): Promise<NamespaceRow> {
  const namespace = await session.namespaces.byName(name, access)
  if (namespace === null) throw new MemosError('not_found')
  return namespace
}

/** @throws MemosError not_found also when no cube that the caller may read mentions it */
async function entityOf(session: VaultSession, namespaceId: number, name: string): Promise<EntityView> {
  const found = await session.entities.find(namespaceId, entityKey(name))
  if (found === null) throw new MemosError('not_found')
  return found
}

const recordRead = (edge: Edge, context: RequestContext, namespaceId: number): void =>
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId })

export const listEntities: Handler<Routes['listEntities']> = async (edge, context, { params, query }) => {
  const session = await edge.sessions(context, 'read')
  const namespace = await namespaceOf(session, params.name, 'read')
  const { prefix = '', kind = null, limit } = query
  const list = `entities:${namespace.id}:${prefix}:${kind}`
  const rows = await session.entities.page(namespace.id, {
    prefix: entityKey(prefix),
    kind,
    limit: limit + 1,
    after: edge.cursors.read(query.cursor, list, 'string'),
  })
  recordRead(edge, context, namespace.id)
  return edge.cursors.page(rows, limit, list, ({ key }) => key, toEntity)
}

export const getEntity: Handler<Routes['getEntity']> = async (edge, context, { params, query }) => {
  const session = await edge.sessions(context, 'read')
  const namespace = await namespaceOf(session, params.name, 'read')
  const detail = await detailOf(edge, session, namespace.id, params.key, query)
  recordRead(edge, context, namespace.id)
  return detail
}

async function detailOf(
  edge: Edge,
  session: VaultSession,
  namespaceId: number,
  name: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<EntityDetail> {
  const entity = await entityOf(session, namespaceId, name)
  const names = [entity.key, ...entity.aliases]
  const list = `mentions:${namespaceId}:${entity.key}`
  const before = edge.cursors.read(cursor, list, 'number')
  const [mentions, related, facts] = await Promise.all([
    session.entities.mentions(namespaceId, names, limit + 1, before),
    session.entities.related(namespaceId, names),
    session.entities.facts(namespaceId, names),
  ])
  const page = edge.cursors.page(
    mentions,
    limit,
    list,
    ({ seq }) => seq,
    ({ cubeId, saidAtMs, count }) => ({ cubeId, saidAt: isoOf(saidAtMs), count }),
  )
  return {
    entity: toEntity(entity),
    related,
    facts: facts.map(({ validFromMs, validToMs, ...fact }) => ({
      ...fact,
      validFrom: isoOf(validFromMs),
      validTo: validToMs === null ? null : isoOf(validToMs),
    })),
    mentions: page.items,
    nextCursor: page.nextCursor,
  }
}

export const mergeEntities: Handler<Routes['mergeEntities']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  const { id } = await namespaceOf(session, params.name, 'write')
  const [from, into] = await Promise.all([body.from, body.into].map((name) => rootOf(session, id, name)))
  if (from === undefined || into === undefined || from === into)
    throw new MemosError('invalid_request', { field: 'into', expected: 'another entity than `from`' })
  const write = { kind: 'merge_entities', namespaceId: id, from, into, by: context.principal.keyId } as const
  await decide(session, id, { ...write, atMs: context.nowMs }, context)
  return detailOf(edge, session, id, body.into, { limit: PAGE_ITEMS_DEFAULT })
}

export const splitEntity: Handler<Routes['splitEntity']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  const { id } = await namespaceOf(session, params.name, 'write')
  const alias = entityKey(body.alias)
  if ((await rootOf(session, id, body.alias)) === alias)
    throw new MemosError('invalid_request', { field: 'alias', expected: 'a name that is an alias of another one' })
  const write = { kind: 'split_entity', namespaceId: id, alias, by: context.principal.keyId } as const
  await decide(session, id, { ...write, atMs: context.nowMs }, context)
  return detailOf(edge, session, id, body.alias, { limit: PAGE_ITEMS_DEFAULT })
}

/** Where the chain of merges leads from a name that the caller may know. @throws MemosError not_found */
async function rootOf(session: VaultSession, namespaceId: number, name: string): Promise<string> {
  await entityOf(session, namespaceId, name)
  return session.entities.root(namespaceId, entityKey(name))
}

/** @throws MemosError revision_conflict when another caller changed the same names at the same time */
async function decide(
  session: VaultSession,
  namespaceId: number,
  write: VaultWrite,
  context: RequestContext,
): Promise<void> {
  try {
    await session.vault.apply([write, auditOf(context, namespaceId)])
  } catch (error) {
    if (!(error instanceof GuardError)) throw error
    throw new MemosError('revision_conflict', { detail: 'The names were merged or split meanwhile.' }, { cause: error })
  }
}

export const listPredictedTags: Handler<Routes['listPredictedTags']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'read')
  const { cube } = await session.cubes.get(params.cubeId)
  recordRead(edge, context, cube.namespaceId)
  return { items: await session.entities.ofCube(cube.namespaceId, cube.seq) }
}

const toEntity = ({ key, name, kind, cubes, aliases }: EntityView) => ({ key, name, kind, cubes, aliases })
