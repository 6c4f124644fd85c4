import { getTableColumns, type InferSelectModel, SQL, StringChunk, sql } from 'drizzle-orm'
import { CasingCache } from 'drizzle-orm/casing'
import { SQLiteAsyncDialect, type SQLiteTable } from 'drizzle-orm/sqlite-core'
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import type { Database, Row, SqlValue, Statement } from '../../ports/database.ts'

export type Orm = ReturnType<typeof openOrm>

/** drizzle over the database port: typed queries whose rows come back mapped. */
export function openOrm(database: Database) {
  return drizzle(
    async (text, params, method) => {
      const rows = await database.all({ sql: text, params: params as SqlValue[] })
      return { rows: method === 'get' ? ((rows[0] ?? undefined) as SqlValue[]) : rows }
    },
    undefined,
    // The driver reads casing from its third argument only (drizzle-orm 0.45.4).
    { casing: 'snake_case' },
  )
}

/** Builds statements without running them. */
export const builder = openOrm({
  name: 'builder',
  vectorDistance: false,
  all: () => Promise.reject(new Error('the builder runs nothing')),
  read: () => Promise.reject(new Error('the builder runs nothing')),
  batch: () => Promise.reject(new Error('the builder runs nothing')),
})

const dialect = new SQLiteAsyncDialect({ casing: 'snake_case' })
const casing = new CasingCache('snake_case')

/** Statement of a drizzle query (`insert`, `select`, …). */
export function statementOf(query: { toSQL(): { sql: string; params: unknown[] } }): Statement {
  const { sql: text, params } = query.toSQL()
  return { sql: text, params: params as SqlValue[] }
}

/** Statement of a hand-written fragment. */
export function statement(fragment: SQL): Statement {
  const plain: Statement = { sql: '', params: [] }
  if (appendPlain(fragment, plain)) return plain
  const { sql: text, params } = dialect.sqlToQuery(fragment)
  return { sql: text, params: params as SqlValue[] }
}

/**
 * Text and values only, which is what the statements of a search consist of: drizzle asks of every piece which of fifteen kinds it is, 40 µs a
 * statement. False where a table, a column or a name occurs; drizzle writes those.
 */
function appendPlain(fragment: SQL, to: Statement): boolean {
  // Set by inlineParams(); not among drizzle's declared fields.
  if (Reflect.get(fragment, 'shouldInlineParams') === true) return false
  return fragment.queryChunks.every((chunk) => {
    if (chunk instanceof StringChunk) to.sql += chunk.value.join('')
    else if (chunk instanceof SQL) return appendPlain(chunk, to)
    else if (isPlainValue(chunk)) {
      to.sql += '?'
      to.params.push(chunk)
    } else return false
    return true
  })
}

const isPlainValue = (value: unknown): value is SqlValue =>
  typeof value === 'string' || typeof value === 'number' || value === null || value instanceof Uint8Array

/** Aborts the batch unless `condition` is true (null counts as false). */
export const guard = (condition: SQL): Statement =>
  statement(sql`insert into guard (ok) select coalesce((${condition}), 0)`)

/** The values of a JSON array as a list for `in`: one bound parameter for any number of values. */
export const inJson = (values: readonly (string | number)[]): SQL =>
  sql`(select value from json_each(${toJson(values)}))`

/** How JSON.stringify writes a lone surrogate; also matched by text that spells it out, which costs a second look only. */
const ESCAPED_SURROGATE = /\\ud[89a-f]/

const HEX_DIGITS = new TextEncoder().encode('0123456789abcdef')
const ascii = new TextDecoder()

/**
 * Bytes as hex text, for JSON parameters that carry blobs. The digits are laid out before they become a string: one that grows by appending is
 * a chain of small objects, thirty times as large as the bytes until something reads it.
 */
export function toHex(bytes: Uint8Array): string {
  const digits = new Uint8Array(bytes.length * 2)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    digits[2 * i] = HEX_DIGITS[byte >> 4] as number
    digits[2 * i + 1] = HEX_DIGITS[byte & 15] as number
  }
  return ascii.decode(digits)
}

/**
 * JSON for a parameter. A lone surrogate would become text that is not UTF-8 once SQLite takes the JSON apart, and libSQL ends the whole
 * process when it reads such text; the door refuses them, and what slips by becomes U+FFFD here.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (!ESCAPED_SURROGATE.test(text)) return text
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'string' ? inner.toWellFormed() : inner))
}

/** Splits rows into JSON arrays whose text stays below `bytesMax`: D1 bounds the size of one parameter. */
export function jsonChunks(rows: readonly unknown[], bytesMax: number): string[] {
  const chunks: string[] = []
  let parts: string[] = []
  let size = 2
  for (const row of rows) {
    const text = toJson(row)
    // UTF-16 length times three bounds the UTF-8 size; ASCII-only text is its own length.
    const bytes = /^[\0-\x7f]*$/.test(text) ? text.length : text.length * 3
    if (parts.length > 0 && size + bytes + 1 > bytesMax) {
      chunks.push(`[${parts.join(',')}]`)
      parts = []
      size = 2
    }
    parts.push(text)
    size += bytes + 1
  }
  if (parts.length > 0) chunks.push(`[${parts.join(',')}]`)
  return chunks
}

/** Columns of a table under an alias, and the way back from a row to an object: drizzle's mapping for hand-written statements. */
export function rowShape<T extends SQLiteTable>(
  table: T,
  alias: string,
): { columns: SQL; width: number; parse(row: Row): InferSelectModel<T> } {
  const entries = Object.entries(getTableColumns(table))
  return {
    columns: sql.join(
      entries.map(([, column]) => sql`${sql.identifier(alias)}.${sql.identifier(casing.getColumnCasing(column))}`),
      sql`, `,
    ),
    width: entries.length,
    parse: (row) =>
      Object.fromEntries(
        entries.map(([name, column], at) => [name, row[at] === null ? null : column.mapFromDriverValue(row[at])]),
      ) as InferSelectModel<T>,
  }
}
