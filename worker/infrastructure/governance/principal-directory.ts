import { and, asc, eq, gt, inArray, type SQL } from 'drizzle-orm'
import type { Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { grants, namespaces, principals } from '../../../schemas/tables/tenancy.ts'
import type { SubjectKind } from '../../../schemas/vocabulary.ts'
import { UniqueError } from '../../ports/database.ts'
import type { PrincipalRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { builder, statementOf } from '../vault/sql.ts'
import { statementsOf } from '../vault/write-statements.ts'

/** Users and agents of one organisation. */
export class PrincipalDirectory {
  readonly #vault: OrgVault
  readonly #orgId: string

  constructor(vault: OrgVault, orgId: string) {
    this.#vault = vault
    this.#orgId = orgId
  }

  /** `audit` is written in the same batch. @throws MemosError already_exists */
  async create(
    { kind, id }: Subject,
    displayName: string | null,
    nowMs: number,
    audit: VaultWrite,
  ): Promise<PrincipalRow> {
    const row = { orgId: this.#orgId, kind, id, displayName, createdAtMs: nowMs }
    try {
      await this.#vault.database.batch([
        statementOf(builder.insert(principals).values(row)),
        ...statementsOf(this.#orgId, audit),
      ])
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

  /** Whether a subject is registered or something was granted to it. */
  async isKnown({ kind, id }: Subject): Promise<boolean> {
    const { orm } = this.#vault
    const [registered, granted] = await Promise.all([
      orm.select({ id: principals.id }).from(principals).where(this.#is({ kind, id })).limit(1),
      orm.select({ id: grants.subjectId }).from(grants).where(this.#grantsOf({ kind, id })).limit(1),
    ])
    return registered.length + granted.length > 0
  }

  /** Removes a subject and what was granted to it, with `audit` in the same batch. */
  async remove(subject: Subject, audit: VaultWrite): Promise<void> {
    await this.#vault.database.batch([
      statementOf(builder.delete(grants).where(this.#grantsOf(subject))),
      statementOf(builder.delete(principals).where(this.#is(subject))),
      ...statementsOf(this.#orgId, audit),
    ])
  }

  #is({ kind, id }: Subject): SQL | undefined {
    return and(eq(principals.orgId, this.#orgId), eq(principals.kind, kind), eq(principals.id, id))
  }

  #grantsOf({ kind, id }: Subject): SQL | undefined {
    const own = builder.select({ id: namespaces.id }).from(namespaces).where(eq(namespaces.orgId, this.#orgId))
    return and(inArray(grants.namespaceId, own), eq(grants.subjectKind, kind), eq(grants.subjectId, id))
  }
}

/** drizzle wraps what the driver threw. */
export const isUnique = (error: unknown): boolean =>
  error instanceof UniqueError || (error instanceof Error && error.cause instanceof UniqueError)
