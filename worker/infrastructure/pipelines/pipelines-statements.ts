import { and, eq, sql } from 'drizzle-orm'
import { outbox, pipelineRuns, pipelines } from '../../../schemas/tables/pipelines.ts'
import type { PipelineWrite } from '../../ports/writes/pipelines.ts'
import { builder, guard, statementOf } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const pipelinesStatements: StatementsFor<PipelineWrite> = {
  put_pipeline: (orgId, { name, definition, caller, atMs, pipelinesMax }) => [
    guard(sql`select count(*) < ${pipelinesMax} from pipelines where org_id = ${orgId} and name != ${name}`),
    statementOf(
      builder
        .insert(pipelines)
        .values({ orgId, name, definition, createdBy: caller, createdAtMs: atMs, updatedAtMs: atMs })
        .onConflictDoUpdate({ target: [pipelines.orgId, pipelines.name], set: { definition, updatedAtMs: atMs } }),
    ),
  ],
  delete_pipeline: (orgId, { name }) => [
    statementOf(builder.delete(pipelines).where(and(eq(pipelines.orgId, orgId), eq(pipelines.name, name)))),
  ],
  insert_run: (orgId, { run }) => [statementOf(builder.insert(pipelineRuns).values({ ...run, orgId }))],
  insert_effects: (_, { effects }) => effects.map((effect) => statementOf(builder.insert(outbox).values(effect))),
  retry_effect: (orgId, { id, atMs }) => [
    guard(sql`select count(*) = 1 from outbox where id = ${id} and org_id = ${orgId} and state = 'failed'`),
    statementOf(
      builder
        .update(outbox)
        .set({ state: 'waiting', attempts: 0, nextAtMs: atMs, error: null })
        .where(eq(outbox.id, id)),
    ),
  ],
}
