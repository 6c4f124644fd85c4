/** Decisions on pipelines and their side effects. */
export type PipelineWrite = never
