import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { scheduleTick } from './schedule-tick.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

scheduleTick(async () => ({ database: new D1Driver('default', DB as never), close: async () => {} }))
