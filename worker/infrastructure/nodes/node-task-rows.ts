import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { NODE_TASK_KEPT_MS, NODE_TASK_LEASES_MAX } from '../../../schemas/limits-nodes.ts'
import type { NodeTaskState } from '../../../schemas/node-task.ts'
import { nodeTasks } from '../../../schemas/tables/nodes.ts'
import type { Database, Row } from '../../ports/database.ts'
import type { NodeTaskRow } from '../../ports/writes/nodes.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { rowShape, statement } from '../vault/sql.ts'

const ROWS_PER_CALL_MAX = 1000
const TASK = rowShape(nodeTasks, 't')
/** The tasks of an organisation that is being moved wait for it in the new place. */
const IS_OPEN = sql`org_id not in (select org_id from fences)`

/** Durable tasks of one organisation. */
export class NodeTaskRows {
  readonly #vault: OrgVault

  constructor(vault: OrgVault) {
    this.#vault = vault
  }

  /** @throws MemosError not_found */
  async get(id: string): Promise<NodeTaskRow> {
    const [row] = await this.#vault.orm
      .select()
      .from(nodeTasks)
      .where(this.#here(eq(nodeTasks.id, id)))
    if (row === undefined) throw new MemosError('not_found')
    return row
  }

  async byKey(idempotencyKey: string): Promise<NodeTaskRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(nodeTasks)
      .where(this.#here(eq(nodeTasks.idempotencyKey, idempotencyKey)))
    return row ?? null
  }

  /** Newest first, below the id `before`. */
  page(state: NodeTaskState | undefined, limit: number, before: string | null): Promise<NodeTaskRow[]> {
    return this.#vault.orm
      .select()
      .from(nodeTasks)
      .where(
        this.#here(
          state === undefined ? undefined : eq(nodeTasks.state, state),
          before === null ? undefined : lt(nodeTasks.id, before),
        ),
      )
      .orderBy(desc(nodeTasks.id))
      .limit(limit)
  }

  #here(...conditions: Parameters<typeof and>) {
    return and(eq(nodeTasks.orgId, this.#vault.organisation.id), ...conditions)
  }
}

/** Tasks of a database that wait for a node, the most urgent first, then the oldest. */
export async function queuedNodeTasks(database: Database, limit: number): Promise<NodeTaskRow[]> {
  const rows = await database.all(
    statement(sql`select ${TASK.columns} from node_tasks t where t.state = 'queued' and ${IS_OPEN}
      order by t.priority desc, t.id limit ${limit}`),
  )
  return rows.map(TASK.parse)
}

/**
 * Ends leases that are over: their edge has died or was cut off from the database. A task that has had so many that it must be what kills its
 * nodes has failed, the others go back to the queue.
 */
export async function reclaimNodeTasks(database: Database, nowMs: number): Promise<void> {
  const over = sql`state = 'leased' and lease_until_ms <= ${nowMs} and ${IS_OPEN}`
  // A select first: most looks find nothing, and a look must not take the write lock.
  const rows = await database.all(statement(sql`select id from node_tasks where ${over} limit 1`))
  if (rows.length === 0) return
  await database.all(
    statement(sql`update node_tasks set state = case when attempts >= ${NODE_TASK_LEASES_MAX} then 'failed' else 'queued' end,
        error = 'node_lost', node_id = null, lease = null, lease_until_ms = null, updated_at_ms = ${nowMs}
      where id in (select id from node_tasks where ${over} limit ${ROWS_PER_CALL_MAX})`),
  )
}

/** Forgets tasks that ended long ago. */
export const purgeNodeTasks = (database: Database, nowMs: number): Promise<Row[]> =>
  database.all(
    statement(sql`delete from node_tasks where id in (select id from node_tasks
      where state in ('done', 'failed', 'cancelled') and updated_at_ms < ${nowMs - NODE_TASK_KEPT_MS} and ${IS_OPEN} limit ${ROWS_PER_CALL_MAX})`),
  )

/** Tasks of a database by state, of those that have not ended. */
export async function openNodeTasks(database: Database): Promise<{ queued: number; leased: number }> {
  const [row] = await database.all(
    statement(
      sql`select (select count(*) from node_tasks where state = 'queued'), (select count(*) from node_tasks where state = 'leased')`,
    ),
  )
  return { queued: Number(row?.[0] ?? 0), leased: Number(row?.[1] ?? 0) }
}
