import type { TaskRunner } from '../../infrastructure/tasks/task-runner.ts'
import type { Logger } from '../../ports/logger.ts'
import type { TaskQueue } from '../../ports/tasks.ts'

/** How often to look for tasks that nobody announced: those of a process that died, and retries that have become due. */
const LOOK_MS = 2000

/** Work after the answer, and the loop that runs tasks. The host waits for both before it stops. */
export class Background implements TaskQueue {
  readonly #deferred = new Set<Promise<unknown>>()
  readonly #stopping = new AbortController()
  #tasks: TaskRunner | null = null
  #running: Promise<void> | null = null
  #again = false
  #timers: NodeJS.Timeout[] = []
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  defer(work: Promise<unknown>): void {
    const guarded = work.catch((error: unknown) =>
      this.#logger.error('deferred_work_failed', { name: error instanceof Error ? error.name : 'unknown' }),
    )
    this.#deferred.add(guarded)
    void guarded.finally(() => this.#deferred.delete(guarded))
  }

  /** `tickMs`: how often to tidy up and to look for work that no request planned. */
  start(tasks: TaskRunner, tick: () => Promise<void>, tickMs: number): void {
    this.#tasks = tasks
    let isTicking = false
    const look = () => {
      // A tick that takes longer than the time between two is followed, not overtaken, by the next.
      if (isTicking) return
      isTicking = true
      const ticked = tick().finally(() => {
        isTicking = false
      })
      this.defer(ticked.then(() => this.wake()))
    }
    this.#timers = [setInterval(() => this.wake(), LOOK_MS), setInterval(look, tickMs)]
    for (const timer of this.#timers) timer.unref()
    look()
  }

  wake(): void {
    if (this.#tasks === null || this.#stopping.signal.aborted) return
    if (this.#running !== null) {
      this.#again = true
      return
    }
    this.#running = this.#run(this.#tasks).finally(() => {
      this.#running = null
      if (this.#again) {
        this.#again = false
        this.wake()
      }
    })
  }

  async #run(tasks: TaskRunner): Promise<void> {
    try {
      await tasks.runDue(this.#stopping.signal)
    } catch (error) {
      this.#logger.error('task_loop_failed', { name: error instanceof Error ? error.name : 'unknown' })
    }
  }

  /** Stops the loop after the step it is in; the task goes back to the queue. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#running
    await Promise.all(this.#deferred)
  }
}
