import type { Authority } from '../../../protocol/core/log-state.ts'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import { MIP_PAGES_PER_PULL_MAX, MIP_PULL_MS, MIP_PULL_PAUSE_MS_MAX } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { CatchUpReport, PeerTier, SubscriptionFilter } from '../../../schemas/mip-subscription.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { MipParts } from '../../ports/mip.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { LogPlace, MipLogRow, MipSubscriptionRow } from '../../ports/writes/mip.ts'
import { type EffectsComponents, effectsOf } from './entry-effects.ts'
import { type FollowedLog, LogFollower } from './log-follower.ts'
import { LogRewind } from './log-rewind.ts'
import { mirrorsOf } from './mirrors.ts'
import { PeerBytes } from './peer-bytes.ts'
import { applyPlans, type PlanComponents } from './plans.ts'
import { isNothingNew } from './recon-look.ts'
import { planVoided, voidedIn } from './voided.ts'

/** Batches of effects that one pull applies; the next one goes on. */
const BATCHES_MAX = 24
/** Codes after which a subscription only looks, now and then, whether a root has named the survivor of a fork. */
const STOPS: ReadonlySet<string> = new Set(['fork', 'frozen', 'resync'])
/** First pause after a failure; twice as long after each further one. */
const PAUSE_MS = 30_000

export interface SubscriberComponents extends EffectsComponents, PlanComponents {
  /** null: this deployment reaches no peers. */
  mip: MipParts | null
  /** More of a log of somebody else is here: whoever waits for it at this mirror may be told. */
  moved(log: LogName): void
}

export const EMPTY_REPORT: CatchUpReport = {
  verified: 0,
  applied: 0,
  ingested: 0,
  updated: 0,
  quarantined: 0,
  revoked: 0,
  refused: 0,
  filtered: 0,
  atEnd: false,
  error: null,
}

/** What is known of a publisher that nobody has named. */
export const tierOf = async (session: VaultSession, did: string): Promise<PeerTier> =>
  (await session.followed.peer(did))?.tier ?? 'unknown'

/**
 * Follows logs of others. Entries are kept with the cursor of the log in one batch, their effects with the cursor of the subscription in
 * another: whatever is cut off, each entry takes effect once and in order.
 */
export class Subscriber {
  readonly #components: SubscriberComponents

  constructor(components: SubscriberComponents) {
    this.#components = components
  }

  /** Reads on, applies what was read, and says in the row how it went. */
  async catchUp(
    session: VaultSession,
    subscription: MipSubscriptionRow,
    context: RequestContext,
  ): Promise<CatchUpReport> {
    const report = { ...EMPTY_REPORT }
    try {
      await this.#pull(session, subscription, context, report)
    } catch (error) {
      // Another run was there first: what it did counts, and the next look goes on from there.
      if (error instanceof GuardError || error instanceof UniqueError) report.error = 'busy'
      else if (context.signal.aborted) report.error = 'deadline'
      else {
        await this.#finish(session, subscription, { ...report, error: 'internal' }, context).catch(() => undefined)
        throw error
      }
    }
    await this.#finish(session, subscription, report, context)
    return report
  }

  /**
   * Says of subscriptions of one publisher that there is nothing to read, where all mirrors are asked for that at once and agree. False: nothing
   * was said, and each is to be pulled.
   */
  async settle(
    session: VaultSession,
    subscriptions: readonly MipSubscriptionRow[],
    context: RequestContext,
  ): Promise<boolean> {
    const { mip } = this.#components
    const [first] = subscriptions
    if (mip === null || first === undefined || (await tierOf(session, first.did)) === 'blocked') return false
    if (!(await isNothingNew(session, mip, subscriptions, context))) return false
    for (const one of subscriptions) await this.#finish(session, one, { ...EMPTY_REPORT, atEnd: true }, context)
    return true
  }

