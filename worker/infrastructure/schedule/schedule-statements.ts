import type { ScheduleWrite } from '../../ports/writes/schedule.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const scheduleStatements: StatementsFor<ScheduleWrite> = {}
