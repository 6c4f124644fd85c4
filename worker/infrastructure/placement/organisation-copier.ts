import { MemosError } from '../../../schemas/errors.ts'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Database, Statement } from '../../ports/database.ts'
import { jsonChunks } from '../vault/sql.ts'
import { expectFence, setPosition } from './fence.ts'
import { eraseRows } from './organisation-rows.ts'
import { type Place, RowWalk, START, type TablePage } from './row-walk.ts'

/** How far the copy in the target has come. It stands in the target's fence and changes in the batch that writes the rows. */
export type Position =
  | { phase: 'clean' }
  | { phase: 'copy'; from: Place }
  | { phase: 'verify'; source: Place; target: Place }
  | { phase: 'ready' }

export const FIRST_POSITION: Position = { phase: 'clean' }

/** One organisation on its way between two databases. The source is fenced, so its rows stand still. */
export interface Move {
  moveId: string
  orgId: string
  source: Database
  target: Database
}

/** What one step led to. */
export interface Step {
  position: Position
  /** Rows that were written or compared. */
  rows: number
}

/**
 * Copies an organisation step by step: erases what lies in the target, then copies, then compares every row of both sides. Each step is
 * one batch that expects the position it began at, so of two workers one goes on and the other gets a GuardError.
 */
export class OrganisationCopier {
  readonly #move: Move
  readonly #walks = new Map<Database, Promise<RowWalk>>()

  constructor(move: Move) {
    this.#move = move
  }

  /** @throws GuardError, MemosError data_corrupt (the sides differ; the copy begins anew) */
  async step(position: Position): Promise<Step> {
    switch (position.phase) {
      case 'clean':
        return this.#clean(position)
      case 'copy':
        return this.#copy(position)
      case 'verify':
        return this.#verify(position)
      case 'ready':
        return { position, rows: 0 }
    }
  }

  async #clean(position: Position): Promise<Step> {
    const { target, orgId, moveId } = this.#move
    const rows = await eraseRows(target, orgId, expectFence(orgId, { moveId, position: JSON.stringify(position) }))
    return rows > 0 ? { position, rows: 0 } : this.#advance(position, { phase: 'copy', from: START }, [], 0)
  }

  async #copy(position: Extract<Position, { phase: 'copy' }>): Promise<Step> {
    const { pages, next } = await (await this.#walk(this.#move.source)).next(position.from)
    const to: Position =
      next === null ? { phase: 'verify', source: START, target: START } : { phase: 'copy', from: next }
    return this.#advance(position, to, pages.flatMap(insertRows), rowsIn(pages))
  }

  async #verify(position: Extract<Position, { phase: 'verify' }>): Promise<Step> {
    const source = await (await this.#walk(this.#move.source)).next(position.source)
    const target = await (await this.#walk(this.#move.target)).next(position.target)
    const differing = source.pages.find(
      ({ rows }, at) => JSON.stringify(rows) !== JSON.stringify(target.pages[at]?.rows),
    )
    if (differing !== undefined || (source.next === null) !== (target.next === null)) {
      await this.#advance(position, FIRST_POSITION, [], 0)
      throw new MemosError('data_corrupt', {
        detail: `The copy of ${differing?.table.name ?? 'the namespaces'} differs from its source; it begins anew.`,
      })
    }
    const to: Position =
      source.next === null || target.next === null
        ? { phase: 'ready' }
        : { phase: 'verify', source: source.next, target: target.next }
    return this.#advance(position, to, [], rowsIn(source.pages))
  }

  async #advance(from: Position, to: Position, statements: readonly Statement[], rows: number): Promise<Step> {
    const { target, orgId, moveId } = this.#move
    await target.batch([
      expectFence(orgId, { moveId, position: JSON.stringify(from) }),
      ...statements,
      setPosition(orgId, { moveId, position: JSON.stringify(to) }),
    ])
    return { position: to, rows }
  }

  /** The namespaces of either side stand still while they are walked, so they are read once. */
  #walk(database: Database): Promise<RowWalk> {
    const known = this.#walks.get(database)
    if (known !== undefined) return known
    const walk = RowWalk.over(database, this.#move.orgId)
    this.#walks.set(database, walk)
    return walk
  }
}

const rowsIn = (pages: readonly TablePage[]): number => pages.reduce((sum, { rows }) => sum + rows.length, 0)

function insertRows({ table, rows }: TablePage): Statement[] {
  const names = table.columns.map((column) => column.name).join(', ')
  const values = table.columns.map((column, at) => column.write(at)).join(', ')
  return jsonChunks(rows, SQL_VALUE_BYTES_MAX * 0.9).map((chunk) => ({
    sql: `insert into ${table.name} (${names}) select ${values} from json_each(?) j`,
    params: [chunk],
  }))
}
