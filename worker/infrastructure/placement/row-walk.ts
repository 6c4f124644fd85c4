import { sql } from 'drizzle-orm'
import type { Database, Row, SqlValue, Statement } from '../../ports/database.ts'
import { statement } from '../vault/sql.ts'
import { type MovedTable, NAMESPACE_TABLES, ORGANISATION_TABLES } from './moved-tables.ts'

/** A place in the walk over an organisation's rows: owner (0 is the organisation, then its namespaces), table, last row read. */
export interface Place {
  owner: number
  table: number
  after: SqlValue[] | null
}

export const START: Place = { owner: 0, table: 0, after: null }

export interface TablePage {
  table: MovedTable
  rows: Row[]
}

/** Rows of one organisation in one database, a few pages at a time, in an order that does not depend on the database. */
export class RowWalk {
  readonly #database: Database
  readonly #owners: readonly (string | number)[]

  private constructor(database: Database, owners: readonly (string | number)[]) {
    this.#database = database
    this.#owners = owners
  }

  static async over(database: Database, orgId: string): Promise<RowWalk> {
    const rows = await database.all(statement(sql`select id from namespaces where org_id = ${orgId} order by id`))
    return new RowWalk(database, [orgId, ...rows.map(([id]) => Number(id))])
  }

  /** The pages at a place, and the next place; null at the end. Tables of a small owner come in one round trip. */
  async next(place: Place): Promise<{ pages: TablePage[]; next: Place | null }> {
    const owner = this.#owners[place.owner]
    if (owner === undefined) return { pages: [], next: null }
    const tables = place.owner === 0 ? ORGANISATION_TABLES : NAMESPACE_TABLES
    // In the middle of a large table the ones after it are not reached yet.
    const wanted = tables.slice(place.table, place.after === null ? undefined : place.table + 1)
    const answers = await this.#database.read(
      wanted.map((table, at) => pageStatement(table, owner, at === 0 ? place.after : null)),
    )
    const pages: TablePage[] = []
    for (const [at, table] of wanted.entries()) {
      const rows = answers[at] ?? []
      pages.push({ table, rows: rows.map((row) => row.slice(0, table.columns.length)) })
      const last = rows.at(-1)
      // Later tables refer to this one: they wait until it is complete.
      if (last !== undefined && rows.length === table.pageRows)
        return { pages, next: { ...place, table: place.table + at, after: last.slice(table.columns.length) } }
    }
    const table = place.table + wanted.length
    if (table < tables.length) return { pages, next: { ...place, table, after: null } }
    return { pages, next: place.owner + 1 < this.#owners.length ? { ...START, owner: place.owner + 1 } : null }
  }
}

function pageStatement(table: MovedTable, owner: string | number, after: SqlValue[] | null): Statement {
  const { from, key, columns, pageRows, only } = table
  // Names apart, because D1 answers a batch with objects.
  const selected = [...columns.map((column) => column.read), ...key].map((text, at) => `${text} as c${at}`)
  const conditions = [
    `${table.owner} = ?`,
    ...(only === undefined ? [] : [only]),
    ...(after === null ? [] : [`(${key.join(', ')}) > (${key.map(() => '?').join(', ')})`]),
  ]
  return {
    sql: `select ${selected.join(', ')} from ${from} where ${conditions.join(' and ')} order by ${key.join(', ')} limit ${pageRows}`,
    params: [owner, ...(after ?? [])],
  }
}
