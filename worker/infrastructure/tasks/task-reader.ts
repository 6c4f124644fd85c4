import { and, desc, eq, lt } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { tasks } from '../../../schemas/tables/log.ts'
import type { TaskRow } from '../../../schemas/tables/row-types.ts'
import type { TaskState } from '../../../schemas/vocabulary.ts'
import type { OrgVault } from '../vault/mem-vault.ts'

/** Background tasks of one organisation. */
export class TaskReader {
  readonly #vault: OrgVault
  readonly #orgId: string

  constructor(vault: OrgVault, orgId: string) {
    this.#vault = vault
    this.#orgId = orgId
  }

  /** @throws MemosError not_found */
  async get(id: string): Promise<TaskRow> {
    const [task] = await this.#vault.orm
      .select()
      .from(tasks)
      .where(and(eq(tasks.orgId, this.#orgId), eq(tasks.id, id)))
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
          eq(tasks.orgId, this.#orgId),
          state === undefined ? undefined : eq(tasks.state, state),
          before === null ? undefined : lt(tasks.id, before),
        ),
      )
      .orderBy(desc(tasks.id))
      .limit(limit)
  }
}
