/** Decisions on permissions, roles and the audit chain. */
export type GovernanceWrite = never
