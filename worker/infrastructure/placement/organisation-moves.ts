import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { tasks } from '../../../schemas/tables/log.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { Database } from '../../ports/database.ts'
import type { OrganisationRow, TaskRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { TaskQueue } from '../../ports/tasks.ts'
import { DEFAULT_ORGANISATION } from '../governance/key-ring.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { readFence } from './fence.ts'
import type { MoveInput, OrganisationMover } from './organisation-mover.ts'
import { PlacementDirectory } from './placement-directory.ts'

export const MOVE_TASK = 'move_organisation'

export interface OrganisationMovesComponents {
  vault: MemVault
  runtime: Runtime
  queue: TaskQueue
  mover: OrganisationMover
}

/**
 * Asks for moves and ends them. A move is a task of the default organisation, which never moves: so the task stands still in the default
 * database while everything else changes place, and whoever holds the root key can watch it.
 */
export class OrganisationMoves {
  readonly #components: OrganisationMovesComponents
  readonly #directory: PlacementDirectory

  constructor(components: OrganisationMovesComponents) {
    this.#components = components
    this.#directory = new PlacementDirectory(components.vault)
  }

  isMove({ kind }: Pick<TaskRow, 'kind'>): boolean {
    return kind === MOVE_TASK
  }

  /** Plans a move, or takes up the one to this database that has failed. @throws MemosError invalid_request, not_found, organisation_moving */
  async request(orgId: string, to: string): Promise<TaskRow> {
    const { vault, queue } = this.#components
    if (!vault.databaseNames.includes(to))
      throw new MemosError('invalid_request', {
        field: 'database',
        expected: `one of ${vault.databaseNames.join(', ')}`,
      })
    const organisation = await this.#directory.get(orgId)
    if (orgId === DEFAULT_ORGANISATION)
      throw new MemosError('invalid_request', { field: 'id', expected: 'another organisation than the default one' })
    const last = await this.#lastMove(orgId)
    const task =
      last !== null && inputOf(last).to === to && isUnfinished(last, organisation)
        ? await this.#takeUp(last)
        : await this.#plan(organisation, last, to)
    queue.wake()
    return task
  }

  /** Ends the move of an organisation unless it is in its new place already. Answers the organisation as it is then. */
  async abort(orgId: string): Promise<OrganisationRow> {
    const { vault, mover, runtime } = this.#components
    const { moveId, state, database } = await this.#directory.get(orgId)
    const last = await this.#lastMove(orgId)
    if (last !== null && moveId === last.id) {
      const { from, to } = inputOf(last)
      const move = { moveId, orgId, source: vault.database(from), target: vault.database(to) }
      if (await mover.giveUp(move)) await this.#cancel(last, runtime.nowMs())
    } else {
      if (last !== null && isOpen(last) && database === inputOf(last).from) await this.#cancel(last, runtime.nowMs())
      if (moveId === null && state === 'moving') await this.#reopen(orgId, vault.database(database))
    }
    return this.#directory.get(orgId)
  }

  /** A worker died between two steps of an abort: no move owns the organisation, but its fence is still up. */
  async #reopen(orgId: string, place: Database): Promise<void> {
    const fence = await readFence(place, orgId)
    await this.#components.mover.reopen(orgId, place, fence?.moveId ?? '')
  }

  async #plan(organisation: OrganisationRow, last: TaskRow | null, to: string): Promise<TaskRow> {
    const { vault, runtime } = this.#components
    if (organisation.database === to)
      throw new MemosError('invalid_request', { field: 'database', expected: 'another one than it is in' })
    // A move that has opened the new place only has to erase the old one: the next move waits for that by itself.
    const isUnderWay = last !== null && isOpen(last) && organisation.database === inputOf(last).from
    if (organisation.state === 'moving' || isUnderWay) throw new MemosError('organisation_moving', { retryAfterS: 2 })
    const now = runtime.nowMs()
    const input: MoveInput = { organisationId: organisation.id, from: organisation.database, to }
    const [task] = await vault.directoryOrm
      .insert(tasks)
      .values({
        id: ulid(now, runtime.randomBytes),
        orgId: DEFAULT_ORGANISATION,
        namespaceId: null,
        kind: MOVE_TASK,
        state: 'queued',
        input,
        createdAtMs: now,
        updatedAtMs: now,
      })
      .returning()
    if (task === undefined) throw new MemosError('internal')
    return task
  }

  async #takeUp(task: TaskRow): Promise<TaskRow> {
    if (isOpen(task)) return task
    const change = { state: 'queued' as const, attempts: 0, error: null, leaseUntilMs: null }
    await this.#components.vault.directoryOrm.update(tasks).set(change).where(eq(tasks.id, task.id))
    return { ...task, ...change }
  }

  async #cancel({ id }: TaskRow, nowMs: number): Promise<void> {
    await this.#components.vault.directoryOrm
      .update(tasks)
      .set({ state: 'cancelled', leaseUntilMs: null, updatedAtMs: nowMs })
      .where(and(eq(tasks.id, id), inArray(tasks.state, ['queued', 'running'])))
  }

  async #lastMove(orgId: string): Promise<TaskRow | null> {
    const [task] = await this.#components.vault.directoryOrm
      .select()
      .from(tasks)
      .where(
        and(
          eq(tasks.orgId, DEFAULT_ORGANISATION),
          eq(tasks.kind, MOVE_TASK),
          sql`${tasks.input}->>'organisationId' = ${orgId}`,
        ),
      )
      .orderBy(desc(tasks.id))
      .limit(1)
    return task ?? null
  }
}

const inputOf = (task: TaskRow): MoveInput => task.input as MoveInput
const isOpen = ({ state }: TaskRow): boolean => state === 'queued' || state === 'running'

/** Whether a task has more to do than a new one would: it is planned, owns the organisation, or has to clean up behind it. */
const isUnfinished = (task: TaskRow, { database, moveId }: OrganisationRow): boolean =>
  isOpen(task) || moveId === task.id || (task.state !== 'succeeded' && database === inputOf(task).to)
