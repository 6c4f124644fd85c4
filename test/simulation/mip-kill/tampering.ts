import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openLibsql } from '../../../worker/drivers/database/open-libsql.ts'
import { tempDir } from '../../support/temp-dir.ts'
import type { KilledEdge } from './killed-edge.ts'

/** What a crash could have left of a follower's database; the checker must notice each. */
const DAMAGE: Record<string, string> = {
  'an entry is lost': 'delete from mip_entries where seq = 2',
  'the last entry is lost': `delete from mip_entries where log_id = (select id from mip_logs where log = 'memory')
    and seq = (select max(seq) from mip_entries where log_id = (select id from mip_logs where log = 'memory'))`,
  'a signature is another one': 'update mip_entries set signature = randomblob(64) where seq = 3',
  'two entries changed places':
    "update mip_entries set seq = case seq when 4 then 1000000 else seq end where log_id = (select id from mip_logs where log = 'memory')",
  'a memory is lost': 'delete from cubes where cube_id = (select min(cube_id) from cubes)',
  'a posting is lost': 'delete from postings where seq = (select min(seq) from postings)',
  'a vector is lost': 'delete from embeddings where seq = (select min(seq) from embeddings)',
  'the subscription is behind': 'update mip_subscriptions set seq = seq - 1',
  'a memory of another origin':
    "update cubes set metadata = json_set(metadata, '$.originCid', 'x') where cube_id = (select max(cube_id) from cubes)",
  'a row of the audit log is another one':
    "update audit_log set operation = 'other' where id = (select min(id) from audit_log)",
}

/** Damages a database in every way, one after the other, and says which of them `faults` does not see. */
export async function unnoticed(edge: KilledEdge, faults: () => Promise<readonly string[]>): Promise<string[]> {
  await using whole = await tempDir()
  await cp(edge.home.path, whole.path, { recursive: true })
  const missed: string[] = []
  for (const [name, sql] of Object.entries(DAMAGE)) {
    const { database, close } = await openLibsql('default', `file:${join(edge.home.path, 'memos.db')}`)
    await database.batch([{ sql, params: [] }])
    await close()
    const found = await faults().catch((error: unknown) => [String(error)])
    if (found.length === 0) missed.push(name)
    await rm(edge.home.path, { recursive: true })
    await cp(whole.path, edge.home.path, { recursive: true })
  }
  if ((await faults()).length > 0) missed.push('a database that was put back is whole')
  return missed
}
