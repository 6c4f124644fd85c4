import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { tempDir } from '../support/temp-dir.ts'
import { testMipEntries } from './mip-entries.suite.ts'

testMipEntries('libSQL file', async () => {
  const home = await tempDir()
  const { database, close } = await openLibsql('default', `file:${home.path}/memos.db`)
  return {
    database,
    lock: () => Promise.reject(new Error('not needed')),
    close: async () => {
      await close()
      await home.remove()
    },
  }
})
