/**
 * Goal: `wrangler d1 export`, which docs/operations.md names as the way to a copy of D1, works with this schema and loses no row.
 * Method: every kind of row that the application writes goes into a local D1; its export is loaded into an empty libSQL file and compared.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import { expect, it } from 'vitest'
import { runWrangler } from '../../scripts/wrangler.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { Database } from '../../worker/ports/database.ts'
import { newTenant } from '../support/edge.ts'
import { openLocalEdge } from '../support/local-edge.ts'
import { fillOrganisation } from '../support/moved-organisation.ts'
import { tempDir } from '../support/temp-dir.ts'

const MIGRATIONS = join(import.meta.dirname, '../../schemas/migrations')
const NAME = 'memos-edge'
const CONFIG = `name = "${NAME}"
compatibility_date = "2026-09-18"
[[d1_databases]]
binding = "DB"
database_name = "${NAME}"
database_id = "local"
migrations_dir = ${JSON.stringify(MIGRATIONS)}
`

/** wrangler with a configuration, state, logs and home of its own, so that nothing of the developer's is read or written. */
async function localWrangler(home: string) {
  const config = join(home, 'wrangler.toml')
  await mkdir(join(home, 'xdg'))
  await writeFile(config, CONFIG)
  const env = { XDG_CONFIG_HOME: join(home, 'xdg'), WRANGLER_LOG_PATH: join(home, 'logs'), CI: 'true' }
  return (...args: string[]) => runWrangler(['d1', ...args, '--local', '--config', config], { env })
}

/** Rows of every table as SQL literals, so that blobs, numbers and texts are told apart. */
async function rowsOf(all: (sql: string) => Promise<unknown[][]>): Promise<Record<string, string[]>> {
  const schema = `select t.name, c.name from sqlite_schema t join pragma_table_info(t.name) c where t.type = 'table' order by 1, c.cid`
  const columns = new Map<string, string[]>()
  for (const [table, column] of (await all(schema)) as [string, string][])
    if (!OTHERS.test(table)) columns.set(table, [...(columns.get(table) ?? []), column])
  const rows: Record<string, string[]> = {}
  for (const [table, names] of columns) {
    const literals = await all(`select ${names.map((name) => `quote("${name}")`).join(', ')} from "${table}"`)
    rows[table] = literals.map((row) => row.join(',')).sort()
  }
  return rows
}
/** Tables of SQLite, wrangler and drizzle. */
const OTHERS = /^(?:sqlite_|_cf_|d1_migrations$|__)/

/** What the application itself writes: conversations, grants, vectors, long texts, revisions, tombstones, log. */
async function writtenRows(home: string): Promise<Record<string, string[]>> {
  const { database, close } = await openLibsql('default', `file:${join(home, 'source.db')}`)
  const edge = await openLocalEdge({
    databases: new Map<string, Database>([['default', database]]),
    blobs: new MemoryBlobStore(),
  })
  const tenant = await newTenant(edge)
  await fillOrganisation(tenant, 1)
  await tenant.admin.ok('createCube', { body: { content: `It's "quoted";\n-- not a comment\r\n\u{1f6a2} ключ` } })
  await edge.close()
  const rows = await rowsOf((sql) => database.all({ sql, params: [] }) as Promise<unknown[][]>)
  await close()
  return rows
}

it('exports every row of a local D1 as SQL that another database loads', async ({ skip }) => {
  await using home = await tempDir()
  const d1 = await localWrangler(home.path)
  skip(!(await d1('execute', NAME, '--command', 'select 1')), 'wrangler cannot run a local D1 on this machine')
  const written = await writtenRows(home.path)
  expect(Object.values(written).filter((rows) => rows.length > 0).length).toBeGreaterThan(10)
  const script = Object.entries(written).flatMap(([table, rows]) =>
    rows.map((row) => `INSERT OR REPLACE INTO "${table}" VALUES (${row});\n`),
  )
  const input = join(home.path, 'rows.sql')
  await writeFile(input, `PRAGMA defer_foreign_keys = true;\n${script.join('')}`)
  expect(await d1('migrations', 'apply', NAME)).toBe(true)
  expect(await d1('execute', NAME, '--file', input)).toBe(true)
  const output = join(home.path, 'export.sql')
  expect(await d1('export', NAME, '--output', output)).toBe(true)
  const copy = createClient({ url: `file:${join(home.path, 'copy.db')}` })
  await copy.executeMultiple(await readFile(output, 'utf8'))
  const exported = await rowsOf(async (sql) => {
    const { rows, columns } = await copy.execute(sql)
    return rows.map((row) => columns.map((_, at) => row[at]))
  })
  copy.close()
  const counts = (rows: Record<string, string[]>) => Object.entries(rows).map(([table, { length }]) => [table, length])
  expect(counts(exported)).toEqual(counts(written))
  expect(exported).toEqual(written)
})
