import { MemosError } from '../../../schemas/errors.ts'
import { OLD_ROWS_MS, PLACEMENT_MS_MAX, TASK_ATTEMPTS_MAX } from '../../../schemas/limits.ts'
import { type Database, GuardError } from '../../ports/database.ts'
import type { TaskRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { TaskCancelled, TaskPostponed, type TaskProgress } from '../../ports/tasks.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { expectFence, type Fence, openFence, readFence, setPosition, takeFence } from './fence.ts'
import { FIRST_POSITION, type Move, OrganisationCopier, type Position } from './organisation-copier.ts'
import { eraseRows } from './organisation-rows.ts'
import { PlacementDirectory } from './placement-directory.ts'

const GIVEN_UP = JSON.stringify({ phase: 'given_up' })

export interface OrganisationMoverComponents {
  vault: MemVault
  runtime: Runtime
  /** Waits between the switch and the first write in the new place. */
  sleep(ms: number): Promise<void>
}

/** What a move is asked for, as its task keeps it. */
export interface MoveInput extends Record<string, unknown> {
  organisationId: string
  from: string
  to: string
}

/**
 * Moves an organisation between databases while it is read (docs/operations.md tells the steps). Writes are refused by fences, not by
 * what a process believes: the fence of the old place goes up before the first row is read and stays up for ever, the fence of the new
 * place goes up before the first row is written and comes down when no process can still be reading the old place. Whatever crashes, the
 * directory names one place with all rows; running again goes on, and abort leaves the organisation where it was.
 */
export class OrganisationMover {
  readonly #vault: MemVault
  readonly #runtime: Runtime
  readonly #sleep: (ms: number) => Promise<void>
  readonly #directory: PlacementDirectory

  constructor({ vault, runtime, sleep }: OrganisationMoverComponents) {
    this.#vault = vault
    this.#runtime = runtime
    this.#sleep = sleep
    this.#directory = new PlacementDirectory(vault)
  }

  /** The work of a move's task. On its last attempt a failure gives the move up, so that the organisation can be written again. */
  async run(task: TaskRow, progress: TaskProgress): Promise<void> {
    const { organisationId, from, to } = task.input as MoveInput
    const move = {
      moveId: task.id,
      orgId: organisationId,
      source: this.#vault.database(from),
      target: this.#vault.database(to),
    }
    try {
      await this.#move(move, task.progress, progress)
    } catch (error) {
      if (error instanceof TaskPostponed) throw error
      if (error instanceof TaskCancelled || task.attempts + 1 >= TASK_ATTEMPTS_MAX) await this.giveUp(move)
      throw error
    }
  }

  /**
   * Ends a move that has not placed the organisation yet: it stays where it is, open for writes. Answers false where the move has placed it
   * already or owns it no more. Safe to call again after a crash.
   */
  async giveUp({ orgId, moveId, source, target }: Move): Promise<boolean> {
    if (!(await this.#directory.disown(orgId, moveId, source.name))) return false
    const fence = await readFence(target, orgId)
    if (fence?.moveId === moveId) await this.#clear(target, orgId, moveId)
    await this.reopen(orgId, source, moveId)
    return true
  }

  /** Lets an organisation that no move owns be written where it is. */
  async reopen(orgId: string, place: Database, moveId: string): Promise<void> {
    await place.batch([openFence(orgId, moveId)])
    await this.#directory.settle(orgId)
  }

  async #move(move: Move, rowsBefore: number, progress: TaskProgress): Promise<void> {
    const { orgId, moveId, source, target } = move
    const { database: place } = await this.#directory.get(orgId)
    let rows = rowsBefore
    if (place === source.name) {
      const copied = await this.#copy(move, progress)
      if (copied === null) return
      rows = copied
      await this.#expect(this.#directory.place(orgId, moveId, source.name, target.name))
    } else if (place !== target.name) return
    await this.#open(move, () => progress.report(rows, rows))
    await this.#eraseOld(move, () => progress.report(rows, rows), progress.signal)
  }

  /** Answers how many rows were written and compared when all are in the target; null when the worker was asked to stop. */
  async #copy(move: Move, { report, signal }: TaskProgress): Promise<number | null> {
    const { orgId, moveId, source, target } = move
    // The fences as they were before this move owned the organisation: one that another move has put up since is not taken over.
    const [leaving, arriving] = [await readFence(source, orgId), await readFence(target, orgId)]
    if (arriving !== null) this.#expectUnread(arriving)
    await this.#expect(this.#directory.begin(orgId, moveId, source.name))
    await this.#expect(takeFence(source, orgId, { moveId, position: null }, leaving))
    await this.#expect(takeFence(target, orgId, { moveId, position: JSON.stringify(FIRST_POSITION) }, arriving))
    const copier = new OrganisationCopier(move)
    const stored = await readFence(target, orgId)
    let position = JSON.parse(stored?.position ?? 'null') as Position
    let rows = 0
    while (position.phase !== 'ready') {
      if (signal.aborted) return null
      const step = await copier.step(position)
      position = step.position
      rows += step.rows
      await report(rows, null)
    }
    return rows
  }

  /** Lets every process learn the new placement, then opens it for writes. Done again after a crash, it changes nothing. */
  async #open({ orgId, moveId, source, target }: Move, report: () => Promise<void>): Promise<void> {
    if ((await this.#directory.get(orgId)).moveId !== moveId) return
    await this.#sleep(PLACEMENT_MS_MAX)
    await report()
    await target.batch([openFence(orgId, moveId)])
    await source.batch([setPosition(orgId, { moveId, position: leftAt(this.#runtime.nowMs()) })])
    await this.#directory.finish(orgId, moveId)
  }

  /** Erases the rows in the old place when no request can be reading them. A later move that owns that place ends this one's work. */
  async #eraseOld({ orgId, moveId, source }: Move, report: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const fence = await readFence(source, orgId)
    if (fence?.moveId !== moveId) return
    this.#expectUnread(fence)
    await this.#eraseBehind(source, orgId, fence, async () => {
      await report()
      return !signal.aborted
    })
  }

  /** @throws TaskPostponed while a request may still be reading what an organisation has left behind */
  #expectUnread({ position }: Fence): void {
    const { atMs } = JSON.parse(position ?? '{}') as { atMs?: number }
    if (atMs !== undefined && this.#runtime.nowMs() < atMs + OLD_ROWS_MS) throw new TaskPostponed(atMs + OLD_ROWS_MS)
  }

  /** Erases what had arrived. The fence stays: this is not the organisation's place. */
  async #clear(target: Database, orgId: string, moveId: string): Promise<void> {
    const fence: Fence = { moveId, position: GIVEN_UP }
    await target.batch([setPosition(orgId, fence)])
    await this.#eraseBehind(target, orgId, fence, async () => true)
  }

  async #eraseBehind(database: Database, orgId: string, fence: Fence, goesOn: () => Promise<boolean>): Promise<void> {
    try {
      while ((await eraseRows(database, orgId, expectFence(orgId, fence))) > 0 && (await goesOn()));
    } catch (error) {
      // Another move owns the fence now, and with it the rows.
      if (!(error instanceof GuardError)) throw error
    }
  }

  async #expect(taken: Promise<boolean>): Promise<void> {
    if (!(await taken)) throw new MemosError('organisation_moving', { detail: 'Another move owns the organisation.' })
  }
}

const leftAt = (atMs: number): string => JSON.stringify({ phase: 'left', atMs })
