import { join } from 'node:path'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { tempDir } from '../support/temp-dir.ts'
import { mipReceiptFails } from './mip-receipt-fails.suite.ts'

mipReceiptFails('libSQL', async () => {
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
