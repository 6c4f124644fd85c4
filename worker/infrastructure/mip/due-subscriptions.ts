import { sql } from 'drizzle-orm'
import { TASK_LEASE_MS } from '../../../schemas/limits.ts'
import type { Database } from '../../ports/database.ts'
import type { HeadHints } from '../../ports/mip.ts'
import { inJson, statement } from '../vault/sql.ts'
import { needsReview } from './followed-reader.ts'

export interface DueSubscription {
  orgId: string
  id: string
}

/**
 * Claims the subscriptions of a database that have been due the longest, those that a fork has stopped among them, those of organisations on the move aside. Of two looks at once each
 * gets its own; what is not finished is due again when its claim runs out.
 */
export async function claimSubscriptions(database: Database, nowMs: number, limit: number): Promise<DueSubscription[]> {
  // A select first: most looks find nothing, and a look must not take the write lock.
  const due = await database.all(
    statement(sql`select id from mip_subscriptions where state in ('active', 'stopped') and next_at_ms <= ${nowMs}
      and org_id not in (select org_id from fences) order by next_at_ms limit ${limit}`),
  )
  if (due.length === 0) return []
  const claimed = await database.all(
    statement(sql`update mip_subscriptions set next_at_ms = ${nowMs + TASK_LEASE_MS}
      where id in ${inJson(due.map(([id]) => String(id)))} and next_at_ms <= ${nowMs} returning org_id, id`),
  )
  return claimed.map(([orgId, id]) => ({ orgId: String(orgId), id: String(id) }))
}

/** Logs that are followed, and the https addresses of their publishers (in closed networks http too); of peers that are named with an address. */
export async function tailsToKeep(
  database: Database,
  limit: number,
  { allowPrivate }: { allowPrivate: boolean },
): Promise<{ did: string; log: string; url: string }[]> {
  const rows = await database.all(
    statement(sql`select distinct s.did, s.log, a.value from mip_subscriptions s join mip_peers p on p.org_id = s.org_id and p.did = s.did
      cross join json_each(p.addresses) a where s.state = 'active' and p.tier != 'blocked' and (a.value like 'https://%' or (${allowPrivate ? 1 : 0} and a.value like 'http://%')) limit ${limit}`),
  )
  return rows.map(([did, log, url]) => ({ did: String(did), log: String(log), url: String(url) }))
}

/** Organisations with foreign memory that stands otherwise than the trust in its publisher says. */
export async function organisationsToReview(
  database: Database,
  missingBeforeMs: number,
  limit: number,
): Promise<string[]> {
  const rows = await database.all(
    statement(sql`select distinct i.org_id from mip_ingested i left join mip_peers p on p.org_id = i.org_id and p.did = i.did
      where i.org_id not in (select org_id from fences) and ${needsReview(missingBeforeMs)} limit ${limit}`),
  )
  return rows.map(([orgId]) => String(orgId))
}

/** Makes subscriptions due when somebody says that a log has gone on. */
export function mipHints(databases: ReadonlyMap<string, Database>, nowMs: () => number): HeadHints {
  return {
    async headSeen(did, log, epoch, seq) {
      for (const database of databases.values()) {
        const behind = await database.all(
          statement(sql`select id from mip_subscriptions where did = ${did} and log = ${log} and next_at_ms > ${nowMs()}
            and ((state = 'active' and (epoch, seq) < (${epoch}, ${seq}) and attempts = 0) or (state = 'stopped' and epoch < ${epoch}))`),
        )
        if (behind.length === 0) continue
        await database.batch([
          statement(
            sql`update mip_subscriptions set next_at_ms = ${nowMs()} where id in ${inJson(behind.map(([id]) => String(id)))}`,
          ),
        ])
      }
    },
  }
}
