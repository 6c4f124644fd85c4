import type { Subject } from '../../../schemas/administration.ts'
import { momentMs } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type {
  CreatePermission,
  PermissionSubject,
  RoleMembers,
  RoleTemplate,
  SetRole,
} from '../../../schemas/permissions.ts'
import type { permissionRoutes } from '../../../schemas/routes/permissions.ts'
import { ulid } from '../../../schemas/ulid.ts'
import { isAbove, type Sensitivity } from '../../../schemas/vocabulary.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow, PermissionRow, RoleMemberRow, RoleRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { toPermission, toRole, toRoleMember } from '../permission-views.ts'
import { expectWholeOrganisation } from '../whole-organisation.ts'

type Routes = typeof permissionRoutes

/** @throws MemosError not_found: what the writes expect has gone meanwhile */
async function apply(session: VaultSession, writes: readonly VaultWrite[]): Promise<void> {
  try {
    await session.vault.apply(writes)
  } catch (error) {
    throw error instanceof GuardError ? new MemosError('not_found', {}, { cause: error }) : error
  }
}

/**
 * A permission for nobody would wait for whoever takes the name later. `fieldOf` names the subject at a place.
 * @throws MemosError invalid_request
 */
async function expectKnown(
  edge: Edge,
  session: VaultSession,
  { principal }: RequestContext,
  subjects: readonly Subject[],
  fieldOf: (at: number) => string,
): Promise<void> {
  const known = await session.permissions.known(subjects)
  const isKnown = ({ kind, id }: Subject, names: ReadonlySet<string>) => names.has(`${kind}:${id}`)
  const others = subjects.filter((subject) => !isKnown(subject, known))
  // A subject that was never registered may have a key; keys lie in another database.
  const keyed = others.length === 0 ? known : await edge.keyRing.withKeys(principal.orgId, others)
  const at = subjects.findIndex((subject) => !isKnown(subject, known) && !isKnown(subject, keyed))
  if (at >= 0)
    throw new MemosError('invalid_request', {
      field: fieldOf(at),
      expected: `a ${subjects[at]?.kind} of this organisation`,
    })
}

/** @throws MemosError invalid_request naming `subject` */
async function expectSubject(
  edge: Edge,
  session: VaultSession,
  context: RequestContext,
  { kind, id = '' }: PermissionSubject,
): Promise<void> {
  if (kind === 'user' || kind === 'agent') await expectKnown(edge, session, context, [{ kind, id }], () => 'subject')
  if (kind === 'role' && (await session.permissions.findRole(id)) === null)
    throw new MemosError('invalid_request', { field: 'subject', expected: 'a role of this organisation' })
}

/** @throws MemosError invalid_request naming `field` */
function futureMs(moment: CreatePermission['expiresAt'], nowMs: number, field: string): number | null {
  if (moment === undefined) return null
  const atMs = momentMs(moment)
  if (atMs <= nowMs) throw new MemosError('invalid_request', { field, expected: 'a moment to come' })
  return atMs
}

/** @throws MemosError forbidden: nobody opens more than he sees */
function expectWithin(wanted: Sensitivity, clearance: Sensitivity, field: string): void {
  if (isAbove(wanted, clearance))
    throw new MemosError('forbidden', { field, expected: `at most ${clearance}, as the calling key reads` })
}

export const createPermission: Handler<Routes['createPermission']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, 'write')
  const namespace = await session.permissions.administered(body.namespace)
  await expectGrantable(session, namespace, body)
  await expectSubject(edge, session, context, body.subject)
  const permission = permissionOf(edge, context, namespace.id, body)
  const answer = toPermission(namespace.name)(permission)
  const { idempotencyKey: key } = context
  await apply(session, [
    { kind: 'insert_permission', permission },
    // In the batch, so that a request whose answer was lost does not grant twice.
    ...(key === null
      ? []
      : [{ kind: 'finish_idempotency' as const, key, status: 201, response: JSON.stringify(answer) }]),
    auditOf(context, namespace.id, permission.cubeId === null ? [] : [permission.cubeId]),
  ])
  return answer
}

/** @throws MemosError not_found, forbidden, invalid_request */
async function expectGrantable(session: VaultSession, namespace: NamespaceRow, body: CreatePermission): Promise<void> {
  if (body.cubeId !== undefined) {
    const { cube } = await session.cubes.get(body.cubeId, 'write')
    if (cube.namespaceId !== namespace.id) throw new MemosError('not_found')
  } else if (namespace.layer === 'private') {
    throw new MemosError('invalid_request', {
      field: 'cubeId',
      expected: 'a cube: a private namespace is opened cube by cube only',
    })
  }
  expectWithin(body.clearance, await session.permissions.clearanceIn(namespace), 'clearance')
}

function permissionOf(
  { runtime }: Edge,
  { principal, nowMs }: RequestContext,
  namespaceId: number,
  body: CreatePermission,
): PermissionRow {
  const notBeforeMs = body.notBefore === undefined ? null : momentMs(body.notBefore)
  const expiresAtMs = futureMs(body.expiresAt, nowMs, 'expiresAt')
  if (expiresAtMs !== null && notBeforeMs !== null && notBeforeMs >= expiresAtMs)
    throw new MemosError('invalid_request', { field: 'notBefore', expected: 'a moment before expiresAt' })
  return {
    id: ulid(nowMs, runtime.randomBytes),
    orgId: principal.orgId,
    namespaceId,
    cubeId: body.cubeId ?? null,
    subjectKind: body.subject.kind,
    subjectId: body.subject.id ?? '',
    access: body.access,
    fromTemplate: false,
    purposes: body.purposes ?? null,
    tasks: body.tasks ?? null,
    clearance: body.clearance,
    notBeforeMs,
    expiresAtMs,
    grantedBy: principal.keyId,
    createdAtMs: nowMs,
  }
}

