import { and, asc, desc, eq, getTableColumns, gt, gte, lt, lte, type SQL, sql } from 'drizzle-orm'
import { auditLog, usage } from '../../../schemas/tables/log.ts'
import { namespaces } from '../../../schemas/tables/tenancy.ts'
import { isNarrowed, type Principal } from '../../ports/principal.ts'
import type { AuditRow } from '../../ports/rows.ts'
import { cubeReach, KNOWN_SENSITIVITY, reachableNamespaces } from '../governance/access-sql.ts'
import { isHidden, SENSITIVE_CUBES } from '../governance/count-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { statement } from '../vault/sql.ts'

export interface LogQuery {
  fromMs: number | null
  toMs: number | null
  caller: string | null
  operation: string | null
  outcome: string | null
  memoryType: string | null
  cubeId: string | null
}

/** Days of usage that a report covers. */
const USAGE_DAYS = 31

/**
 * LogQuery of the paper (section 5.3.2): who used which memory, when, how. One organisation's rows only; a narrowed key sees what was done in
 * the namespaces that it reaches, and what it did itself.
 */
export class LogReader {
  readonly #vault: OrgVault
  readonly #principal: Principal

  constructor(vault: OrgVault, principal: Principal) {
    this.#vault = vault
    this.#principal = principal
  }

  /** Entries newest first, below the id `before`; or oldest first, above the id `after`. */
  async page(
    query: LogQuery,
    limit: number,
    place: { before: number | null } | { after: number },
  ): Promise<(AuditRow & { namespace: string | null })[]> {
    const conditions: (SQL | undefined)[] = [
      eq(auditLog.orgId, this.#principal.orgId),
      isNarrowed(this.#principal)
        ? sql`(${auditLog.caller} = ${this.#principal.keyId} or ${auditLog.namespaceId} in ${reachableNamespaces(this.#principal, 'read')})`
        : undefined,
      'after' in place ? gt(auditLog.id, place.after) : undefined,
      'before' in place && place.before !== null ? lt(auditLog.id, place.before) : undefined,
      query.fromMs === null ? undefined : gte(auditLog.atMs, query.fromMs),
      query.toMs === null ? undefined : lte(auditLog.atMs, query.toMs),
      query.caller === null ? undefined : eq(auditLog.caller, query.caller),
      query.operation === null ? undefined : eq(auditLog.operation, query.operation),
      query.outcome === null ? undefined : eq(auditLog.outcome, query.outcome),
      query.memoryType === null ? undefined : eq(auditLog.memoryType, query.memoryType),
      query.cubeId === null
        ? undefined
        : sql`exists (select 1 from json_each(${auditLog.cubeIds}) j where j.value = ${query.cubeId} and ${this.#mayName(sql`j.value`)})`,
    ]
    const cubeIds = sql<
      string[]
    >`(select json_group_array(j.value) from json_each(${auditLog.cubeIds}) j where ${this.#mayName(sql`j.value`)})`
    const entry = isNarrowed(this.#principal)
      ? { ...getTableColumns(auditLog), cubeIds: cubeIds.mapWith(auditLog.cubeIds).as('named_cube_ids') }
      : getTableColumns(auditLog)
    const rows = await this.#vault.orm
      .select({ entry, namespace: sql<string | null>`${namespaces.name}`.as('namespace_name') })
      .from(auditLog)
      .leftJoin(namespaces, eq(namespaces.id, auditLog.namespaceId))
      .where(and(...conditions))
      .orderBy('after' in place ? asc(auditLog.id) : desc(auditLog.id))
      .limit(limit)
    // The number of cubes would tell of those whose ids are left out.
    const countOf = ({ cubeCount, cubeIds }: AuditRow) => (isNarrowed(this.#principal) ? cubeIds.length : cubeCount)
    return rows.map(({ entry, namespace }) => ({ ...entry, cubeCount: countOf(entry), namespace }))
  }

  /** Whether an entry may name a cube to the principal: to a narrowed key none that is there and may not be known of, now and in this context. */
  #mayName(cubeId: SQL): SQL {
    if (!isNarrowed(this.#principal)) return sql`1`
    const reach = cubeReach(this.#principal, 'read', this.#principal.atMs, KNOWN_SENSITIVITY)
    return sql`not exists (select 1 from cubes c join namespaces n on n.id = c.namespace_id where c.cube_id = ${cubeId} and coalesce(${reach}, 0) = 0)`
  }

  /** Totals of what may be read, for a key of the whole organisation, and the requests of the last month, day by day. */
  async usage(nowMs: number): Promise<{
    cubes: number
    bytes: number
    days: { day: string; reads: number; writes: number; searches: number }[]
  }> {
    const since = new Date(nowMs - USAGE_DAYS * 86_400_000).toISOString().slice(0, 10)
    const rows = await this.#vault.orm
      .select()
      .from(usage)
      .where(
        and(eq(usage.orgId, this.#principal.orgId), sql`(${usage.period} = 'total' or ${usage.period} >= ${since})`),
      )
      .orderBy(asc(usage.period))
    const total = (metric: string) => rows.find((row) => row.period === 'total' && row.metric === metric)?.value ?? 0
    const days = Map.groupBy(
      rows.filter((row) => row.period !== 'total'),
      (row) => row.period,
    )
    const hidden = await this.#hiddenTotals()
    return {
      cubes: total('cubes') - hidden.cubes,
      bytes: total('bytes') - hidden.bytes,
      days: [...days].map(([day, list]) => {
        const value = (metric: string) => list.find((row) => row.metric === metric)?.value ?? 0
        return { day, reads: value('reads'), writes: value('writes'), searches: value('searches') }
      }),
    }
  }
  async #hiddenTotals(): Promise<{ cubes: number; bytes: number }> {
    const hidden = isHidden(this.#principal)
    if (hidden === null) return { cubes: 0, bytes: 0 }
    const [row] = await this.#vault.database.all(
      statement(sql`select count(*), coalesce(sum(c.content_bytes), 0) from namespaces n cross join ${SENSITIVE_CUBES}
        where n.org_id = ${this.#principal.orgId} and c.namespace_id = n.id and ${hidden}`),
    )
    return { cubes: Number(row?.[0] ?? 0), bytes: Number(row?.[1] ?? 0) }
  }
}
