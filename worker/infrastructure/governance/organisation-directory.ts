import { asc, gt } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { apiKeys, organisations } from '../../../schemas/tables/directory.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { ApiKeyRow, OrganisationRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { builder, statementOf } from '../vault/sql.ts'
import { DEFAULT_ORGANISATION } from './key-ring.ts'
import { isUnique } from './principal-directory.ts'

/** Organisations of a deployment, kept in the default database. */
export class OrganisationDirectory {
  readonly #vault: MemVault
  readonly #runtime: Runtime

  constructor({ vault, runtime }: { vault: MemVault; runtime: Runtime }) {
    this.#vault = vault
    this.#runtime = runtime
  }

  /** Makes the organisation that the root key acts in unless it names another. Safe to call at every start. */
  async ensureDefault(): Promise<void> {
    const row = this.#row(DEFAULT_ORGANISATION, { name: DEFAULT_ORGANISATION, database: 'default', cubesMax: null })
    await this.#vault.directoryOrm.insert(organisations).values(row).onConflictDoNothing()
  }

  /** @throws MemosError invalid_request (no such database) */
  newRow(request: { name: string; database: string; cubesMax?: number | undefined }): OrganisationRow {
    if (!this.#vault.databaseNames.includes(request.database)) {
      throw new MemosError('invalid_request', {
        field: 'database',
        expected: `one of ${this.#vault.databaseNames.join(', ')}`,
      })
    }
    const id = ulid(this.#runtime.nowMs(), this.#runtime.randomBytes)
    return this.#row(id, { ...request, cubesMax: request.cubesMax ?? null })
  }

  /** Makes an organisation and its first keys in one batch. @throws MemosError already_exists */
  async insert(row: OrganisationRow, keys: readonly ApiKeyRow[]): Promise<void> {
    try {
      await this.#vault.directory.batch([
        statementOf(builder.insert(organisations).values(row)),
        ...keys.map((key) => statementOf(builder.insert(apiKeys).values(key))),
      ])
    } catch (error) {
      throw isUnique(error) ? new MemosError('already_exists', {}, { cause: error }) : error
    }
  }

  page(limit: number, after: string | null): Promise<OrganisationRow[]> {
    return this.#vault.directoryOrm
      .select()
      .from(organisations)
      .where(after === null ? undefined : gt(organisations.id, after))
      .orderBy(asc(organisations.id))
      .limit(limit)
  }

  #row(
    id: string,
    { name, database, cubesMax }: { name: string; database: string; cubesMax: number | null },
  ): OrganisationRow {
    return { id, name, database, state: 'active', moveId: null, cubesMax, createdAtMs: this.#runtime.nowMs() }
  }
}
