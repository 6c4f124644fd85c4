import { and, eq } from 'drizzle-orm'
import { MIP_HELLO_HEADS_MAX } from '../../../schemas/limits-mip.ts'
import { mipIdentities } from '../../../schemas/tables/mip.ts'
import type { MemVault } from '../vault/mem-vault.ts'

/** Which organisation of this deployment is whom among peers; in the default database, so that a log is found without a key. */
export class IdentityDirectory {
  readonly #vault: MemVault

  constructor(vault: MemVault) {
    this.#vault = vault
  }

  async didOf(orgId: string): Promise<string | null> {
    const [row] = await this.#vault.directoryOrm.select().from(mipIdentities).where(eq(mipIdentities.orgId, orgId))
    return row?.did ?? null
  }

  async orgOf(did: string): Promise<string | null> {
    const [row] = await this.#vault.directoryOrm.select().from(mipIdentities).where(eq(mipIdentities.did, did))
    return row?.orgId ?? null
  }

  /** The organisations that have an identity, the oldest first. */
  all(): Promise<{ did: string; orgId: string }[]> {
    return this.#vault.directoryOrm
      .select({ did: mipIdentities.did, orgId: mipIdentities.orgId })
      .from(mipIdentities)
      .orderBy(mipIdentities.createdAtMs)
      .limit(MIP_HELLO_HEADS_MAX)
  }

  /**
   * Says who an organisation is; the same again changes nothing. `replaces`: a name it had before and has signed nothing under. False: another
   * organisation has the name, or this one has another.
   */
  async claim(
    orgId: string,
    did: string,
    { nowMs, replaces }: { nowMs: number; replaces: string | null },
  ): Promise<boolean> {
    const { directoryOrm: orm } = this.#vault
    if (replaces !== null && replaces !== did)
      await orm.delete(mipIdentities).where(and(eq(mipIdentities.orgId, orgId), eq(mipIdentities.did, replaces)))
    await orm.insert(mipIdentities).values({ did, orgId, createdAtMs: nowMs }).onConflictDoNothing()
    return (await this.didOf(orgId)) === did
  }
}
