import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { chatSuite } from './chat.suite.ts'

const { DB } = env as unknown as { DB: D1Database }

chatSuite(async () => ({ database: new D1Driver('default', DB as never), close: async () => {} }))
