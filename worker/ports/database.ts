export type SqlValue = null | number | string | Uint8Array

export interface Statement {
  sql: string
  params: SqlValue[]
}

/** Columns in the order of the SELECT. */
export type Row = SqlValue[]

/**
 * A SQLite database reached over D1 or libSQL. There is no interactive transaction: a batch is the unit of atomicity, and expectations are
 * guard statements inside it (schemas/tables/guard.ts).
 */
export interface Database {
  /** Name in the directory (`default`, a D1 binding, a libSQL name). */
  readonly name: string
  /** Whether `vector_distance_cos` works on stored FLOAT16 vectors (libSQL); else callers compare in code. */
  readonly vectorDistance: boolean
  all(statement: Statement): Promise<Row[]>
  /** Reads in one round trip, from one snapshot. */
  read(statements: readonly Statement[]): Promise<Row[][]>
  /** All statements or none. Throws GuardError when an expectation was false. */
  batch(statements: readonly Statement[]): Promise<Row[][]>
}

/** A guard of an atomic batch did not hold; nothing was written. */
export class GuardError extends Error {
  override name = 'GuardError'
}

/** A unique constraint did not hold; nothing was written. */
export class UniqueError extends Error {
  override name = 'UniqueError'
}
