import type { Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { NamespaceSettings } from '../../../schemas/namespace-settings.ts'
import type { administrationRoutes } from '../../../schemas/routes/administration.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { toNamespace, toPrincipal } from '../views.ts'
import { expectWholeOrganisation } from '../whole-organisation.ts'

type Routes = typeof administrationRoutes

async function found(session: VaultSession, name: string, access: 'read' | 'write'): Promise<NamespaceRow> {
  const namespace = await session.namespaces.byName(name, access)
  if (namespace === null) throw new MemosError('not_found')
  return namespace
}

function expectKnownWeights({ weightNames }: Edge, { weights = {} }: NamespaceSettings): void {
  const unknown = Object.keys(weights).find((name) => !weightNames.includes(name))
  if (unknown !== undefined)
    throw new MemosError('invalid_request', {
      field: `settings.weights.${unknown}`,
      expected: `one of ${weightNames.join(', ')}`,
    })
}

/** A narrowed key makes nothing outside of what it was narrowed to, least of all under the name of another subject's private memory. */
function expectMayCreate(
  { subject, namespaces }: Principal,
  { name, owner }: { name: string; owner?: Subject | undefined },
): void {
  if (namespaces !== null && !namespaces.includes(name))
    throw new MemosError('forbidden', { field: 'name', expected: 'a namespace that the calling key may touch' })
  if (subject === null) return
  if (owner?.kind !== subject.kind || owner.id !== subject.id)
    throw new MemosError('forbidden', { field: 'owner', expected: 'the subject that the calling key is bound to' })
  if (/^(user|agent):/.test(name) && name !== `${subject.kind}:${subject.id}`)
    throw new MemosError('forbidden', { field: 'name', expected: 'a name that is not kept for another subject' })
}

export const createNamespace: Handler<Routes['createNamespace']> = async (edge, context, { body }) => {
  expectKnownWeights(edge, body.settings)
  expectMayCreate(context.principal, body)
  const session = await edge.sessions(context, 'write')
  const namespace = edge.namespaces.newRow(context, { ...body, owner: body.owner ?? null })
  await session.namespaces.insert(namespace, [auditOf(context, namespace.id)])
  return toNamespace(namespace, 0)
}

export const listNamespaces: Handler<Routes['listNamespaces']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const list = `namespaces:${context.principal.orgId}`
  const rows = await session.namespaces.page(query.limit + 1, edge.cursors.read(query.cursor, list, 'string'))
  const readable = await session.namespaces.readable(rows.slice(0, query.limit))
  return edge.cursors.page(
    rows,
    query.limit,
    list,
    (row) => row.name,
    (row) => toNamespace(row, readable.get(row.id) ?? 0),
  )
}

export const getNamespace: Handler<Routes['getNamespace']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'read')
  return counted(session, await found(session, params.name, 'read'))
}

/** A namespace with the number of its cubes that the caller may read. */
async function counted({ namespaces }: VaultSession, namespace: NamespaceRow) {
  return toNamespace(namespace, (await namespaces.readable([namespace])).get(namespace.id) ?? 0)
}

/** Times that a change of settings is made anew because another one came in between. */
const SETTINGS_ATTEMPTS_MAX = 5

export const updateNamespace: Handler<Routes['updateNamespace']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  for (let attempt = 1; ; attempt++) {
    const namespace = await found(session, params.name, 'write')
    const groups = Object.entries({ ...namespace.settings, ...body.settings }).filter(([, group]) => group !== null)
    const settings: NamespaceSettings = Object.fromEntries(groups)
    expectKnownWeights(edge, settings)
    const change = { namespaceId: namespace.id, before: namespace.settings, settings }
    try {
      await session.vault.apply([{ kind: 'set_namespace_settings', ...change }, auditOf(context, namespace.id)])
      return await counted(session, { ...namespace, settings })
    } catch (error) {
      if (!(error instanceof GuardError) || attempt === SETTINGS_ATTEMPTS_MAX) throw error
    }
  }
}

export const deleteNamespace: Handler<Routes['deleteNamespace']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'write')
  await edge.eraser.namespace(session, await found(session, params.name, 'write'), context)
  return undefined
}

export const getGrants: Handler<Routes['getGrants']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'read')
  return { grants: await session.namespaces.grants((await found(session, params.name, 'read')).id) }
}

export const setGrants: Handler<Routes['setGrants']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  const namespace = await session.permissions.administered(params.name)
  if (namespace.layer === 'private')
    throw new MemosError('invalid_request', { field: 'grants', expected: 'a namespace of the layer shared or global' })
  const write = await session.permissions.replaceGrants(namespace, body.grants)
  await session.vault.apply([write, auditOf(context, namespace.id)])
  return { grants: await session.namespaces.grants(namespace.id) }
}

const createPrincipal =
  (kind: 'user' | 'agent'): Handler<Routes['createUser']> =>
  async (edge, context, { body }) => {
    expectWholeOrganisation(context.principal)
    const { principals } = await edge.sessions(context, 'write')
    const subject = { kind, id: body.id }
    return toPrincipal(
      await principals.create(subject, body.displayName ?? null, context.nowMs, auditOf(context, null)),
    )
  }

const listPrincipals =
  (kind: 'user' | 'agent'): Handler<Routes['listUsers']> =>
  async (edge, context, { query }) => {
    expectWholeOrganisation(context.principal)
    const { principals } = await edge.sessions(context, 'read')
    const list = `${kind}s:${context.principal.orgId}`
    const rows = await principals.page(kind, query.limit + 1, edge.cursors.read(query.cursor, list, 'string'))
    return edge.cursors.page(rows, query.limit, list, (row) => row.id, toPrincipal)
  }

const deletePrincipal =
  (kind: 'user' | 'agent'): Handler<Routes['deleteUser']> =>
  async (edge, context, { params }) => {
    expectWholeOrganisation(context.principal)
    await edge.eraser.subject(await edge.sessions(context, 'write'), { kind, id: params.id }, context)
    return undefined
  }

export const createUser = createPrincipal('user')
export const createAgent = createPrincipal('agent')
export const listUsers = listPrincipals('user')
export const listAgents = listPrincipals('agent')
export const deleteUser = deletePrincipal('user')
export const deleteAgent = deletePrincipal('agent')
