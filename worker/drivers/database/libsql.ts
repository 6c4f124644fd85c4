import type { Client, InStatement, ResultSet } from '@libsql/client'
import type { Database, Row, SqlValue, Statement } from '../../ports/database.ts'
import { toPortError } from './sqlite-errors.ts'

/**
 * A libSQL file or a Turso URL behind the database port. Only `batch` is used for writes: an interactive transaction of this client blocks
 * every other write of the process.
 */
export class LibsqlDriver implements Database {
  readonly vectorDistance = true
  readonly name: string
  readonly #client: Client

  constructor(name: string, client: Client) {
    this.name = name
    this.#client = client
  }

  async all(statement: Statement): Promise<Row[]> {
    try {
      return rowsOf(await this.#client.execute(toInput(statement)))
    } catch (error) {
      throw toPortError(error)
    }
  }

  read(statements: readonly Statement[]): Promise<Row[][]> {
    return this.#run(statements, 'deferred')
  }

  batch(statements: readonly Statement[]): Promise<Row[][]> {
    return this.#run(statements, 'write')
  }

  async #run(statements: readonly Statement[], mode: 'deferred' | 'write'): Promise<Row[][]> {
    if (statements.length === 0) return []
    try {
      return (await this.#client.batch(statements.map(toInput), mode)).map(rowsOf)
    } catch (error) {
      throw toPortError(error)
    }
  }
}

const toInput = ({ sql, params }: Statement): InStatement => ({ sql, args: params })

const rowsOf = (result: ResultSet): Row[] =>
  result.rows.map((row) => Array.from({ length: result.columns.length }, (_, at) => toSqlValue(row[at])))

const toSqlValue = (value: unknown): SqlValue => {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (typeof value === 'bigint') return Number(value)
  return (value ?? null) as SqlValue
}
