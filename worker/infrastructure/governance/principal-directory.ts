import { and, asc, eq, gt, inArray } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { grants, namespaces, principals } from '../../../schemas/tables/tenancy.ts'
import type { SubjectKind } from '../../../schemas/vocabulary.ts'
import { UniqueError } from '../../ports/database.ts'
import type { PrincipalRow } from '../../ports/rows.ts'
import type { OrgVault } from '../vault/mem-vault.ts'

/** Users and agents of one organisation. */
export class PrincipalDirectory {
  readonly #vault: OrgVault
  readonly #orgId: string

  constructor(vault: OrgVault, orgId: string) {
    this.#vault = vault
    this.#orgId = orgId
  }

  /** @throws MemosError already_exists */
  async create(kind: SubjectKind, id: string, displayName: string | null, nowMs: number): Promise<PrincipalRow> {
    const row = { orgId: this.#orgId, kind, id, displayName, createdAtMs: nowMs }
    try {
      await this.#vault.orm.insert(principals).values(row)
      return row
    } catch (error) {
      throw isUnique(error)
        ? new MemosError('already_exists', { field: 'id', expected: `an id that no ${kind} has` }, { cause: error })
        : error
    }
  }

  page(kind: SubjectKind, limit: number, after: string | null): Promise<PrincipalRow[]> {
    const here = and(eq(principals.orgId, this.#orgId), eq(principals.kind, kind))
    return this.#vault.orm
      .select()
      .from(principals)
      .where(after === null ? here : and(here, gt(principals.id, after)))
      .orderBy(asc(principals.id))
      .limit(limit)
  }

  /** Removes a subject and what was granted to it. Answers whether it was registered. */
  async remove(kind: SubjectKind, id: string): Promise<boolean> {
    const removed = await this.#vault.orm
      .delete(principals)
      .where(and(eq(principals.orgId, this.#orgId), eq(principals.kind, kind), eq(principals.id, id)))
      .returning({ id: principals.id })
    const own = this.#vault.orm.select({ id: namespaces.id }).from(namespaces).where(eq(namespaces.orgId, this.#orgId))
    await this.#vault.orm
      .delete(grants)
      .where(and(inArray(grants.namespaceId, own), eq(grants.subjectKind, kind), eq(grants.subjectId, id)))
    return removed.length > 0
  }
}

/** drizzle wraps what the driver threw. */
export const isUnique = (error: unknown): boolean =>
  error instanceof UniqueError || (error instanceof Error && error.cause instanceof UniqueError)
