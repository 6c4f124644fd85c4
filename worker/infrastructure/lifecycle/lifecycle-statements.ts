import type { LifecycleWrite } from '../../ports/writes/lifecycle.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const lifecycleStatements: StatementsFor<LifecycleWrite> = {}
