/**
 * `node scripts/restore.ts FOLDER [--home HOME]`: puts a backup of scripts/backup.ts back. Refuses a HOME that holds anything, and a backup
 * that is damaged or incomplete. Environment: MEMOS_HOME (.memos).
 */
import { parseArgs } from 'node:util'
import { restoreHome } from './backup/restore-home.ts'

const USAGE = 'usage: node scripts/restore.ts FOLDER [--home HOME]'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { home: { type: 'string' } } })
const [folder, ...more] = positionals
const home = values.home ?? process.env.MEMOS_HOME ?? '.memos'

try {
  if (folder === undefined || more.length > 0) throw new Error(USAGE)
  const { createdAt } = await restoreHome({ folder, home })
  console.log(`Restored the backup of ${createdAt} to ${home}. Start it with: MEMOS_HOME=${home} npm start`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
