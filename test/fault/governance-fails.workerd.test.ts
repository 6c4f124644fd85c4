import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { governanceFails } from './governance-fails.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

governanceFails('D1', async () => ({ database: new D1Driver('default', DB as never), close: async () => {} }))
