import { eq, sql } from 'drizzle-orm'
import { type ChainedEntry, chainHashes, chainStart } from '../../../protocol/core/audit-chain.ts'
import { AUDIT_SEALED_ROWS_MAX, AUDIT_SEALS_PER_TICK_MAX } from '../../../schemas/limits.ts'
import { auditHeads } from '../../../schemas/tables/governance.ts'
import { type Database, GuardError, type Row } from '../../ports/database.ts'
import { guard, jsonChunks, openOrm, statement } from '../vault/sql.ts'

const COLUMNS = sql.raw(
  'id, hash, at_ms, request_id, caller, operation, outcome, namespace_id, memory_type, cube_count, cube_ids',
)
const HASHES_PER_STATEMENT_BYTES = 100_000

interface AuditRow extends ChainedEntry {
  id: number
  hash: string | null
}

const toAuditRow = ([
  id,
  hash,
  atMs,
  requestId,
  caller,
  operation,
  outcome,
  namespaceId,
  memoryType,
  cubeCount,
  cubeIds,
]: Row) =>
  ({
    id,
    hash,
    atMs,
    requestId,
    caller,
    operation,
    outcome,
    namespaceId,
    memoryType,
    cubeCount,
    cubeIds: JSON.parse(String(cubeIds)),
  }) as AuditRow

export type ChainHead = typeof auditHeads.$inferSelect

/** What a check of the chain found. */
export interface ChainReport {
  /** Rows that were hashed anew and found as they were sealed. */
  checked: number
  /** Rows written since the last seal: covered by the next one. */
  unsealed: number
  head: ChainHead | null
  /** The first row that is wrong, which `missing` has none of; null when there is no fault. */
  fault: { kind: 'altered' | 'unsealed_inside' | 'missing'; row: ChainedEntry | null } | null
}

/**
 * Tamper evidence for the audit log: each row carries a hash over the row before it, made in batches a moment after the rows were written
 * (a hash in the writing batch would make every writer of an organisation wait for the one before). The head tells how many rows there are,
 * so that a cut tail shows too. Whoever can rewrite the whole database can rewrite the chain: keep heads elsewhere (docs/concepts/governance.md).
 */
export class AuditChain {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Organisations with rows to seal, those on the move left out. */
  async unsealed(limit: number): Promise<string[]> {
    const rows = await this.#database.all(
      // From organisation to organisation by index seeks: one with many rows does not hide the others.
      statement(sql`with recursive o (id) as (select min(org_id) from audit_log where hash is null
        union all select (select min(a.org_id) from audit_log a where a.hash is null and a.org_id > o.id) from o where o.id is not null)
        select id from o where id is not null and id not in (select org_id from fences) limit ${limit}`),
    )
    return rows.map(([orgId]) => String(orgId))
  }

  /** Seals the oldest unsealed rows; how many. Of two that seal at once, one does and the other does nothing. */
  async seal(orgId: string, nowMs: number): Promise<number> {
    const head = await this.head(orgId)
    const rows = await this.#rows(orgId, sql`hash is null`, AUDIT_SEALED_ROWS_MAX)
    if (rows.length === 0) return 0
    const hashes = chainHashes(head?.hash ?? chainStart(orgId), rows)
    const sealed = rows.map(({ id }, at) => [id, hashes[at]])
    const rowCount = (head?.rowCount ?? 0) + rows.length
    try {
      await this.#database.batch([
        guard(sql`coalesce((select hash from audit_heads where org_id = ${orgId}), '') = ${head?.hash ?? ''}`),
        ...jsonChunks(sealed, HASHES_PER_STATEMENT_BYTES).map((chunk) =>
          // The plus keeps SQLite from walking the organisation's whole log for each row instead of the ids.
          statement(
            sql`update audit_log set hash = j.value->>1 from json_each(${chunk}) j where audit_log.id = j.value->>0 and +audit_log.org_id = ${orgId}`,
          ),
        ),
        statement(sql`insert into audit_heads (org_id, row_count, hash, sealed_at_ms) values (${orgId}, ${rowCount}, ${hashes.at(-1) ?? ''}, ${nowMs})
          on conflict (org_id) do update set row_count = excluded.row_count, hash = excluded.hash, sealed_at_ms = excluded.sealed_at_ms`),
      ])
      return rows.length
    } catch (error) {
      if (error instanceof GuardError) return 0
      throw error
    }
  }

  async head(orgId: string): Promise<ChainHead | null> {
    const [head] = await openOrm(this.#database).select().from(auditHeads).where(eq(auditHeads.orgId, orgId))
    return head ?? null
  }

  /** Hashes every sealed row anew, a page at a time, and compares with what the rows and the head say. */
  async verify(orgId: string, signal: AbortSignal): Promise<ChainReport> {
    const head = await this.head(orgId)
    let last = chainStart(orgId)
    let atHead = head === null ? last : null
    let checked = 0
    let unsealed = 0
    for (let after = 0; ; ) {
      signal.throwIfAborted()
      const rows = await this.#rows(orgId, sql`id > ${after}`, AUDIT_SEALED_ROWS_MAX)
      const hashes = chainHashes(last, rows)
      for (const [at, row] of rows.entries()) {
        const { hash } = row
        if (hash === null) unsealed += 1
        else if (unsealed > 0) return { checked, unsealed, head, fault: { kind: 'unsealed_inside', row } }
        else if (hash !== hashes[at]) return { checked, unsealed, head, fault: { kind: 'altered', row } }
        else checked += 1
        if (hash !== null && checked === head?.rowCount) atHead = hash
      }
      last = rows.findLast(({ hash }) => hash !== null)?.hash ?? last
      after = rows.at(-1)?.id ?? after
      if (rows.length < AUDIT_SEALED_ROWS_MAX) break
    }
    // Rows sealed while this walked lie behind the head that was read; without any head there may be none at all.
    const isWhole = head === null ? checked === 0 || (await this.head(orgId)) !== null : atHead === head.hash
    return { checked, unsealed, head, fault: isWhole ? null : { kind: 'missing', row: null } }
  }

  async #rows(orgId: string, condition: ReturnType<typeof sql>, limit: number): Promise<AuditRow[]> {
    const rows = await this.#database.all(
      statement(
        sql`select ${COLUMNS} from audit_log where org_id = ${orgId} and ${condition} order by id limit ${limit}`,
      ),
    )
    return rows.map(toAuditRow)
  }
}

/** Seals what was written since the last call, a bounded number of rows. */
export async function sealAudit(database: Database, nowMs: number): Promise<void> {
  const chain = new AuditChain(database)
  let batches = 0
  for (const orgId of await chain.unsealed(AUDIT_SEALS_PER_TICK_MAX)) {
    while (batches < AUDIT_SEALS_PER_TICK_MAX) {
      batches += 1
      if ((await chain.seal(orgId, nowMs)) < AUDIT_SEALED_ROWS_MAX) break
    }
  }
}
