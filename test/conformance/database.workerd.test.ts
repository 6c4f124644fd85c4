import { env } from 'cloudflare:workers'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { testDatabase } from './database.suite.ts'

const { DB } = env as unknown as { DB: D1Database }
const ONE_WRITER = 'D1 has one writer: no other connection can hold its lock'

testDatabase(
  'D1',
  async () => ({
    database: new D1Driver('default', DB as never),
    lock: () => Promise.reject(new Error(ONE_WRITER)),
    close: async () => {},
  }),
  {
    'says that the database is busy while another process writes, and works again after': ONE_WRITER,
    'goes on reading while another process writes': ONE_WRITER,
  },
)
