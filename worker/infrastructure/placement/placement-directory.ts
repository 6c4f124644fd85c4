import { and, eq, isNull, or } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { organisations } from '../../../schemas/tables/directory.ts'
import type { OrganisationRow } from '../../ports/rows.ts'
import type { MemVault } from '../vault/mem-vault.ts'

/** The directory rows of organisations as moves change them: every change is one statement that says what it expects to find. */
export class PlacementDirectory {
  readonly #vault: MemVault

  constructor(vault: MemVault) {
    this.#vault = vault
  }

  /** @throws MemosError not_found */
  async get(orgId: string): Promise<OrganisationRow> {
    const [row] = await this.#vault.directoryOrm.select().from(organisations).where(eq(organisations.id, orgId))
    if (row === undefined) throw new MemosError('not_found')
    return row
  }

  /** Makes an organisation this move's, unless it is another's. */
  begin(orgId: string, moveId: string, from: string): Promise<boolean> {
    const isFree = or(isNull(organisations.moveId), eq(organisations.moveId, moveId))
    return this.#change(orgId, and(eq(organisations.database, from), isFree), { state: 'moving', moveId })
  }

  /** Reads go to the target from here on; writes wait until every placement that was read before has run out. */
  place(orgId: string, moveId: string, from: string, to: string): Promise<boolean> {
    return this.#change(orgId, and(eq(organisations.database, from), eq(organisations.moveId, moveId)), {
      database: to,
    })
  }

  finish(orgId: string, moveId: string): Promise<boolean> {
    return this.#change(orgId, eq(organisations.moveId, moveId), { state: 'active', moveId: null })
  }

  /** Takes the organisation from a move that has not placed it: that move can do so no more. */
  disown(orgId: string, moveId: string, from: string): Promise<boolean> {
    return this.#change(orgId, and(eq(organisations.database, from), eq(organisations.moveId, moveId)), {
      moveId: null,
    })
  }

  /** Ends the state `moving` of an organisation that no move owns. */
  settle(orgId: string): Promise<boolean> {
    return this.#change(orgId, isNull(organisations.moveId), { state: 'active' })
  }

  async #change(
    orgId: string,
    expected: ReturnType<typeof and>,
    change: Partial<Pick<OrganisationRow, 'database' | 'state' | 'moveId'>>,
  ): Promise<boolean> {
    const changed = await this.#vault.directoryOrm
      .update(organisations)
      .set(change)
      .where(and(eq(organisations.id, orgId), expected))
      .returning({ id: organisations.id })
    this.#vault.forget(orgId)
    return changed.length > 0
  }
}
