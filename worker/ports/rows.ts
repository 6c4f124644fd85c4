import type { cubes as cubesTable, revisions as revisionsTable } from '../../schemas/tables/cubes.ts'
import type { apiKeys as apiKeysTable, organisations as organisationsTable } from '../../schemas/tables/directory.ts'
import type { auditLog as auditLogTable, tasks as tasksTable } from '../../schemas/tables/log.ts'
import type { namespaces as namespacesTable, principals as principalsTable } from '../../schemas/tables/tenancy.ts'

/** Rows as the code sees them, derived from the tables. */
export type OrganisationRow = typeof organisationsTable.$inferSelect
export type ApiKeyRow = typeof apiKeysTable.$inferSelect
export type CubeRow = typeof cubesTable.$inferSelect
export type RevisionRow = typeof revisionsTable.$inferSelect
export type NamespaceRow = typeof namespacesTable.$inferSelect
export type AuditRow = typeof auditLogTable.$inferSelect
export type TaskRow = typeof tasksTable.$inferSelect
export type PrincipalRow = typeof principalsTable.$inferSelect
