import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { mipServing } from './mip-serving.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

mipServing('workerd', async () => ({ database: new D1Driver('default', DB as never), close: async () => {} }))
