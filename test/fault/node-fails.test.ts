import { join } from 'node:path'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { tempDir } from '../support/temp-dir.ts'
import { nodeFails } from './node-fails.suite.ts'

nodeFails('libSQL', async () => {
  const home = await tempDir()
  const { database, close } = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  return {
    database,
    close: async () => {
      await close()
      await home.remove()
    },
  }
})
