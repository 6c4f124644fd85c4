/**
 * `node scripts/backup.ts FOLDER [--home HOME]`: a whole copy of a running or stopped MemOS Edge on the node host.
 * Environment as for `npm start`: MEMOS_HOME (.memos), MEMOS_DATABASE_URL, MEMOS_DATABASES (`file:` only; a Turso database has its own backups).
 */
import { parseArgs } from 'node:util'
import { backupHome } from './backup/backup-home.ts'
import { databaseFiles } from './backup/layout.ts'

const USAGE = 'usage: node scripts/backup.ts FOLDER [--home HOME]'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { home: { type: 'string' } } })
const [folder, ...more] = positionals
const home = values.home ?? process.env.MEMOS_HOME ?? '.memos'

try {
  if (folder === undefined || more.length > 0) throw new Error(USAGE)
  const { databases, blobs } = await backupHome({ home, databases: databaseFiles(home, process.env), folder })
  const counts = Object.values(databases).flatMap(({ tables }) => Object.values(tables))
  const rows = counts.reduce((sum, count) => sum + count, 0)
  console.log(`Backed up ${rows} rows of ${Object.keys(databases).length} database(s) and ${blobs} blobs to ${folder}.`)
  console.log('The folder holds all memory and the root key in the clear: keep it safe.')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
