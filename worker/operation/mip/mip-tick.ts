import { MIP_CALL_MS_MAX } from '../../../schemas/limits-mip.ts'
import type { DueSubscription } from '../../infrastructure/mip/due-subscriptions.ts'
import type { DueErasure } from '../../infrastructure/mip/receipt-rows.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { ErasureReceipts } from './erasure-receipts.ts'
import type { Subscriber } from './subscriber.ts'
import type { TrustReview } from './trust-review.ts'

const OPERATION = 'followLogs'

export interface MipTickComponents {
  sessions: VaultSessions
  systemContext: (orgId: string, operation: string, nowMs: number, signal: AbortSignal) => RequestContext
  subscriber: Subscriber
  review: TrustReview
  receipts: ErasureReceipts
  runtime: Runtime
  logger: Logger
}

/** The minute's share of following others: subscriptions that are due, then foreign memory that stands otherwise than trust says. */
export class MipTick {
  readonly #components: MipTickComponents

  constructor(components: MipTickComponents) {
    this.#components = components
  }

  /** What fails is logged and due again when its claim runs out. */
  async pull(due: readonly DueSubscription[]): Promise<void> {
    for (const [orgId, some] of Map.groupBy(due, (one) => one.orgId)) {
      const settled = new Set<string>()
      if (some.length > 1)
        await this.#guarded(orgId, (session, context) => this.#settle(session, some, settled, context))
      for (const { id } of some)
        if (!settled.has(id)) await this.#guarded(orgId, (session, context) => this.#pullOne(session, id, context))
    }
  }

  async #pullOne(session: VaultSession, id: string, context: RequestContext): Promise<void> {
    const shown = await session.followed.subscription(id)
    if (shown !== null && shown.subscription.state !== 'paused')
      await this.#components.subscriber.catchUp(session, shown.subscription, context)
  }

  /** Several logs of one publisher are asked about at once; those of which there is nothing new need no look of their own. */
  async #settle(
    session: VaultSession,
    due: readonly DueSubscription[],
    settled: Set<string>,
    context: RequestContext,
  ): Promise<void> {
    const shown = await Promise.all(due.map(({ id }) => session.followed.subscription(id)))
    const rows = shown.flatMap((one) => (one === null ? [] : [one.subscription]))
    for (const some of Map.groupBy(rows, ({ did }) => did).values())
      if (some.length > 1 && (await this.#components.subscriber.settle(session, some, context)))
        for (const { id } of some) settled.add(id)
  }

  async review(orgIds: readonly string[]): Promise<void> {
    for (const orgId of orgIds)
      await this.#guarded(orgId, async (session, context) => {
        await this.#components.review.run(session, context)
      })
  }

  /** Tells publishers what was erased for them. */
  async confirm(due: readonly DueErasure[]): Promise<void> {
    for (const { orgId, revoke } of due)
      await this.#guarded(orgId, (session, context) => this.#components.receipts.deliver(session, revoke, context))
  }

  async #guarded(
    orgId: string,
    work: (session: VaultSession, context: RequestContext) => Promise<void>,
  ): Promise<void> {
    const { sessions, systemContext, runtime, logger } = this.#components
    try {
      const context = systemContext(orgId, OPERATION, runtime.nowMs(), AbortSignal.timeout(MIP_CALL_MS_MAX))
      await work(await sessions(context, 'write'), context)
    } catch (error) {
      logger.warn('mip_failed', { orgId, error: error instanceof Error ? error.name : 'unknown' })
    }
  }
}
