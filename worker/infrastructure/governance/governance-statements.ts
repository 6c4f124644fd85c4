import { type SQL, sql } from 'drizzle-orm'
import { permissions, roleMembers, roles } from '../../../schemas/tables/governance.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { Statement } from '../../ports/database.ts'
import type { PermissionRow } from '../../ports/rows.ts'
import type { GovernanceWrite } from '../../ports/writes/governance.ts'
import { builder, guard, statement, statementOf, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Rows that one insert carries: their values together stay below the hundred parameters of D1. */
const PERMISSIONS_PER_STATEMENT_MAX = 6

const permissionsOf = (orgId: string, kind: string, id: string): SQL =>
  sql`delete from permissions where org_id = ${orgId} and subject_kind = ${kind} and subject_id = ${id}`
const hasRole = (orgId: string, name: string): Statement =>
  guard(sql`select count(*) from roles where org_id = ${orgId} and name = ${name}`)

function insertPermissions(rows: readonly PermissionRow[]): Statement[] {
  const statements: Statement[] = []
  for (let at = 0; at < rows.length; at += PERMISSIONS_PER_STATEMENT_MAX)
    statements.push(statementOf(builder.insert(permissions).values(rows.slice(at, at + PERMISSIONS_PER_STATEMENT_MAX))))
  return statements
}

/** Namespaces are there and belong to the organisation. */
const expectNamespaces = (orgId: string, ids: readonly number[]): Statement[] => {
  const wanted = [...new Set(ids)]
  return wanted.length === 0
    ? []
    : [
        guard(
          sql`select count(*) = ${wanted.length} from namespaces where org_id = ${orgId} and id in (select value from json_each(${JSON.stringify(wanted)}))`,
        ),
      ]
}

/** Statements of each decision, in the order in which they must run. */
export const governanceStatements: StatementsFor<GovernanceWrite> = {
  insert_permission: (orgId, { permission }) => [
    ...expectNamespaces(orgId, [permission.namespaceId]),
    ...(permission.cubeId === null
      ? []
      : [
          guard(
            sql`select count(*) from cubes where cube_id = ${permission.cubeId} and namespace_id = ${permission.namespaceId}`,
          ),
        ]),
    ...(permission.subjectKind === 'role' ? [hasRole(orgId, permission.subjectId)] : []),
    ...insertPermissions([permission]),
  ],
  delete_permission: (orgId, { id, namespaceId }) => [
    guard(sql`select count(*) from permissions where id = ${id} and org_id = ${orgId}`),
    statement(sql`delete from permissions where id = ${id} and namespace_id = ${namespaceId}`),
  ],
  replace_grants: (orgId, { namespaceId, grants, clearance, grantedBy, atMs }) => {
    const rows = toJson(grants.map(({ subjectKind, subjectId, access }) => [subjectKind, subjectId, access]))
    // Ids as others have them: the time, then random letters, here of the database.
    const time = ulid(atMs, (length) => new Uint8Array(length)).slice(0, 10)
    return [
      ...expectNamespaces(orgId, [namespaceId]),
      statement(sql`delete from permissions where namespace_id = ${namespaceId} and ${PLAIN}`),
      statement(sql`insert into permissions (id, org_id, namespace_id, subject_kind, subject_id, access, from_template, clearance, granted_by, created_at_ms)
        select ${time} || hex(randomblob(8)), ${orgId}, ${namespaceId}, j.value->>0, j.value->>1, max(j.value->>2), 0, ${clearance}, ${grantedBy}, ${atMs}
        from json_each(${rows}) j group by j.value->>0, j.value->>1`),
    ]
  },
  apply_role: (orgId, { role, permissions: rows }) => [
    ...expectNamespaces(
      orgId,
      rows.map((row) => row.namespaceId),
    ),
    statementOf(
      builder
        .insert(roles)
        .values(role)
        .onConflictDoUpdate({
          target: [roles.orgId, roles.name],
          set: { description: role.description, template: role.template },
        }),
    ),
    statement(sql`${permissionsOf(orgId, 'role', role.name)} and from_template = 1`),
    ...insertPermissions(rows),
  ],
  delete_role: (orgId, { name }) => [
    hasRole(orgId, name),
    statement(permissionsOf(orgId, 'role', name)),
    statement(sql`delete from role_members where org_id = ${orgId} and role = ${name}`),
    statement(sql`delete from roles where org_id = ${orgId} and name = ${name}`),
  ],
  set_role_members: (orgId, { role, members }) => [
    hasRole(orgId, role),
    statement(sql`delete from role_members where org_id = ${orgId} and role = ${role}`),
    statement(sql`insert into role_members (org_id, role, subject_kind, subject_id, expires_at_ms, created_at_ms)
      select ${orgId}, ${role}, j.value->>0, j.value->>1, j.value->>2, j.value->>3
      from json_each(${toJson(members.map((one) => [one.subjectKind, one.subjectId, one.expiresAtMs, one.createdAtMs]))}) j`),
  ],
  forget_subject: (orgId, { subjectKind, subjectId }) => [
    statement(permissionsOf(orgId, subjectKind, subjectId)),
    statementOf(
      builder
        .delete(roleMembers)
        .where(sql`org_id = ${orgId} and subject_kind = ${subjectKind} and subject_id = ${subjectId}`),
    ),
  ],
}

/** The permissions that the simple view of a namespace shows and replaces. */
export const PLAIN = sql.raw(
  "cube_id is null and subject_kind in ('user', 'agent') and purposes is null and tasks is null and not_before_ms is null and expires_at_ms is null",
)
