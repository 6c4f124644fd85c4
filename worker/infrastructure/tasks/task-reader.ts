import { and, desc, eq, lt, type SQL, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { tasks } from '../../../schemas/tables/log.ts'
import type { TaskState } from '../../../schemas/vocabulary.ts'
import { isNarrowed, type Principal } from '../../ports/principal.ts'
import type { TaskRow } from '../../ports/rows.ts'
import { reachableNamespaces } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson } from '../vault/sql.ts'

/** Background tasks of the namespaces that a principal may use. Others are as absent as those that do not exist. */
export class TaskReader {
  readonly #vault: OrgVault
  readonly #principal: Principal

  constructor(vault: OrgVault, principal: Principal) {
    this.#vault = vault
    this.#principal = principal
  }

  /** @throws MemosError not_found */
  async get(id: string, access: 'read' | 'write' = 'read'): Promise<TaskRow> {
    const [task] = await this.#vault.orm
      .select()
      .from(tasks)
      .where(and(this.#allowed(access), eq(tasks.id, id)))
    if (task === undefined) throw new MemosError('not_found')
    return task
  }

  /** Newest first, below the id `before`. */
  page(state: TaskState | undefined, limit: number, before: string | null): Promise<TaskRow[]> {
    return this.#vault.orm
      .select()
      .from(tasks)
      .where(
        and(
          this.#allowed('read'),
          state === undefined ? undefined : eq(tasks.state, state),
          before === null ? undefined : lt(tasks.id, before),
        ),
      )
      .orderBy(desc(tasks.id))
      .limit(limit)
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

  #allowed(access: 'read' | 'write'): SQL | undefined {
    const here = eq(tasks.orgId, this.#principal.orgId)
    return isNarrowed(this.#principal)
      ? and(here, sql`${tasks.namespaceId} in ${reachableNamespaces(this.#principal, access)}`)
      : here
  }
}
