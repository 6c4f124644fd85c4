import type {
  blockChanges as blockChangesTable,
  blockMembers as blockMembersTable,
  blocks as blocksTable,
  feedback as feedbackTable,
} from '../../schemas/tables/blocks.ts'
import type { cubes as cubesTable, revisions as revisionsTable } from '../../schemas/tables/cubes.ts'
import type { apiKeys as apiKeysTable, organisations as organisationsTable } from '../../schemas/tables/directory.ts'
import type {
  permissions as permissionsTable,
  roleMembers as roleMembersTable,
  roles as rolesTable,
} from '../../schemas/tables/governance.ts'
import type { factLinks as factLinksTable, facts as factsTable } from '../../schemas/tables/knowledge.ts'
import type { auditLog as auditLogTable, tasks as tasksTable } from '../../schemas/tables/log.ts'
import type { nodes as nodesTable, nodeTokens as nodeTokensTable } from '../../schemas/tables/nodes.ts'
import type { kvRenditions as kvRenditionsTable } from '../../schemas/tables/renditions.ts'
import type { decisions as decisionsTable } from '../../schemas/tables/schedule.ts'
import type { namespaces as namespacesTable, principals as principalsTable } from '../../schemas/tables/tenancy.ts'
import type {
  branchCubes as branchCubesTable,
  branches as branchesTable,
  snapshots as snapshotsTable,
} from '../../schemas/tables/time-machine.ts'

/** Rows as the code sees them, derived from the tables. */
export type OrganisationRow = typeof organisationsTable.$inferSelect
export type ApiKeyRow = typeof apiKeysTable.$inferSelect
export type CubeRow = typeof cubesTable.$inferSelect
export type RevisionRow = typeof revisionsTable.$inferSelect
export type NamespaceRow = typeof namespacesTable.$inferSelect
export type AuditRow = typeof auditLogTable.$inferSelect
export type TaskRow = typeof tasksTable.$inferSelect
export type FactRow = typeof factsTable.$inferSelect
export type FactLinkRow = typeof factLinksTable.$inferSelect
export type PrincipalRow = typeof principalsTable.$inferSelect
export type DecisionRow = typeof decisionsTable.$inferSelect
export type KvRenditionRow = typeof kvRenditionsTable.$inferSelect
export type PermissionRow = typeof permissionsTable.$inferSelect
export type RoleRow = typeof rolesTable.$inferSelect
export type RoleMemberRow = typeof roleMembersTable.$inferSelect
export type SnapshotRow = typeof snapshotsTable.$inferSelect
export type BranchRow = typeof branchesTable.$inferSelect
export type BranchCubeRow = typeof branchCubesTable.$inferSelect
export type BlockRow = typeof blocksTable.$inferSelect
export type BlockMemberRow = typeof blockMembersTable.$inferSelect
export type BlockChangeRow = typeof blockChangesTable.$inferSelect
export type FeedbackRow = typeof feedbackTable.$inferSelect
export type NodeRow = typeof nodesTable.$inferSelect
export type NodeTokenRow = typeof nodeTokensTable.$inferSelect
