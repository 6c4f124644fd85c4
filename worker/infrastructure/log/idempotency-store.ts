import { and, eq, lt, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { IDEMPOTENCY_MS, REQUEST_MS_MAX } from '../../../schemas/limits.ts'
import { idempotency } from '../../../schemas/tables/log.ts'
import type { Database, Row } from '../../ports/database.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { statement } from '../vault/sql.ts'

export interface StoredAnswer {
  status: number
  response: string
}

/** Answers kept by Idempotency-Key, so that a retried POST has one effect and one answer. */
export class IdempotencyStore {
  readonly #vault: OrgVault
  readonly #orgId: string

  constructor(vault: OrgVault, orgId: string) {
    this.#vault = vault
    this.#orgId = orgId
  }

  /**
   * Claims a key for a request, or gives the answer that was kept for it. A claim whose process died is taken over after twice
   * REQUEST_MS_MAX; requests under a key end after REQUEST_MS_MAX.
   * @throws MemosError idempotency_conflict (another request), idempotency_in_progress
   */
  async claim(key: string, requestHash: string, nowMs: number): Promise<StoredAnswer | null> {
    const row = { orgId: this.#orgId, key, requestHash, status: 0, response: null, createdAtMs: nowMs }
    const expired = lt(
      idempotency.createdAtMs,
      sql`case when ${idempotency.status} = 0 then ${nowMs - 2 * REQUEST_MS_MAX} else ${nowMs - IDEMPOTENCY_MS} end`,
    )
    const claimed = await this.#vault.orm
      .insert(idempotency)
      .values(row)
      .onConflictDoUpdate({
        target: [idempotency.orgId, idempotency.key],
        set: { requestHash, status: 0, response: null, createdAtMs: nowMs },
        setWhere: expired,
      })
      .returning({ key: idempotency.key })
    if (claimed.length > 0) return null
    const [known] = await this.#vault.orm.select().from(idempotency).where(this.#is(key))
    if (known === undefined) return null
    if (known.requestHash !== requestHash)
      throw new MemosError('idempotency_conflict', {
        field: 'Idempotency-Key',
        expected: 'a new key for another request',
      })
    if (known.status === 0 || known.response === null)
      throw new MemosError('idempotency_in_progress', { retryAfterS: 1 })
    return { status: known.status, response: known.response }
  }

  /** Keeps the answer of a request whose write did not keep it in its own batch. */
  async finish(key: string, answer: StoredAnswer): Promise<void> {
    await this.#vault.orm.update(idempotency).set(answer).where(this.#is(key))
  }

  /** Frees the key of a request that failed: nothing was written, so a retry may run. */
  async release(key: string): Promise<void> {
    await this.#vault.orm.delete(idempotency).where(and(this.#is(key), eq(idempotency.status, 0)))
  }

  #is(key: string) {
    return and(eq(idempotency.orgId, this.#orgId), eq(idempotency.key, key))
  }
}

/** Forgets answers that are too old to be asked for, of every organisation in a database but those that are being moved. */
export const purgeIdempotency = (database: Database, nowMs: number): Promise<Row[]> =>
  database.all(
    statement(
      sql`delete from idempotency where created_at_ms < ${nowMs - IDEMPOTENCY_MS} and org_id not in (select org_id from fences)`,
    ),
  )
