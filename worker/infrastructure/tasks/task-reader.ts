import { and, desc, eq, getTableColumns, lt, type SQL, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { tasks } from '../../../schemas/tables/log.ts'
import type { TaskState } from '../../../schemas/vocabulary.ts'
import { isNarrowed, type Principal } from '../../ports/principal.ts'
import type { TaskRow } from '../../ports/rows.ts'
import { namespaceClearance, reachableNamespaces } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson } from '../vault/sql.ts'

/** A task without its numbers where they count cubes that the caller may not read. */
export type ShownTask = Omit<TaskRow, 'progress'> & { progress: number | null }

/** Background tasks of the namespaces that a principal may use. Others are as absent as those that do not exist. */
export class TaskReader {
  readonly #vault: OrgVault
  readonly #principal: Principal

  constructor(vault: OrgVault, principal: Principal) {
    this.#vault = vault
    this.#principal = principal
  }

  /** @throws MemosError not_found */
  async get(id: string, access: 'read' | 'write' = 'read'): Promise<ShownTask> {
    const [task] = await this.#shown(and(this.#allowed(access), eq(tasks.id, id)), 1)
    if (task === undefined) throw new MemosError('not_found')
    return task
  }

  /** Newest first, below the id `before`. */
  page(state: TaskState | undefined, limit: number, before: string | null): Promise<ShownTask[]> {
    const where = and(
      this.#allowed('read'),
      state === undefined ? undefined : eq(tasks.state, state),
      before === null ? undefined : lt(tasks.id, before),
    )
    return this.#shown(where, limit)
  }

  /** Tasks of a namespace that wait, of the given kinds, the first planned first. */
  waiting(namespaceId: number, kinds: readonly string[], limit: number): Promise<TaskRow[]> {
    return this.#vault.orm
      .select()
      .from(tasks)
      .where(
        and(
          this.#allowed('read'),
          eq(tasks.namespaceId, namespaceId),
          eq(tasks.state, 'queued'),
          sql`${tasks.kind} in ${inJson(kinds)}`,
        ),
      )
      .orderBy(tasks.createdAtMs, tasks.id)
      .limit(limit)
  }

  /** Those of the given tasks that have come to an end, unless the system itself dropped them. */
  async endedAmong(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set()
    const rows = await this.#vault.orm
      .select({ id: tasks.id })
      .from(tasks)
      .where(
        and(
          this.#allowed('read'),
          sql`${tasks.id} in ${inJson(ids)}`,
          sql`${tasks.state} != 'queued' and not (${tasks.state} = 'cancelled' and ${tasks.error} is not null)`,
        ),
      )
    return new Set(rows.map(({ id }) => id))
  }

  /** Newest first. A task works on all cubes of its namespace and counts them as one, so its numbers are for who may read all of them. */
  async #shown(where: SQL | undefined, limit: number): Promise<ShownTask[]> {
    const clearance = namespaceClearance(this.#principal, 'secret')
    const isTold =
      this.#principal.subject === null
        ? clearance
        : sql`exists (select 1 from namespaces n where n.id = ${tasks.namespaceId} and ${clearance})`
    const rows = await this.#vault.orm
      .select({ ...getTableColumns(tasks), isTold: sql<number>`${isTold}`.as('is_told') })
      .from(tasks)
      .where(where)
      .orderBy(desc(tasks.id))
      .limit(limit)
    return rows.map(({ isTold, ...task }) => (isTold === 1 ? task : { ...task, progress: null, total: null }))
  }

  #allowed(access: 'read' | 'write'): SQL | undefined {
    const here = eq(tasks.orgId, this.#principal.orgId)
    return isNarrowed(this.#principal)
      ? and(here, sql`${tasks.namespaceId} in ${reachableNamespaces(this.#principal, access)}`)
      : here
  }
}
