import { eq, sql } from 'drizzle-orm'
import { nodeTasks } from '../../../schemas/tables/nodes.ts'
import type { NodeWrite } from '../../ports/writes/nodes.ts'
import { builder, guard, statementOf } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

const FREE = { nodeId: null, lease: null, leaseUntilMs: null }

/** Statements of each decision, in the order in which they must run. */
export const nodeStatements: StatementsFor<NodeWrite> = {
  insert_node_task: (orgId, { task, openMax }) => [
    guard(sql`select count(*) < ${openMax} from node_tasks where org_id = ${orgId} and state in ('queued', 'leased')`),
    statementOf(builder.insert(nodeTasks).values({ ...task, orgId })),
  ],
  lease_node_task: (orgId, { taskId, nodeId, lease, leaseUntilMs, atMs }) => [
    guard(sql`select state = 'queued' from node_tasks where id = ${taskId} and org_id = ${orgId}`),
    statementOf(
      builder
        .update(nodeTasks)
        .set({
          ...{ state: 'leased', nodeId, lease, leaseUntilMs, updatedAtMs: atMs },
          attempts: sql`${nodeTasks.attempts} + 1`,
        })
        .where(eq(nodeTasks.id, taskId)),
    ),
  ],
  renew_node_task: (orgId, { taskId, lease, leaseUntilMs, atMs }) => [
    guard(isLeased(orgId, taskId, lease)),
    statementOf(builder.update(nodeTasks).set({ leaseUntilMs, updatedAtMs: atMs }).where(eq(nodeTasks.id, taskId))),
  ],
  end_node_task: (orgId, { taskId, lease, end, atMs }) => [
    guard(isLeased(orgId, taskId, lease)),
    statementOf(
      builder
        .update(nodeTasks)
        .set({
          ...(end.state === 'queued' && FREE),
          lease: null,
          leaseUntilMs: null,
          error: null,
          ...end,
          updatedAtMs: atMs,
        })
        .where(eq(nodeTasks.id, taskId)),
    ),
  ],
  cancel_node_task: (orgId, { taskId, atMs }) => [
    guard(sql`select state in ('queued', 'leased') from node_tasks where id = ${taskId} and org_id = ${orgId}`),
    statementOf(
      builder
        .update(nodeTasks)
        .set({ lease: null, leaseUntilMs: null, state: 'cancelled', error: 'cancelled', updatedAtMs: atMs })
        .where(eq(nodeTasks.id, taskId)),
    ),
  ],
}

const isLeased = (orgId: string, taskId: string, lease: string) =>
  sql`select state = 'leased' and lease = ${lease} from node_tasks where id = ${taskId} and org_id = ${orgId}`
