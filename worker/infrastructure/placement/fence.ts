import { sql } from 'drizzle-orm'
import type { Database, Row, Statement } from '../../ports/database.ts'
import { guard, statement } from '../vault/sql.ts'

/** Who owns the fence of an organisation in one database, and how far it has come. */
export interface Fence {
  moveId: string
  /** JSON text as stored; null where nothing is remembered. */
  position: string | null
}

/**
 * Fails with organisation_moving where the organisation is fenced, and does nothing where it is not: a fence that exists is inserted once
 * more, which its primary key refuses. That constraint belongs to this check alone, so it cannot be mistaken for another expectation.
 */
export const fenceCheck = (orgId: string): Statement =>
  statement(sql`insert into fences (org_id, move_id) select org_id, move_id from fences where org_id = ${orgId}`)

/** Aborts a batch unless the fence is this move's and at this position. */
export const expectFence = (orgId: string, { moveId, position }: Fence): Statement =>
  guard(sql`select move_id = ${moveId} and position is ${position} from fences where org_id = ${orgId}`)

export const setPosition = (orgId: string, { moveId, position }: Fence): Statement =>
  statement(sql`update fences set position = ${position} where org_id = ${orgId} and move_id = ${moveId}`)

export async function readFence(database: Database, orgId: string): Promise<Fence | null> {
  const [row] = await database.all(statement(sql`select move_id, position from fences where org_id = ${orgId}`))
  return row === undefined ? null : { moveId: String(row[0]), position: row[1] === null ? null : String(row[1]) }
}

/**
 * Puts up a fence, or takes over the one that was seen before the move was begun. Answers whether the fence is this move's now: a worker
 * that was thought dead must not take it from the move that followed.
 */
export async function takeFence(
  database: Database,
  orgId: string,
  { moveId, position }: Fence,
  seen: Fence | null,
): Promise<boolean> {
  if (seen?.moveId === moveId) return true
  const taken = await database.batch([
    statement(sql`insert into fences (org_id, move_id, position) values (${orgId}, ${moveId}, ${position})
      on conflict (org_id) do update set move_id = excluded.move_id, position = excluded.position where fences.move_id = ${seen?.moveId ?? null}`),
    statement(sql`select move_id from fences where org_id = ${orgId}`),
  ])
  return taken[1]?.[0]?.[0] === moveId
}

/** Opens a database for the organisation, if the fence is still this move's. */
export const openFence = (orgId: string, moveId: string): Statement =>
  statement(sql`delete from fences where org_id = ${orgId} and move_id = ${moveId}`)

const WRITES = /^\s*(insert|update|delete|replace)\b/i

/** A database as one organisation may use it: each of its writes, alone or in a batch, checks the fence in its own transaction. */
export class FencedDatabase implements Database {
  readonly name: string
  readonly vectorDistance: boolean
  readonly #database: Database
  readonly #check: Statement

  constructor(database: Database, orgId: string) {
    this.name = database.name
    this.vectorDistance = database.vectorDistance
    this.#database = database
    this.#check = fenceCheck(orgId)
  }

  async all(single: Statement): Promise<Row[]> {
    return WRITES.test(single.sql) ? ((await this.batch([single]))[0] ?? []) : this.#database.all(single)
  }

  read(statements: readonly Statement[]): Promise<Row[][]> {
    return this.#database.read(statements)
  }

  async batch(statements: readonly Statement[]): Promise<Row[][]> {
    return statements.length === 0 ? [] : (await this.#database.batch([this.#check, ...statements])).slice(1)
  }
}
