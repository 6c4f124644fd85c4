import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { mipRecon } from './mip-recon.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

mipRecon('workerd', async () => ({ database: new D1Driver('default', DB as never), close: async () => {} }))
