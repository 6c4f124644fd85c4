import { and, asc, eq, sql } from 'drizzle-orm'
import { TASK_LEASE_MS } from '../../../schemas/limits.ts'
import { mipErasures, mipReceipts } from '../../../schemas/tables/mip.ts'
import type { Database } from '../../ports/database.ts'
import type { MipErasureRow, MipReceiptRow } from '../../ports/writes/mip.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { rowShape, statement } from '../vault/sql.ts'

const RECEIPT = rowShape(mipReceipts, 'r')

/** What was erased here, and the receipts of others for what was revoked here. For keys of the whole organisation. */
export class ReceiptRows {
  readonly #vault: OrgVault

  constructor(vault: OrgVault) {
    this.#vault = vault
  }

  /** Receipts of others, by cube, revocation and organisation, behind `after` (the three, with a blank between). */
  async received(limit: number, { after, cube }: { after: string | null; cube?: string }): Promise<MipReceiptRow[]> {
    const [afterCube = '', revoke = '', did = ''] = (after ?? '').split(' ')
    const which = cube === undefined ? sql`1` : sql`r.cube = ${cube}`
    const rows = await this.#vault.database.all(
      statement(sql`select ${RECEIPT.columns} from mip_receipts r where r.org_id = ${this.#vault.organisation.id} and ${which}
        and (r.cube, r.revoke, r.did) > (${afterCube}, ${revoke}, ${did}) order by r.cube, r.revoke, r.did limit ${limit}`),
    )
    return rows.map(RECEIPT.parse)
  }

  async receipt(revoke: string, did: string): Promise<MipReceiptRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(mipReceipts)
      .where(
        and(
          eq(mipReceipts.orgId, this.#vault.organisation.id),
          eq(mipReceipts.revoke, revoke),
          eq(mipReceipts.did, did),
        ),
      )
    return row ?? null
  }

  /** What was erased here, by revocation, behind `after`; one of them by `revoke`. */
  erasures(limit: number, { after = '', revoke }: { after?: string; revoke?: string }): Promise<MipErasureRow[]> {
    return this.#vault.orm
      .select()
      .from(mipErasures)
      .where(
        and(
          eq(mipErasures.orgId, this.#vault.organisation.id),
          revoke === undefined ? sql`${mipErasures.revoke} > ${after}` : eq(mipErasures.revoke, revoke),
        ),
      )
      .orderBy(asc(mipErasures.revoke))
      .limit(limit)
  }
}

export interface DueErasure {
  orgId: string
  revoke: string
}

/** Claims erasures whose receipt is on its way, those of organisations on the move aside. What is not finished is due again when its claim runs out. */
export async function claimErasures(database: Database, nowMs: number, limit: number): Promise<DueErasure[]> {
  // A select first: most looks find nothing, and a look must not take the write lock.
  const due = await database.all(
    statement(sql`select org_id, revoke from mip_erasures where answer is null and next_at_ms <= ${nowMs}
      and org_id not in (select org_id from fences) order by next_at_ms limit ${limit}`),
  )
  const claimed: DueErasure[] = []
  for (const [orgId, revoke] of due) {
    const rows = await database.all(
      statement(sql`update mip_erasures set next_at_ms = ${nowMs + TASK_LEASE_MS}
        where org_id = ${orgId} and revoke = ${revoke} and answer is null and next_at_ms <= ${nowMs} returning 1`),
    )
    if (rows.length > 0) claimed.push({ orgId: String(orgId), revoke: String(revoke) })
  }
  return claimed
}
