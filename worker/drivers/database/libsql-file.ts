import type Libsql from 'libsql'
import { SQL_COMPILED_STATEMENTS_MAX } from '../../../schemas/limits.ts'
import type { Database, Row, SqlValue, Statement } from '../../ports/database.ts'
import { toPortError } from './sqlite-errors.ts'

/**
 * A libSQL file in this process. @libsql/client compiles every statement anew and builds an object per row; on small statements that is most
 * of the time, so files are reached through the engine below it, with statements kept compiled and rows as arrays. Calls are synchronous:
 * a batch is never interleaved with another one.
 */
export class LibsqlFileDriver implements Database {
  readonly vectorDistance = true
  readonly name: string
  readonly #engine: Libsql.Database
  /** Least recently used first. */
  readonly #statements = new Map<string, Libsql.Statement>()

  constructor(name: string, engine: Libsql.Database) {
    this.name = name
    this.#engine = engine
  }

  async all(statement: Statement): Promise<Row[]> {
    try {
      return this.#execute(statement)
    } catch (error) {
      throw toPortError(error)
    }
  }

  read(statements: readonly Statement[]): Promise<Row[][]> {
    return this.#transaction('begin deferred', statements)
  }

  batch(statements: readonly Statement[]): Promise<Row[][]> {
    return this.#transaction('begin immediate', statements)
  }

  async #transaction(begin: string, statements: readonly Statement[]): Promise<Row[][]> {
    if (statements.length === 0) return []
    try {
      this.#execute({ sql: begin, params: [] })
      try {
        const rows = statements.map((statement) => this.#execute(statement))
        this.#execute({ sql: 'commit', params: [] })
        return rows
      } catch (error) {
        // A full disk or a broken file may have rolled back already; then there is nothing left to undo.
        if (this.#engine.inTransaction) this.#execute({ sql: 'rollback', params: [] })
        throw error
      }
    } catch (error) {
      throw toPortError(error)
    }
  }

  #execute({ sql, params }: Statement): Row[] {
    const compiled = this.#compile(sql)
    if (compiled.reader)
      return compiled
        .raw(true)
        .all(...params)
        .map(toRow)
    compiled.run(...params)
    return []
  }

  #compile(sql: string): Libsql.Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) {
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    const compiled = this.#engine.prepare(sql)
    this.#statements.set(sql, compiled)
    if (this.#statements.size > SQL_COMPILED_STATEMENTS_MAX) {
      const [oldest] = this.#statements.keys()
      if (oldest !== undefined) this.#statements.delete(oldest)
    }
    return compiled
  }
}

/** Buffers come from the engine, each with memory of its own; the port speaks of plain bytes. */
const toRow = (row: unknown): Row =>
  (row as SqlValue[]).map((value) =>
    value instanceof Uint8Array ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : value,
  )
