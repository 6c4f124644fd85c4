import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm'
import { outbox, pipelineRuns, pipelines } from '../../../schemas/tables/pipelines.ts'
import { isNarrowed, type Principal } from '../../ports/principal.ts'
import type { EffectRow, KeptReport, PipelineRow, PipelineRunRow } from '../../ports/writes/pipelines.ts'
import { cubeReach, KNOWN_SENSITIVITY } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { statement, toJson } from '../vault/sql.ts'

/** Pipelines, runs and side effects of one organisation. A narrowed key sees the runs that it made itself. */
export class PipelineReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  async byName(name: string): Promise<PipelineRow | null> {
    const { orgId } = this.#principal
    const [row] = await this.#vault.orm
      .select()
      .from(pipelines)
      .where(and(eq(pipelines.orgId, orgId), eq(pipelines.name, name)))
    return row ?? null
  }

  /** By name, above the name `after`. */
  page(limit: number, after: string | null): Promise<PipelineRow[]> {
    return this.#vault.orm
      .select()
      .from(pipelines)
      .where(and(eq(pipelines.orgId, this.#principal.orgId), after === null ? undefined : gt(pipelines.name, after)))
      .orderBy(asc(pipelines.name))
      .limit(limit)
  }

  /**
   * Newest first, below the id `before`. Cubes that the caller may not even know of are left out of what was written, and what
   * another key's steps handed on is no number for who may not read all of it.
   */
  async runs(limit: number, before: string | null): Promise<PipelineRunRow[]> {
    const { orgId, keyId } = this.#principal
    const own = isNarrowed(this.#principal) ? eq(pipelineRuns.caller, keyId) : undefined
    const rows = await this.#vault.orm
      .select()
      .from(pipelineRuns)
      .where(and(eq(pipelineRuns.orgId, orgId), own, before === null ? undefined : lt(pipelineRuns.id, before)))
      .orderBy(desc(pipelineRuns.id))
      .limit(limit)
    const isTold = (row: PipelineRunRow) => this.#principal.clearance === 'secret' || row.caller === keyId
    return (await this.#withoutHidden(rows)).map((row) => (isTold(row) ? row : withoutCounts(row)))
  }

  async #withoutHidden(rows: readonly PipelineRunRow[]): Promise<PipelineRunRow[]> {
    const reports = rows.map(({ report }) => report as unknown as KeptReport)
    const written = new Set(reports.flatMap(({ steps }) => steps.flatMap((step) => step.written)))
    if (written.size === 0) return [...rows]
    const found = await this.#vault.database.all(
      statement(sql`select c.cube_id from json_each(${toJson([...written])}) j cross join cubes c on c.cube_id = j.value
        cross join namespaces n on n.id = c.namespace_id where not (${cubeReach(this.#principal, 'read', this.#nowMs, KNOWN_SENSITIVITY)})`),
    )
    const hidden = new Set(found.map(([cubeId]) => cubeId))
    return rows.map((row, at) => {
      const report = reports[at] as KeptReport
      const steps = report.steps.map((step) => ({ ...step, written: step.written.filter((id) => !hidden.has(id)) }))
      return { ...row, report: { ...report, steps } }
    })
  }

  /** Newest first, below the id `before`. */
  effects(state: EffectRow['state'] | null, limit: number, before: string | null): Promise<EffectRow[]> {
    return this.#vault.orm
      .select()
      .from(outbox)
      .where(
        and(
          eq(outbox.orgId, this.#principal.orgId),
          state === null ? undefined : eq(outbox.state, state),
          before === null ? undefined : lt(outbox.id, before),
        ),
      )
      .orderBy(desc(outbox.id))
      .limit(limit)
  }

  async effect(id: string): Promise<EffectRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(outbox)
      .where(and(eq(outbox.orgId, this.#principal.orgId), eq(outbox.id, id)))
    return row ?? null
  }
}

function withoutCounts(row: PipelineRunRow): PipelineRunRow {
  const report = row.report as unknown as KeptReport
  return { ...row, report: { ...report, steps: report.steps.map((step) => ({ ...step, cubes: null, texts: null })) } }
}
