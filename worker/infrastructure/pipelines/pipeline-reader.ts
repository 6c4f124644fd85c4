import { and, asc, desc, eq, gt, lt } from 'drizzle-orm'
import { outbox, pipelineRuns, pipelines } from '../../../schemas/tables/pipelines.ts'
import { isNarrowed, type Principal } from '../../ports/principal.ts'
import type { EffectRow, PipelineRow, PipelineRunRow } from '../../ports/writes/pipelines.ts'
import type { OrgVault } from '../vault/mem-vault.ts'

/** Pipelines, runs and side effects of one organisation. A narrowed key sees the runs that it made itself. */
export class PipelineReader {
  readonly #vault: OrgVault
  readonly #principal: Principal

  constructor(vault: OrgVault, principal: Principal) {
    this.#vault = vault
    this.#principal = principal
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

  /** Newest first, below the id `before`. */
  runs(limit: number, before: string | null): Promise<PipelineRunRow[]> {
    const { orgId, keyId } = this.#principal
    const own = isNarrowed(this.#principal) ? eq(pipelineRuns.caller, keyId) : undefined
    return this.#vault.orm
      .select()
      .from(pipelineRuns)
      .where(and(eq(pipelineRuns.orgId, orgId), own, before === null ? undefined : lt(pipelineRuns.id, before)))
      .orderBy(desc(pipelineRuns.id))
      .limit(limit)
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
