import type { Pipeline, PipelineRun } from '../../../schemas/pipeline.ts'
import type { outbox, pipelineRuns, pipelines } from '../../../schemas/tables/pipelines.ts'

export type PipelineRow = typeof pipelines.$inferSelect
export type PipelineRunRow = typeof pipelineRuns.$inferSelect
export type EffectRow = typeof outbox.$inferSelect

/** What a run's row keeps of it. */
export type KeptReport = Pick<PipelineRun, 'namespace' | 'steps' | 'effects'>

/** Decisions on pipelines and their side effects. */
export type PipelineWrite =
  | { kind: 'put_pipeline'; name: string; definition: Pipeline; caller: string; atMs: number; pipelinesMax: number }
  | { kind: 'delete_pipeline'; name: string }
  | { kind: 'insert_run'; run: Omit<PipelineRunRow, 'orgId' | 'report'> & { report: KeptReport } }
  | { kind: 'insert_effects'; effects: readonly EffectRow[] }
  | { kind: 'retry_effect'; id: string; atMs: number }
