import { sql } from 'drizzle-orm'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import { mipLogs } from '../../../schemas/tables/mip.ts'
import type { Database } from '../../ports/database.ts'
import type { MipLogRow } from '../../ports/writes/mip.ts'
import { rowShape, statement } from '../vault/sql.ts'

const LOG = rowShape(mipLogs, 'l')

/** The rows of one log in a database, of every organisation that writes or follows it, the furthest first. */
export async function servedLogs(database: Database, { org, log }: LogName): Promise<MipLogRow[]> {
  const rows = await database.all(
    statement(
      sql`select ${LOG.columns} from mip_logs l where l.did = ${org} and l.log = ${log} order by l.epoch desc, l.seq desc`,
    ),
  )
  return rows.map(LOG.parse)
}
