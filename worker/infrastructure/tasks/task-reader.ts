import { and, desc, eq, lt, type SQL, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { tasks } from '../../../schemas/tables/log.ts'
import type { TaskState } from '../../../schemas/vocabulary.ts'
import { isNarrowed, type Principal } from '../../ports/principal.ts'
import type { TaskRow } from '../../ports/rows.ts'
import { reachableNamespaces } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'

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

  #allowed(access: 'read' | 'write'): SQL | undefined {
    const here = eq(tasks.orgId, this.#principal.orgId)
    return isNarrowed(this.#principal)
      ? and(here, sql`${tasks.namespaceId} in ${reachableNamespaces(this.#principal, access)}`)
      : here
  }
}
