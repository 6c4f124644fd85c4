import type { D1Database as D1Binding, D1PreparedStatement, D1Result } from '@cloudflare/workers-types'
import type { Database, Row, SqlValue, Statement } from '../../ports/database.ts'
import { toPortError } from './sqlite-errors.ts'

/** Cloudflare D1 behind the database port. BLOB columns arrive as arrays of numbers and leave as bytes. */
export class D1Driver implements Database {
  readonly vectorDistance = false
  readonly name: string
  readonly #binding: D1Binding

  constructor(name: string, binding: D1Binding) {
    this.name = name
    this.#binding = binding
  }

  async all(statement: Statement): Promise<Row[]> {
    try {
      return (await this.#prepare(statement).raw<Row>()).map(normalise)
    } catch (error) {
      throw toPortError(error)
    }
  }

  read(statements: readonly Statement[]): Promise<Row[][]> {
    return this.batch(statements)
  }

  async batch(statements: readonly Statement[]): Promise<Row[][]> {
    if (statements.length === 0) return []
    try {
      const results = await this.#binding.batch<Record<string, SqlValue>>(statements.map((s) => this.#prepare(s)))
      return results.map(rowsOf)
    } catch (error) {
      throw toPortError(error)
    }
  }

  #prepare({ sql, params }: Statement): D1PreparedStatement {
    return this.#binding.prepare(sql).bind(...params)
  }
}

// batch() answers objects, never arrays: column order is the insertion order of the keys, and two columns of one name would collapse,
// so every SELECT of a batch names its columns apart.
const rowsOf = (result: D1Result<Record<string, SqlValue>>): Row[] =>
  result.results.map((row) => normalise(Object.values(row)))

const normalise = (row: Row): Row => row.map((value) => (Array.isArray(value) ? Uint8Array.from(value) : value))
