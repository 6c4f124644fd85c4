import { join } from 'node:path'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'
import { factExtraction } from './fact-extraction.suite.ts'

factExtraction(async () => {
  const home = await tempDir()
  const { database, close } = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  const edge = await openLocalEdge({ databases: new Map([['default', database]]), blobs: new MemoryBlobStore() })
  return {
    ...edge,
    tick: async () => {
      await edge.components.tick()
      await edge.runTasks()
    },
    close: async () => {
      await edge.close()
      await close()
      await home.remove()
    },
  }
})
