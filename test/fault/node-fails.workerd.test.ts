import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { nodeFails } from './node-fails.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

nodeFails('D1', async () => ({ database: new D1Driver('default', DB as never), close: async () => {} }))
