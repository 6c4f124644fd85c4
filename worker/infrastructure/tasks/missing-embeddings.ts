import { sql } from 'drizzle-orm'
import { tasks } from '../../../schemas/tables/log.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { Database } from '../../ports/database.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { fenceCheck } from '../placement/fence.ts'
import { builder, statement, statementOf } from '../vault/sql.ts'

/** Namespaces that one look plans work for; the next look takes the next ones. */
const NAMESPACES_PER_LOOK_MAX = 200

/** A namespace whose last task failed with all its attempts is left alone this long: the model is likely to fail again. */
const FAILED_REST_MS = 60 * 60 * 1000

/**
 * Plans a task for every namespace whose vectors of a model are behind its cubes, or that still holds vectors of another model, and for which
 * none is under way. This is how a new model reaches what was written before it, and how work comes back that a crash or a restored backup lost.
 */
export async function planMissingEmbeddings(
  database: Database,
  { kind, model }: { kind: string; model: string },
  runtime: Runtime,
): Promise<void> {
  const now = runtime.nowMs()
  const failed = sql`select f.namespace_id from tasks f where f.state = 'failed' and f.kind = ${kind} and f.updated_at_ms > ${now - FAILED_REST_MS}
    and f.namespace_id is not null and f.input->>'model' = ${model}`
  const behind = await database.all(
    statement(sql`select n.id, n.org_id from namespaces n left join vector_spaces v on v.namespace_id = n.id and v.model = ${model}
      where n.cube_count > 0 and n.org_id not in (select org_id from fences) and (coalesce(v.built_seq, 0) < n.next_seq - 1
        or exists (select 1 from vector_spaces o where o.namespace_id = n.id and o.model != ${model} and o.model not like 'caller:%'))
        and not exists (select 1 from tasks t where t.namespace_id = n.id and t.kind = ${kind} and t.state in ('queued', 'running'))
        and n.id not in (${failed})
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
          input: { model },
          createdAtMs: now,
          updatedAtMs: now,
        }),
      ),
    ]),
  )
}
