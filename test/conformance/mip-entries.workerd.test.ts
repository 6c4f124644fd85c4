import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { testMipEntries } from './mip-entries.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

testMipEntries('D1', async () => ({
  database: new D1Driver('default', DB as never),
  lock: () => Promise.reject(new Error('not needed')),
  close: async () => {},
}))
