import { isoOf } from '../../schemas/common.ts'
import type { Permission } from '../../schemas/permissions.ts'
import type { PermissionRow, RoleMemberRow, RoleRow } from '../ports/rows.ts'

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoOf(ms))

export const toPermission =
  (namespace: string) =>
  (row: PermissionRow): Permission => ({
    id: row.id,
    subject: row.subjectKind === 'org' ? { kind: 'org' } : { kind: row.subjectKind, id: row.subjectId },
    namespace,
    cubeId: row.cubeId,
    access: row.access,
    purposes: row.purposes,
    tasks: row.tasks,
    clearance: row.clearance,
    notBefore: isoOrNull(row.notBeforeMs),
    expiresAt: isoOrNull(row.expiresAtMs),
    fromTemplate: row.fromTemplate,
    grantedBy: row.grantedBy,
    createdAt: isoOf(row.createdAtMs),
  })

export const toRole = ({ name, description, template, createdAtMs }: RoleRow) => ({
  name,
  description,
  template,
  createdAt: isoOf(createdAtMs),
})

export const toRoleMember = ({ subjectKind, subjectId, expiresAtMs }: RoleMemberRow) => ({
  subject: { kind: subjectKind, id: subjectId },
  ...(expiresAtMs === null ? {} : { expiresAt: isoOf(expiresAtMs) }),
})
