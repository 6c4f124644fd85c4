import { sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { TASK_ATTEMPTS_MAX, TASK_LEASE_MS } from '../../../schemas/limits.ts'
import { tasks } from '../../../schemas/tables/log.ts'
import type { Database } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { TaskRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { TaskCancelled, type TaskHandler, TaskPostponed } from '../../ports/tasks.ts'
import { openOrm } from '../vault/sql.ts'

/** Wait before the second attempt; doubles with each further one. */
const RETRY_MS = 1000

/** The tasks of an organisation that is being moved wait for it in the new place. */
const IS_OPEN = sql`org_id not in (select org_id from fences)`

export interface TaskRunnerComponents {
  databases: ReadonlyMap<string, Database>
  runtime: Runtime
  logger: Logger
  handlers: ReadonlyMap<string, TaskHandler>
}

/**
 * Runs background tasks from the databases. A task is claimed by a lease that its work renews; when a worker dies the lease runs out and
 * another one goes on. At least once, never lost.
 */
export class TaskRunner {
  readonly #components: TaskRunnerComponents

  constructor(components: TaskRunnerComponents) {
    this.#components = components
  }

  /** Runs due tasks until none is left or the signal fires. Answers how many were run. */
  async runDue(signal: AbortSignal, tasksMax = Number.POSITIVE_INFINITY): Promise<number> {
    let ran = 0
    for (const database of this.#components.databases.values()) {
      while (!signal.aborted && ran < tasksMax) {
        const task = await this.#claim(database)
        if (task === null) break
        await this.#run(database, task, signal)
        ran += 1
      }
    }
    return ran
  }

  async #claim(database: Database): Promise<TaskRow | null> {
    const now = this.#components.runtime.nowMs()
    const kinds = JSON.stringify([...this.#components.handlers.keys()])
    // A select by index first: most looks find nothing, and a look must not take the write lock.
    const due = sql`select id from tasks where state in ('queued', 'running') and coalesce(lease_until_ms, 0) <= ${now} and kind in (select value from json_each(${kinds})) and ${IS_OPEN} order by id limit 1`
    const waiting = await openOrm(database).select({ id: tasks.id }).from(tasks).where(sql`${tasks.id} in (${due})`)
    if (waiting.length === 0) return null
    const [claimed] = await openOrm(database)
      .update(tasks)
      .set({
        state: 'running',
        leaseUntilMs: now + TASK_LEASE_MS,
        attempts: sql`${tasks.attempts} + 1`,
        updatedAtMs: now,
      })
      .where(sql`${tasks.id} in (${due})`)
      .returning()
    return claimed ?? null
  }

  async #run(database: Database, task: TaskRow, signal: AbortSignal): Promise<void> {
    const { handlers, logger } = this.#components
    const report = (progress: number, total: number | null) => this.#renew(database, task, progress, total)
    try {
      await handlers.get(task.kind)?.(task, { report, signal })
      if (signal.aborted)
        return await this.#settle(database, task, { state: 'queued', leaseUntilMs: null, error: null })
      await this.#settle(database, task, { state: 'succeeded', leaseUntilMs: null, error: null })
    } catch (error) {
      if (error instanceof TaskCancelled) return
      if (error instanceof TaskPostponed)
        return await this.#settle(database, task, { state: 'queued', leaseUntilMs: error.untilMs, error: null })
      const code = error instanceof MemosError ? error.code : 'internal'
      const isLast = task.attempts >= TASK_ATTEMPTS_MAX
      logger.warn('task_failed', {
        taskId: task.id,
        kind: task.kind,
        attempt: task.attempts,
        error: code,
        name: error instanceof Error ? error.name : 'unknown',
      })
      const retryAtMs = this.#components.runtime.nowMs() + RETRY_MS * 2 ** (task.attempts - 1)
      await this.#settle(database, task, {
        state: isLast ? 'failed' : 'queued',
        leaseUntilMs: isLast ? null : retryAtMs,
        error: code,
      })
    }
  }

  async #renew(database: Database, task: TaskRow, progress: number, total: number | null): Promise<void> {
    const now = this.#components.runtime.nowMs()
    const kept = await openOrm(database)
      .update(tasks)
      .set({ progress, total, leaseUntilMs: now + TASK_LEASE_MS, updatedAtMs: now })
      .where(this.#mine(task))
      .returning({ id: tasks.id })
    if (kept.length === 0) throw new TaskCancelled('the task was cancelled or taken over')
  }

  async #settle(
    database: Database,
    task: TaskRow,
    change: Pick<TaskRow, 'state' | 'leaseUntilMs' | 'error'>,
  ): Promise<void> {
    await openOrm(database)
      .update(tasks)
      .set({ ...change, updatedAtMs: this.#components.runtime.nowMs() })
      .where(this.#mine(task))
  }

  // `attempts` tells one claim from the next: a worker that was thought dead must not finish what another one took over.
  #mine(task: TaskRow) {
    return sql`${tasks.id} = ${task.id} and ${tasks.state} = 'running' and ${tasks.attempts} = ${task.attempts} and ${IS_OPEN}`
  }
}
