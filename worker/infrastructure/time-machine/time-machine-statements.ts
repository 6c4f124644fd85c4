import type { TimeMachineWrite } from '../../ports/writes/time-machine.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const timeMachineStatements: StatementsFor<TimeMachineWrite> = {}
