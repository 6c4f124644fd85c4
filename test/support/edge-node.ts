import { createClient } from '@libsql/client'
import { readConfig } from '../../worker/entry/node/config.ts'
import { startServer } from '../../worker/entry/node/server.ts'
import type { EdgeUnderTest } from './edge.ts'
import { tempDir } from './temp-dir.ts'

const ROOT_KEY = 'root-key-of-the-scenario-tests-on-node'

/** The Node host on a free port with its own empty home, spoken to over real HTTP. */
export async function openNodeEdge(environment: Record<string, string> = {}): Promise<EdgeUnderTest> {
  const home = await tempDir()
  const settings = { PORT: '0', MEMOS_HOME: home.path, MEMOS_ROOT_KEY: ROOT_KEY, MEMOS_GPU_NODE: 'off' }
  const config = readConfig({ ...settings, ...environment })
  const server = await startServer(config)
  const database = createClient({ url: config.databaseUrl })
  return {
    rootKey: ROOT_KEY,
    url: server.url,
    fetch: (path, init) => fetch(new URL(path, server.url), init),
    rows: async (sql, ...args) => {
      const { rows, columns } = await database.execute({ sql, args })
      return rows.map((row) => columns.map((_, at) => row[at]))
    },
    close: async () => {
      database.close()
      await server.stop()
      await home.remove()
    },
  }
}
