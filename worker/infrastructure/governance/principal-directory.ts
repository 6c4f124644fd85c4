import { and, asc, eq, gt, type SQL } from 'drizzle-orm'
import type { Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { principals } from '../../../schemas/tables/tenancy.ts'
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

  /** Removes a subject, what was granted to it and the roles it held, with `audit` in the same batch. */
  async remove(subject: Subject, audit: VaultWrite): Promise<void> {
    const forget: VaultWrite = { kind: 'forget_subject', subjectKind: subject.kind, subjectId: subject.id }
    await this.#vault.database.batch([
      ...statementsOf(this.#orgId, forget),
      statementOf(builder.delete(principals).where(this.#is(subject))),
      ...statementsOf(this.#orgId, audit),
    ])
  }

  #is({ kind, id }: Subject): SQL | undefined {
    return and(eq(principals.orgId, this.#orgId), eq(principals.kind, kind), eq(principals.id, id))
  }
}

/** drizzle wraps what the driver threw. */
export const isUnique = (error: unknown): boolean =>
  error instanceof UniqueError || (error instanceof Error && error.cause instanceof UniqueError)
