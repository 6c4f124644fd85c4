import type { PermissionRow, RoleMemberRow, RoleRow } from '../rows.ts'

/** A permission of the simple kind: a whole namespace, without a context, to one user or agent. */
export interface PlainGrant {
  subjectKind: 'user' | 'agent'
  subjectId: string
  access: 'read' | 'write'
}

/** Decisions on permissions and roles. */
export type GovernanceWrite =
  /** Expects that its namespace, cube and role are there. */
  | { kind: 'insert_permission'; permission: PermissionRow }
  /** Expects that it is there. */
  | { kind: 'delete_permission'; id: string; namespaceId: number }
  /** Replaces the permissions of the simple kind. */
  | {
      kind: 'replace_grants'
      namespaceId: number
      grants: readonly PlainGrant[]
      clearance: PermissionRow['clearance']
      grantedBy: string
      atMs: number
    }
  /** Stores a role and makes `permissions` those of its template; expects that their namespaces are there. */
  | { kind: 'apply_role'; role: RoleRow; permissions: readonly PermissionRow[] }
  /** With its members and permissions; expects that it is there. */
  | { kind: 'delete_role'; name: string }
  /** Replaces who holds a role; expects that it is there. */
  | { kind: 'set_role_members'; role: string; members: readonly RoleMemberRow[] }
  /** What a user or agent was granted, and the roles that it held. */
  | { kind: 'forget_subject'; subjectKind: 'user' | 'agent'; subjectId: string }