export const listPermissions: Handler<Routes['listPermissions']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const namespace = await session.permissions.administered(query.namespace)
  const list = `permissions:${namespace.id}`
  const before = edge.cursors.read(query.cursor, list, 'string')
  const rows = await session.permissions.page(namespace.id, query.limit + 1, before)
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toPermission(namespace.name))
}

export const deletePermission: Handler<Routes['deletePermission']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'write')
  const { id, namespaceId } = await session.permissions.get(params.id)
  await apply(session, [{ kind: 'delete_permission', id, namespaceId }, auditOf(context, namespaceId)])
  return undefined
}

export const listRoles: Handler<Routes['listRoles']> = async (edge, context, { query }) => {
  expectWholeOrganisation(context.principal)
  const session = await edge.sessions(context, 'read')
  const list = `roles:${context.principal.orgId}`
  const rows = await session.permissions.roles(query.limit + 1, edge.cursors.read(query.cursor, list, 'string'))
  return edge.cursors.page(rows, query.limit, list, (row) => row.name, toRole)
}

export const getRole: Handler<Routes['getRole']> = async (edge, context, { params }) => {
  expectWholeOrganisation(context.principal)
  const session = await edge.sessions(context, 'read')
  return toRole(await session.permissions.role(params.name))
}

export const setRole: Handler<Routes['setRole']> = async (edge, context, { params, body }) => {
  expectWholeOrganisation(context.principal)
  const session = await edge.sessions(context, 'write')
  const known = await session.permissions.findRole(params.name)
  const role: RoleRow = {
    orgId: context.principal.orgId,
    name: params.name,
    description: body.description ?? null,
    template: body.template,
    createdAtMs: known?.createdAtMs ?? context.nowMs,
  }
  const permissions = await templatePermissions(edge, session, context, params.name, body.template)
  await apply(session, [{ kind: 'apply_role', role, permissions }, auditOf(context, null)])
  return toRole(role)
}

/** The permissions that a template stands for. @throws MemosError not_found, forbidden, invalid_request */
async function templatePermissions(
  edge: Edge,
  session: VaultSession,
  context: RequestContext,
  role: string,
  { namespaces }: SetRole['template'],
): Promise<PermissionRow[]> {
  const ids = await session.permissions.administeredIds(namespaces.map(({ name }) => name))
  return namespaces.map(({ name, ...line }: RoleTemplate['namespaces'][number], at) => {
    const field = `template.namespaces.${at}`
    const namespaceId = ids.get(name)
    if (namespaceId === undefined)
      throw new MemosError('not_found', { field: `${field}.name`, expected: 'a shared or global namespace' })
    expectWithin(line.clearance, context.principal.clearance, `${field}.clearance`)
    const body: CreatePermission = { ...line, subject: { kind: 'role', id: role }, namespace: name }
    return { ...permissionOf(edge, context, namespaceId, body), fromTemplate: true }
  })
}

export const deleteRole: Handler<Routes['deleteRole']> = async (edge, context, { params }) => {
  expectWholeOrganisation(context.principal)
  const session = await edge.sessions(context, 'write')
  await apply(session, [{ kind: 'delete_role', name: params.name }, auditOf(context, null)])
  return undefined
}

export const setRoleMembers: Handler<Routes['setRoleMembers']> = async (edge, context, { params, body }) => {
  expectWholeOrganisation(context.principal)
  const session = await edge.sessions(context, 'write')
  await session.permissions.role(params.name)
  const members = membersOf(context, params.name, body)
  const subjects = body.members.map(({ subject }) => subject)
  await expectKnown(edge, session, context, subjects, (at) => `members.${at}.subject`)
  await apply(session, [{ kind: 'set_role_members', role: params.name, members }, auditOf(context, null)])
  return { members: (await session.permissions.members(params.name)).map(toRoleMember) }
}

/** @throws MemosError invalid_request: an end in the past, a subject named twice */
function membersOf({ principal, nowMs }: RequestContext, role: string, { members }: RoleMembers): RoleMemberRow[] {
  const named = new Set<string>()
  return members.map(({ subject, expiresAt }, at) => {
    const name = `${subject.kind}:${subject.id}`
    if (named.has(name))
      throw new MemosError('invalid_request', { field: `members.${at}.subject`, expected: 'each subject once' })
    named.add(name)
    return {
      orgId: principal.orgId,
      role,
      subjectKind: subject.kind,
      subjectId: subject.id,
      expiresAtMs: futureMs(expiresAt, nowMs, `members.${at}.expiresAt`),
      createdAtMs: nowMs,
    }
  })
}

export const getRoleMembers: Handler<Routes['getRoleMembers']> = async (edge, context, { params }) => {
  expectWholeOrganisation(context.principal)
  const session = await edge.sessions(context, 'read')
  await session.permissions.role(params.name)
  return { members: (await session.permissions.members(params.name)).map(toRoleMember) }
}