  async #pull(
    session: VaultSession,
    subscription: MipSubscriptionRow,
    context: RequestContext,
    report: CatchUpReport,
  ): Promise<void> {
    const { mip } = this.#components
    const { did, log } = subscription
    const tier = await tierOf(session, did)
    if (tier === 'blocked') report.error = 'blocked'
    else if (mip === null) report.error = 'no_peers'
    if (mip === null || report.error !== null) return
    const followed = await this.#read(session, mip, { did, log }, context)
    report.verified = followed.verified
    report.error = followed.error
    if (followed.row === null) return
    // A proven fork may have lowered the tier just now.
    const now = followed.error === 'fork' ? await tierOf(session, did) : tier
    const isDone = await this.advance(
      session,
      mip,
      subscription,
      { row: followed.row, tier: now, authority: followed.authority },
      context,
      report,
    )
    report.atEnd = isDone && followed.isAtEnd
  }

  /** Who may sign is in `main`, so that is read first. */
  async #read(
    session: VaultSession,
    mip: MipParts,
    { did, log }: { did: string; log: string },
    context: RequestContext,
  ): Promise<FollowedLog> {
    const rewind = new LogRewind(this.#components)
    const { runtime, moved } = this.#components
    const follower = new LogFollower({ mip, runtime, rewind, moved })
    const pagesMax = MIP_PAGES_PER_PULL_MAX
    const main = await follower.follow(session, { did, log: MAIN_LOG, pagesMax }, context)
    if (log === MAIN_LOG) return main
    if (main.authority === null || (main.error !== null && STOPS.has(main.error)))
      return { ...main, row: await session.followed.log(did, log), error: main.error ?? 'no_authority' }
    const other = await follower.follow(session, { did, log, authority: main.authority, pagesMax }, context)
    return { ...other, verified: main.verified + other.verified }
  }

  /** Applies what was read of a log and had no effect here yet. Answers whether that is all of it. */
  async advance(
    session: VaultSession,
    mip: MipParts,
    subscription: MipSubscriptionRow,
    { row, tier, authority }: { row: MipLogRow; tier: PeerTier; authority: Authority | null },
    context: RequestContext,
    report: CatchUpReport,
  ): Promise<boolean> {
    const { id, did, namespaceId } = subscription
    const filter = subscription.filter as SubscriptionFilter
    const mirrors = await mirrorsOf(session, mip.remotes, did, replicasOf(authority), context.nowMs)
    const peerBytes = new PeerBytes(session, did, mirrors, context)
    // A log that was read again has taken its subscriptions back with it.
    const now = await session.followed.subscription(id)
    let from: LogPlace = now?.subscription ?? subscription
    const target = { id, did, namespaceId, filter }
    const voided = await voidedIn(session, row, authority)
    for (let batch = 0; batch < BATCHES_MAX && !context.signal.aborted; batch++) {
      const taken = await planVoided(session, this.#components.embeddings, target, row, voided, context)
      if (taken.length > 0) {
        await applyPlans(this.#components, session, taken, [], context)
        report.revoked += taken.length
        continue
      }
      const room = await roomOf(session)
      const effects = await effectsOf(
        { session, target, log: row, from, tier, voided, peerBytes, room, context },
        this.#components,
      )
      if (effects.applied > 0) {
        await applyPlans(
          this.#components,
          session,
          effects.plans,
          [{ kind: 'advance_mip_subscription', id, expected: from, to: effects.to, atMs: context.nowMs }],
          context,
        )
        for (const { outcome } of effects.plans) report[outcome] += 1
        report.applied += effects.applied
        from = effects.to
      }
      if (effects.cut !== null) {
        report.error = report.error ?? effects.cut
        return false
      }
      if (effects.applied === 0) return true
    }
    return false
  }

  async #finish(
    session: VaultSession,
    { id, attempts, state }: MipSubscriptionRow,
    { error, atEnd, applied, verified }: CatchUpReport,
    { nowMs }: RequestContext,
  ): Promise<void> {
    const isStopped = error !== null && STOPS.has(error)
    const failed = error !== null && error !== 'busy'
    const tries = failed ? (applied + verified > 0 ? 1 : attempts + 1) : 0
    const pauseMs = isStopped ? this.#jittered(MIP_PULL_PAUSE_MS_MAX) : failed ? this.#pause(tries) : 0
    const nextAtMs = nowMs + (error === null && atEnd ? this.#jittered(MIP_PULL_MS) : pauseMs)
    const next = isStopped ? 'stopped' : state === 'stopped' ? 'active' : state
    await session.vault
      .apply([
        {
          kind: 'set_mip_subscription',
          id,
          changes: { error, attempts: tries, nextAtMs, ...(next === state ? {} : { state: next }) },
          atMs: nowMs,
        },
      ])
      .catch((cause: unknown) => {
        // Deleted meanwhile.
        if (!(cause instanceof GuardError)) throw cause
      })
  }

  #pause(attempts: number): number {
    return this.#jittered(Math.min(PAUSE_MS * 2 ** Math.min(attempts - 1, 20), MIP_PULL_PAUSE_MS_MAX))
  }

  /** Three quarters to five quarters, so that followers of one publisher do not all come at once. */
  #jittered(ms: number): number {
    const [dice = 0] = this.#components.runtime.randomBytes(1)
    return Math.round(ms * (0.75 + dice / 512))
  }
}

/** New cubes that fit into the quota of an organisation. */
async function roomOf({ vault, followed }: VaultSession): Promise<number> {
  const { cubesMax } = vault.organisation
  return cubesMax === null ? Number.POSITIVE_INFINITY : cubesMax - (await followed.cubeCount())
}

const replicasOf = (authority: Authority | null): string[] => [
  ...(authority?.replicas.urls ?? []),
  ...(authority?.replicas.addrs ?? []),
]
