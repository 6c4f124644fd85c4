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

/** A task that has worked for so long goes back to the queue behind those that wait: longer than any single step of it, and as long as a Worker has. */
const TASK_SLICE_MS = 25_000
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

/** A claimed task. The end of the lease tells one claim from the next: whoever claims it later does so behind that moment. */
interface Claim {
  database: Database
  task: TaskRow
  leaseUntilMs: number
}

/**
 * Runs background tasks from the databases. A task is claimed by a lease that its work renews; when a worker dies the lease runs out and
 * another one goes on. At least once, never lost. Whoever has waited longest is next, so no organisation's work holds up the others'.
 */
export class TaskRunner {
  readonly #components: TaskRunnerComponents
  readonly #sliceMs: number
  /** Where the next look begins: with little time the first databases must not get all of it. */
  #first = 0

  constructor(components: TaskRunnerComponents, { sliceMs = TASK_SLICE_MS }: { sliceMs?: number } = {}) {
    this.#components = components
    this.#sliceMs = sliceMs
  }

  /** Runs due tasks, one of each database in turn, until none is left or the signal fires. Answers how many were run. */
  async runDue(signal: AbortSignal, tasksMax = Number.POSITIVE_INFINITY): Promise<number> {
    const databases = [...this.#components.databases.values()]
    let ran = 0
    for (let idle = 0; idle < databases.length && !signal.aborted && ran < tasksMax; ) {
      const database = databases[this.#first % databases.length] as Database
      this.#first = (this.#first + 1) % databases.length
      const claim = await this.#claim(database)
      idle = claim === null ? idle + 1 : 0
      if (claim === null) continue
      await this.#run(claim, signal)
      ran += 1
    }
    return ran
  }

  async #claim(database: Database): Promise<Claim | null> {
    const now = this.#components.runtime.nowMs()
    const kinds = JSON.stringify([...this.#components.handlers.keys()])
    // A select by index first: most looks find nothing, and a look must not take the write lock.
    const due = sql`select id from tasks where state in ('queued', 'running') and coalesce(lease_until_ms, 0) <= ${now} and kind in (select value from json_each(${kinds})) and ${IS_OPEN}
      order by max(updated_at_ms, coalesce(lease_until_ms, 0)), id limit 1`
    const waiting = await openOrm(database).select({ id: tasks.id }).from(tasks).where(sql`${tasks.id} in (${due})`)
    if (waiting.length === 0) return null
    const leaseUntilMs = now + TASK_LEASE_MS
    const [task] = await openOrm(database)
      .update(tasks)
      .set({
        state: 'running',
        leaseUntilMs,
        // Still running means that its worker died: a task that takes the process with it must end as well.
        attempts: sql`${tasks.attempts} + (${tasks.state} = 'running')`,
        updatedAtMs: now,
      })
      .where(sql`${tasks.id} in (${due})`)
      .returning()
    return task === undefined ? null : { database, task, leaseUntilMs }
  }

  async #run(claim: Claim, stopping: AbortSignal): Promise<void> {
    const { task } = claim
    if (task.attempts >= TASK_ATTEMPTS_MAX)
      return await this.#settle(claim, { state: 'failed', leaseUntilMs: null, error: 'internal' })
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(this.#sliceMs)])
    const report = (progress: number, total: number | null) => this.#renew(claim, progress, total)
    try {
      await this.#components.handlers.get(task.kind)?.(task, { report, signal })
      const state = signal.aborted ? 'queued' : 'succeeded'
      await this.#settle(claim, { state, leaseUntilMs: null, error: null })
    } catch (error) {
      if (error instanceof TaskCancelled) return
      if (error instanceof TaskPostponed)
        return await this.#settle(claim, { state: 'queued', leaseUntilMs: error.untilMs, error: null })
      // A worker that stops, or lets another task have its turn, interrupts its own work: no failure.
      if (signal.aborted) return await this.#settle(claim, { state: 'queued', leaseUntilMs: null, error: null })
      await this.#fail(claim, error)
    }
  }

  async #fail(claim: Claim, error: unknown): Promise<void> {
    const { task } = claim
    const attempts = task.attempts + 1
    const code = error instanceof MemosError ? error.code : 'internal'
    this.#components.logger.warn('task_failed', {
      taskId: task.id,
      kind: task.kind,
      attempt: attempts,
      error: code,
      name: error instanceof Error ? error.name : 'unknown',
    })
    const isLast = attempts >= TASK_ATTEMPTS_MAX
    const retryAtMs = this.#components.runtime.nowMs() + RETRY_MS * 2 ** task.attempts
    await this.#settle(claim, {
      state: isLast ? 'failed' : 'queued',
      leaseUntilMs: isLast ? null : retryAtMs,
      error: code,
      attempts,
    })
  }

  async #renew(claim: Claim, progress: number, total: number | null): Promise<void> {
    const now = this.#components.runtime.nowMs()
    const leaseUntilMs = Math.max(claim.leaseUntilMs, now + TASK_LEASE_MS)
    const kept = await openOrm(claim.database)
      .update(tasks)
      .set({ progress, total, leaseUntilMs, updatedAtMs: now })
      .where(mine(claim))
      .returning({ id: tasks.id })
    if (kept.length === 0) throw new TaskCancelled('the task was cancelled or taken over')
    claim.leaseUntilMs = leaseUntilMs
  }

  async #settle(
    claim: Claim,
    change: Pick<TaskRow, 'state' | 'leaseUntilMs' | 'error'> & Partial<Pick<TaskRow, 'attempts'>>,
  ): Promise<void> {
    await openOrm(claim.database)
      .update(tasks)
      .set({ ...change, updatedAtMs: this.#components.runtime.nowMs() })
      .where(mine(claim))
  }
}

/** A worker that was thought dead must not finish what another one took over. */
const mine = ({ task, leaseUntilMs }: Claim) =>
  sql`${tasks.id} = ${task.id} and ${tasks.state} = 'running' and ${tasks.leaseUntilMs} = ${leaseUntilMs} and ${IS_OPEN}`
