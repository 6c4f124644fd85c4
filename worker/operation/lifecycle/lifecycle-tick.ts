import {
  LIFECYCLE_BATCH_CUBES,
  LIFECYCLE_PAGE_CUBES,
  LIFECYCLE_ROUND_MS,
  LIFECYCLE_ROUND_MS_MIN,
  LIFECYCLE_STATEMENTS_PER_TICK_MAX,
  LIFECYCLE_TICK_MS_MAX,
} from '../../../schemas/limits.ts'
import { type LifecyclePolicy, lifecyclePolicy } from '../../../schemas/namespace-settings.ts'
import type { AgedCube, AgeLimits } from '../../infrastructure/lifecycle/lifecycle-reader.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { CubeTransition } from '../../ports/writes/lifecycle.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import type { ExpirySweep } from '../organise/expiry-sweep.ts'
import { Budget, breathe } from './budget.ts'
import type { Consolidator } from './consolidator.ts'
import { transitionOf } from './mem-lifecycle.ts'
import type { RevisionPurge } from './revision-purge.ts'

const OPERATION = 'ageCubes'
const DAY_MS = 86_400_000

export interface LifecycleTickComponents {
  sessions: VaultSessions
  systemContext: (orgId: string, operation: string, nowMs: number, signal: AbortSignal) => RequestContext
  embeddings: Pick<EmbeddingBuilder, 'forget'>
  expiry: Pick<ExpirySweep, 'eraseBatch'>
  consolidator: Consolidator
  revisionPurge: RevisionPurge
  runtime: Runtime
  logger: Logger
}

export interface LifecycleTickInit {
  statementsMax?: number
  msMax?: number
}

/** A namespace that is being looked at. */
interface Visit {
  session: VaultSession
  namespace: NamespaceRow
  policy: LifecyclePolicy
  limits: AgeLimits
  context: RequestContext
  budget: Budget
}

/**
 * Applies the policy of namespaces: what is not used for long is archived, what is over is erased, old revisions are purged, what says the same becomes
 * one. A run is bounded in statements and time. It walks over the cubes of a namespace in order, and the row of the namespace says how far it is,
 * so a run that was killed goes on there; each batch expects the cubes as they were read, so two runs at once do everything once.
 */
export class LifecycleTick {
  readonly #components: LifecycleTickComponents
  readonly #init: LifecycleTickInit

  constructor(components: LifecycleTickComponents, init: LifecycleTickInit = {}) {
    this.#components = components
    this.#init = init
  }

