/**
 * `node scripts/backup.ts FOLDER [--home HOME] [--database FILE]`: a whole copy of a running or stopped MemOS Edge on the node host.
 * Environment: MEMOS_HOME (.memos), MEMOS_DATABASE_URL (`file:` only; a Turso database has its own backups).
 */
import { parseArgs } from 'node:util'
import { backupHome } from './backup/backup-home.ts'
import { databasePathOf } from './backup/layout.ts'

const USAGE = 'usage: node scripts/backup.ts FOLDER [--home HOME] [--database FILE]'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { home: { type: 'string' }, database: { type: 'string' } },
})
const [folder, ...more] = positionals
const home = values.home ?? process.env.MEMOS_HOME ?? '.memos'

try {
  if (folder === undefined || more.length > 0) throw new Error(USAGE)
  const database = values.database ?? databasePathOf(home, process.env.MEMOS_DATABASE_URL)
  const { tables, blobs } = await backupHome({ home, database, folder })
  const rows = Object.values(tables).reduce((sum, count) => sum + count, 0)
  console.log(
    `Backed up ${rows} rows of ${Object.keys(tables).length} tables and ${blobs} blobs to ${folder}. It holds memory and the root key: keep it safe.`,
  )
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
