import type { GovernanceWrite } from '../../ports/writes/governance.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const governanceStatements: StatementsFor<GovernanceWrite> = {}
