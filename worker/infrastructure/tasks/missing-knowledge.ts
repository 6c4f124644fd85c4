import { sql } from 'drizzle-orm'
import { tasks } from '../../../schemas/tables/log.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { Database } from '../../ports/database.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { fenceCheck } from '../placement/fence.ts'
import { builder, statement, statementOf } from '../vault/sql.ts'

/** Namespaces that one look plans work for; the next look takes the next ones. */
const NAMESPACES_PER_LOOK_MAX = 200

/** A namespace whose last task failed with all its attempts is left alone this long. */
const FAILED_REST_MS = 60 * 60 * 1000

/** Plans a task for every namespace with cubes that nobody read for entities and facts yet, where that is wanted and none is under way. */
export async function planMissingKnowledge(database: Database, kind: string, runtime: Runtime): Promise<void> {
  const now = runtime.nowMs()
  const behind = await database.all(
    statement(sql`select n.id, n.org_id from namespaces n
      where (n.knowledge_seq < n.next_seq - 1 or exists (select 1 from stale_knowledge s where s.namespace_id = n.id))
        and n.org_id not in (select org_id from fences) and coalesce(n.settings->>'$.knowledge.extract', 1) != 0
        and not exists (select 1 from tasks t where t.namespace_id = n.id and t.kind = ${kind}
          and (t.state in ('queued', 'running') or (t.state = 'failed' and t.updated_at_ms > ${now - FAILED_REST_MS})))
      limit ${NAMESPACES_PER_LOOK_MAX}`),
  )
  await database.batch(
    behind.flatMap(([namespaceId, orgId]) => [
      fenceCheck(String(orgId)),
      statementOf(
        builder.insert(tasks).values({
          id: ulid(now, runtime.randomBytes),
          orgId: String(orgId),
          namespaceId: Number(namespaceId),
          kind,
          state: 'queued',
          input: {},
          createdAtMs: now,
          updatedAtMs: now,
        }),
      ),
    ]),
  )
}
