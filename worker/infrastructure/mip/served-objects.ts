import { sql } from 'drizzle-orm'
import { codecOf } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Database } from '../../ports/database.ts'
import { statement } from '../vault/sql.ts'

/** An object that a served log has named. */
export interface ServedObject {
  orgId: string
  cid: Cid
  cube: string | null
  /** Empty where the bytes lie in the blob store. */
  bytes: Uint8Array
}

/**
 * Those of some objects that logs served here name and that nobody has revoked. Without `mirrors` only the logs that organisations of this
 * deployment write themselves count: an address alone gives away nothing that was not published.
 */
export async function servedObjects(
  database: Database,
  cids: readonly string[],
  { mirrors }: { mirrors: boolean },
): Promise<ServedObject[]> {
  if (cids.length === 0) return []
  const role = mirrors ? sql`1` : sql`l.role = 'own'`
  const rows = await database.all(
    statement(sql`select o.org_id, o.cid, o.cube, o.bytes from json_each(${JSON.stringify(cids)}) j
      cross join mip_objects o on o.cid = j.value
      where exists (select 1 from mip_logs l where l.org_id = o.org_id and l.did = o.did and ${role})
      and not exists (select 1 from mip_denied d where d.org_id = o.org_id and d.did = o.did and d.subject in (o.cid, o.cube))`),
  )
  return rows.map(([orgId, cid, cube, bytes]) => ({
    orgId: String(orgId),
    cid: cid as Cid,
    cube: cube === '' ? null : String(cube),
    bytes: new Uint8Array(bytes as Uint8Array),
  }))
}

/** Whether an address names an object, which is small and served whole; others are served in parts. */
export const isObject = (cid: Cid): boolean => codecOf(cid) === 'object'
