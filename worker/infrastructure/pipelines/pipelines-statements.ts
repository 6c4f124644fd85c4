import type { PipelineWrite } from '../../ports/writes/pipelines.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const pipelinesStatements: StatementsFor<PipelineWrite> = {}
