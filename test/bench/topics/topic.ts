import type { Recorder } from '../harness/report.ts'

export interface BenchOptions {
  /** Folder with evaluation data. */
  data: string
  /** Names of the data sets to run; default: all. */
  sets: string[] | undefined
  /** Names of the parts of a topic to run; default: all. */
  only: string[] | undefined
  /** Smaller peers and sizes, for a first look. */
  quick: boolean
}

/** Measures one topic and records its figures and targets. */
export type Topic = (recorder: Recorder, options: BenchOptions) => Promise<void>
