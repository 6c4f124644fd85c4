import { sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import {
  ACTIVITY_BATCH_ENTRIES_MAX,
  ACTIVITY_WAITING_ENTRIES_MAX,
  AUDIT_CUBES_MAX,
  SQL_VALUE_BYTES_MAX,
} from '../../../schemas/limits.ts'
import { usage } from '../../../schemas/tables/log.ts'
import type { MemoryType } from '../../../schemas/vocabulary.ts'
import { commonType } from '../../ports/audit.ts'
import type { Statement } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { type CubeUse, useStatements } from '../schedule/use-statements.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { builder, jsonChunks, statement, statementOf, toJson } from '../vault/sql.ts'

export interface Activity {
  context: RequestContext
  outcome: string
  metric: 'reads' | 'writes' | 'searches' | null
  namespaceId?: number | null
  /** Cubes that were handed out; their use counters rise. */
  used?: readonly { namespaceId: number; seq: number; cubeId: string; memoryType: MemoryType }[]
  /** Index terms that found them; absent where they were asked for by id. */
  terms?: readonly string[]
  /** Whether an audit row is to be written; a write brings its own in its batch. */
  audited: boolean
}

/** Short signature of the terms that found a memory; null without terms. */
export type FingerprintOf = (terms: readonly string[]) => string | null

export interface ActivityLogComponents {
  vault: MemVault
  runtime: Runtime
  logger: Logger
  fingerprintOf: FingerprintOf
}

/**
 * What happens without changing memory: reads, searches, refusals, use counters. Kept in memory for a moment and written in batches, so a
 * read costs no write; a killed process loses the last moment of it, never a write's own audit row.
 *
 * What is written is never counted twice: a flush is one batch and is not repeated. One that the database refuses is lost as a whole, and one
 * whose answer was lost has counted once, if at all. Only a refusal that says that nothing was written (the organisation is being moved) puts
 * the entries back.
 */
export class ActivityLog {
  readonly #vault: MemVault
  readonly #runtime: Runtime
  readonly #logger: Logger
  readonly #fingerprintOf: FingerprintOf
  readonly #flushMs: number
  #waiting: Activity[] = []
  #flushing: Promise<void> | null = null

  /** `flushMs` 0 writes at once: an isolate of a Worker must not wait on another request's timer. */
  constructor({ vault, runtime, logger, fingerprintOf }: ActivityLogComponents, { flushMs }: { flushMs: number }) {
    this.#flushMs = flushMs
    this.#vault = vault
    this.#runtime = runtime
    this.#logger = logger
    this.#fingerprintOf = fingerprintOf
  }

  record(activity: Activity): void {
    this.#waiting.push(activity)
    if (this.#flushMs === 0 || this.#waiting.length >= ACTIVITY_BATCH_ENTRIES_MAX) this.#runtime.defer(this.flush())
    else if (this.#flushing === null) {
      this.#flushing = new Promise<void>((resolve) => setTimeout(resolve, this.#flushMs))
        .then(() => this.flush())
        .finally(() => {
          this.#flushing = null
        })
      this.#runtime.defer(this.#flushing)
    }
  }

  /** Writes what waits. A database that refuses costs these rows and is logged; requests go on. */
  async flush(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    const byOrganisation = Map.groupBy(waiting, (activity) => activity.context.principal.orgId)
    for (const [orgId, activities] of byOrganisation) {
      try {
        const vault = await this.#vault.of(orgId, this.#runtime.nowMs())
        await vault.database.batch(statementsFor(orgId, activities, this.#fingerprintOf))
      } catch (error) {
        if (this.#waitsForMove(error, activities)) continue
        this.#logger.warn('activity_lost', {
          orgId,
          entries: activities.length,
          error: error instanceof Error ? error.name : 'unknown',
        })
      }
    }
  }

  /** What was read while an organisation is being moved is written when it has arrived. */
  #waitsForMove(error: unknown, activities: readonly Activity[]): boolean {
    const isMoving = error instanceof MemosError && error.code === 'organisation_moving'
    if (!isMoving || this.#waiting.length + activities.length > ACTIVITY_WAITING_ENTRIES_MAX) return false
    this.#waiting.push(...activities)
    return true
  }
}

function statementsFor(orgId: string, activities: readonly Activity[], fingerprintOf: FingerprintOf): Statement[] {
  const rows = activities
    .filter((activity) => activity.audited)
    .map(({ context, outcome, namespaceId, used = [] }) => [
      context.nowMs,
      context.requestId,
      context.principal.keyId,
      context.operation,
      outcome,
      namespaceId ?? null,
      used.length,
      toJson(used.slice(0, AUDIT_CUBES_MAX).map((cube) => cube.cubeId)),
      commonType(used.map((cube) => cube.memoryType)),
    ])
  const inserts = jsonChunks(rows, SQL_VALUE_BYTES_MAX * 0.9).map((chunk) =>
    statement(sql`insert into audit_log (org_id, at_ms, request_id, caller, operation, outcome, namespace_id, cube_count, cube_ids, memory_type)
      select ${orgId}, j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6, j.value->>7, j.value->>8 from json_each(${chunk}) j`),
  )
  return [...inserts, ...usageStatements(orgId, activities), ...useStatements(usesOf(activities, fingerprintOf))]
}

function usageStatements(orgId: string, activities: readonly Activity[]): Statement[] {
  const counts = Map.groupBy(
    activities.filter((a) => a.metric !== null),
    (a) => `${new Date(a.context.nowMs).toISOString().slice(0, 10)} ${a.metric}`,
  )
  return [...counts].map(([key, list]) => {
    const [period = '', metric] = key.split(' ')
    return statementOf(
      builder
        .insert(usage)
        .values({ orgId, period, metric: metric as 'reads' | 'writes' | 'searches', value: list.length })
        .onConflictDoUpdate({
          target: [usage.orgId, usage.period, usage.metric],
          set: { value: sql`${usage.value} + excluded.value` },
        }),
    )
  })
}

const usesOf = (activities: readonly Activity[], fingerprintOf: FingerprintOf): CubeUse[] =>
  activities.flatMap(({ used = [], terms = [], context }) => {
    const fingerprint = used.length === 0 ? null : fingerprintOf(terms)
    const { nowMs: atMs, principal } = context
    return used.map(({ namespaceId, seq }) => ({ namespaceId, seq, atMs, caller: principal.keyId, fingerprint }))
  })