  /** Visits the namespaces that are due, in their order. One that fails does not keep the others. */
  async run(due: readonly NamespaceRow[]): Promise<void> {
    const { statementsMax = LIFECYCLE_STATEMENTS_PER_TICK_MAX, msMax = LIFECYCLE_TICK_MS_MAX } = this.#init
    const budget = new Budget(this.#components.runtime.nowMs, { statements: statementsMax, ms: msMax })
    for (const namespace of due) {
      if (budget.isSpent) return
      try {
        await this.#visit(namespace, budget)
      } catch (error) {
        this.#components.logger.warn('lifecycle_tick_failed', {
          orgId: namespace.orgId,
          namespaceId: namespace.id,
          name: error instanceof Error ? error.name : 'unknown',
        })
      }
    }
  }

  async #visit(namespace: NamespaceRow, budget: Budget): Promise<void> {
    const { sessions, systemContext, runtime, consolidator } = this.#components
    const nowMs = runtime.nowMs()
    const policy = lifecyclePolicy(namespace.settings)
    const context = systemContext(namespace.orgId, OPERATION, nowMs, new AbortController().signal)
    const session = await sessions(context, 'write')
    // Taken over before anything is done: of two runs at once one has it, and one that fails is looked at again after the others.
    const { id, lifecycleSeq, lifecycleDueMs } = namespace
    budget.spend(1)
    if (!(await advance(session, { id, lifecycleSeq, lifecycleDueMs }, lifecycleSeq, nowMs + LIFECYCLE_ROUND_MS_MIN)))
      return
    const limits = ageLimits(policy, nowMs)
    const seq = await this.#age({ session, namespace, policy, limits, context, budget })
    const isConsolidated =
      !policy.consolidate || (await consolidator.run(session, namespace, policy.overlap, context, budget))
    const isDone = seq === 0 && isConsolidated
    await advance(session, { id, lifecycleSeq: seq }, seq, isDone ? nowMs + roundMs(policy) : nowMs)
  }

  /** Walks on. Answers the cube up to which it came; 0 at the end of the namespace. */
  async #age(visit: Visit): Promise<number> {
    const { session, namespace, limits, budget } = visit
    for (let at = namespace.lifecycleSeq; ; ) {
      if (budget.isSpent) return at
      const { lastSeq, aged } = await session.lifecycle.aged(namespace.id, at, LIFECYCLE_PAGE_CUBES, limits)
      budget.spend(3)
      const passed = lastSeq === null ? 0 : await this.#batches(visit, aged, lastSeq)
      await advance(
        session,
        { id: namespace.id, lifecycleSeq: at },
        passed,
        visit.context.nowMs + LIFECYCLE_ROUND_MS_MIN,
      )
      if (passed === 0) return 0
      at = passed
    }
  }

  /** Answers the last cube that nothing is left to be done about. */
  async #batches(visit: Visit, aged: readonly AgedCube[], lastSeq: number): Promise<number> {
    for (let from = 0; from < aged.length; from += LIFECYCLE_BATCH_CUBES) {
      await breathe()
      const batch = aged.slice(from, from + LIFECYCLE_BATCH_CUBES)
      if (visit.budget.isSpent) return (batch[0]?.seq ?? 1) - 1
      const over = batch.filter(({ isOver }) => isOver)
      const idle = batch.filter(({ isOver, isIdle }) => isIdle && !isOver)
      const surplus = batch.filter(({ isOver, hasSurplus }) => hasSurplus && !isOver)
      await this.#erase(visit, over)
      await this.#purge(visit, surplus)
      await this.#putAway(visit, idle)
    }
    return lastSeq
  }

  async #erase({ namespace, limits, budget }: Visit, cubes: readonly AgedCube[]): Promise<void> {
    if (cubes.length === 0) return
    const ids = cubes.map(({ cubeId }) => cubeId)
    const erase = this.#components.expiry.eraseBatch(namespace.orgId, ids, limits.writtenUntilMs)
    budget.spend((await unlessOvertaken(erase)) ?? 0)
  }

  async #purge({ session, namespace, policy, context, budget }: Visit, cubes: readonly AgedCube[]): Promise<void> {
    if (cubes.length === 0) return
    const ids = cubes.map(({ cubeId }) => cubeId)
    const purge = this.#components.revisionPurge.run(session, namespace.id, ids, policy.revisionsKept, context)
    budget.spend((await unlessOvertaken(purge)) ?? 0)
  }

  /** A cube that was changed or used meanwhile aborts the batch: then those that are still idle are put away without it. */
  async #putAway(visit: Visit, cubes: readonly AgedCube[], isRetry = false): Promise<void> {
    const [first] = cubes
    if (first === undefined) return
    const { session, namespace, limits, budget } = visit
    const seqs = cubes.map(({ seq }) => seq)
    const found = await session.cubes.bySeq(namespace.id, seqs)
    budget.spend(1)
    const isDone = await this.#archive(
      visit,
      found.map((full) => transitionOf(full, 'archived')),
    )
    if (isDone || isRetry) return
    const { aged } = await session.lifecycle.aged(namespace.id, first.seq - 1, LIFECYCLE_PAGE_CUBES, limits)
    budget.spend(2)
    const wanted = new Set(seqs)
    await this.#putAway(
      visit,
      aged.filter(({ seq, isIdle, isOver }) => wanted.has(seq) && isIdle && !isOver),
      true,
    )
  }

  async #archive(
    { session, namespace, context, budget, limits, policy }: Visit,
    cubes: readonly CubeTransition[],
  ): Promise<boolean> {
    if (cubes.length === 0) return true
    const answers = await unlessOvertaken(
      session.vault.apply([
        {
          kind: 'transition_cubes',
          namespaceId: namespace.id,
          cubes,
          event: 'idle',
          reason: `not used for ${policy.idleDays} days`,
          caller: context.principal.keyId,
          atMs: context.nowMs,
          ...(limits.unusedSinceMs === null ? {} : { unusedSinceMs: limits.unusedSinceMs }),
        },
        auditOf(
          context,
          namespace.id,
          cubes.map(({ cubeId }) => cubeId),
        ),
      ]),
    )
    budget.spend((answers?.length ?? 0) + 1)
    if (answers === null) return false
    const seqs = cubes.map(({ seq }) => seq)
    await this.#components.embeddings.forget(session, namespace.orgId, namespace.id, seqs)
    return true
  }
}

/** What is left of work whose cubes another write changed meanwhile: the next round looks again. */
async function unlessOvertaken<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof GuardError) return null
    throw error
  }
}

/** Whether the walk was where it is said to be, and now is at `toSeq`. */
async function advance(
  { vault }: VaultSession,
  { id, lifecycleSeq, lifecycleDueMs }: Pick<NamespaceRow, 'id' | 'lifecycleSeq'> & { lifecycleDueMs?: number },
  toSeq: number,
  dueMs: number,
): Promise<boolean> {
  const claim = lifecycleDueMs === undefined ? {} : { fromDueMs: lifecycleDueMs }
  const [rows] = await vault.apply([
    { kind: 'advance_lifecycle', namespaceId: id, fromSeq: lifecycleSeq, toSeq, dueMs, ...claim },
  ])
  return (rows?.length ?? 0) > 0
}

const ageLimits = ({ idleDays, ttlDays, revisionsKept }: LifecyclePolicy, nowMs: number): AgeLimits => ({
  unusedSinceMs: idleDays === null ? null : Math.floor(nowMs - idleDays * DAY_MS),
  writtenUntilMs: ttlDays === null ? null : Math.floor(nowMs - ttlDays * DAY_MS),
  revisionsKept,
})

/** Time until the next walk: a quarter of the shortest time that the policy names, so that nothing stays much longer than it says. */
export function roundMs({ idleDays, ttlDays }: LifecyclePolicy): number {
  const days = Math.min(idleDays ?? Number.POSITIVE_INFINITY, ttlDays ?? Number.POSITIVE_INFINITY)
  return Math.round(Math.max(LIFECYCLE_ROUND_MS_MIN, Math.min(LIFECYCLE_ROUND_MS, (days * DAY_MS) / 4)))
}
