import type { TaskRow } from './rows.ts'

/** What a task's work may say and ask while it runs. */
export interface TaskProgress {
  /** Renews the lease. Throws TaskCancelled when someone cancelled the task or another worker took it over. */
  report(progress: number, total: number | null): Promise<void>
  signal: AbortSignal
}

/** Does the work of one kind of task. It must be safe to run again: a killed worker's task is given to another one. */
export type TaskHandler = (task: TaskRow, progress: TaskProgress) => Promise<void>

export class TaskCancelled extends Error {
  override name = 'TaskCancelled'
}

/** Thrown by work that has to wait: the task goes back to the queue until then, without an error. */
export class TaskPostponed extends Error {
  override name = 'TaskPostponed'
  readonly untilMs: number

  constructor(untilMs: number) {
    super('the task waits')
    this.untilMs = untilMs
  }
}

/** Tells workers that there is something to do. The task row is the truth; a lost call costs time only. */
export interface TaskQueue {
  wake(): void
}
