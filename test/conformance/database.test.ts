import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { startHranaServer } from '../support/hrana-server.ts'
import { lockDatabase } from '../support/lock-database.ts'
import { tempDir } from '../support/temp-dir.ts'
import { type DatabaseHarness, testDatabase } from './database.suite.ts'

testDatabase('libSQL file', async (): Promise<DatabaseHarness> => {
  const home = await tempDir()
  const path = join(home.path, 'memos.db')
  const { database, close } = await openLibsql('default', `file:${path}`)
  return {
    database,
    lock: () => lockDatabase(path),
    close: async () => {
      await close()
      await home.remove()
    },
  }
})

testDatabase('libSQL over HTTP (Turso)', async (): Promise<DatabaseHarness> => {
  const home = await tempDir()
  const path = join(home.path, 'remote.db')
  // Turso keeps its files in WAL mode too: readers go on while one writes.
  const file = new DatabaseSync(path)
  file.exec('pragma journal_mode = wal')
  file.close()
  const server = await startHranaServer(path)
  const { database, close } = await openLibsql('default', server.url, 'token')
  return {
    database,
    lock: () => lockDatabase(path),
    close: async () => {
      await close()
      await server[Symbol.asyncDispose]()
      await home.remove()
    },
  }
})
