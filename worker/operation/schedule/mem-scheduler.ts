import type { RunSchedule } from '../../../schemas/schedule.ts'
import type { DueSchedule } from '../../infrastructure/schedule/due-schedules.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { DAY_MS, hotSetWrites, isSameSet, weigh } from './hot-set.ts'
import { planTypes } from './type-plans.ts'

const OPERATION = 'scheduleMemory'
/** A namespace whose memory was not used is looked at again after this long: thresholds are in days. */
const QUIET_ROUND_MS = DAY_MS
/** And after this long where a planned change waits: its cube may be frozen or gone. */
const WAITING_ROUND_MS = 10 * 60_000

export interface MemSchedulerComponents {
  embedders: readonly Embedder[]
  sessions: VaultSessions
  systemContext: (orgId: string, operation: string, nowMs: number, signal: AbortSignal) => RequestContext
  runtime: Runtime
  logger: Logger
}

/** Chooses what is kept at hand and plans changes of memory type (MemOS papers: MemScheduler). Every choice is a row with its reason. */
export class MemScheduler {
  readonly #components: MemSchedulerComponents

  constructor(components: MemSchedulerComponents) {
    this.#components = components
  }

  /** Chooses the hot set of a namespace now, among the memory that the caller may see. @throws MemosError deadline_exceeded */
  async run(
    session: VaultSession,
    namespace: NamespaceRow,
    request: RunSchedule,
    context: RequestContext,
  ): Promise<void> {
    const input = { session, namespace, request, context }
    const weighing = await weigh(input, this.#components)
    const before = await session.schedule.hot(namespace.id)
    const cubeIds = weighing.choices.map(({ candidate }) => candidate.cubeId)
    await session.vault.apply([...hotSetWrites(input, weighing, before), auditOf(context, namespace.id, cubeIds)])
  }

  /** Looks at claimed namespaces one after the other. What fails is logged and due again when its claim runs out. */
  async tick(due: readonly DueSchedule[]): Promise<void> {
    for (const one of due) {
      try {
        await this.#look(one)
      } catch (error) {
        this.#components.logger.warn('schedule_failed', {
          orgId: one.orgId,
          namespaceId: one.namespaceId,
          error: error instanceof Error ? error.name : 'unknown',
        })
      }
    }
  }

  /** One namespace: hot set, plans and when to look again, in one batch. A use meanwhile leaves it due. */
  async #look({ orgId, namespaceId, name, claimedUntilMs }: DueSchedule): Promise<void> {
    const { sessions, systemContext, runtime } = this.#components
    const context = systemContext(orgId, OPERATION, runtime.nowMs(), new AbortController().signal)
    const session = await sessions(context, 'write')
    const namespace = await session.namespaces.byName(name, 'write')
    if (namespace === null || namespace.id !== namespaceId) return
    const input = { session, namespace, request: {}, context }
    const weighing = await weigh(input, this.#components)
    const before = await session.schedule.hot(namespaceId)
    const plans = await planTypes({ ...input, policy: weighing.policy, recent: weighing.recent })
    const hot = isSameSet(weighing, before) ? [] : hotSetWrites(input, weighing, before)
    const decided: VaultWrite[] = [...hot, ...plans.writes]
    await session.vault.apply([
      ...decided,
      ...(decided.length === 0 ? [] : [auditOf(context, namespaceId, plans.cubeIds)]),
      {
        kind: 'finish_schedule',
        namespaceId,
        claimedUntilMs,
        nextAtMs: context.nowMs + (plans.open > 0 ? WAITING_ROUND_MS : QUIET_ROUND_MS),
      },
    ])
  }
}
