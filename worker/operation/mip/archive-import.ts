import { LogArchiveError } from '../../../protocol/core/log-archive-error.ts'
import { readLogArchive } from '../../../protocol/core/log-archive-reader.ts'
import type { Authority } from '../../../protocol/core/log-state.ts'
import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX, MIP_SUBSCRIPTIONS_MAX } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { MipArchiveReport } from '../../../schemas/mip-subscription.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { MipParts } from '../../ports/mip.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { MipSubscriptionRow } from '../../ports/writes/mip.ts'
import { ArchiveBranch } from './archive-branch.ts'
import { ArchiveRemote } from './archive-remote.ts'
import { type ArchiveWindow, archiveWindows } from './archive-windows.ts'
import { LogFollower } from './log-follower.ts'
import { LogRewind } from './log-rewind.ts'
import { EMPTY_REPORT, type Subscriber, type SubscriberComponents, tierOf } from './subscriber.ts'

/** Pages beside those of the entries: what says that there are no more, and where a fork is resolved. */
const PAGES_BESIDES = 5

/**
 * Reads a log from a file (docs/mip/archives.md) into whatever follows it: verified and applied as from a mirror, each entry once, so that a
 * follower without a network goes on from there when it has one again.
 */
export class ArchiveImport {
  readonly #components: SubscriberComponents
  readonly #subscriber: Subscriber

  constructor(components: SubscriberComponents, subscriber: Subscriber) {
    this.#components = components
    this.#subscriber = subscriber
  }

  /** @throws MemosError invalid_archive; precondition_failed where nothing of this publisher is followed */
  async run(
    session: VaultSession,
    bytes: AsyncIterable<Uint8Array>,
    context: RequestContext,
  ): Promise<MipArchiveReport> {
    const report: MipArchiveReport = { ...EMPTY_REPORT, org: '' as Did, log: MAIN_LOG, entries: 0 }
    try {
      await this.#windows(session, bytes, report, context)
    } catch (error) {
      if (error instanceof LogArchiveError)
        throw new MemosError('invalid_archive', { field: 'body', detail: error.message }, { cause: error })
      // Somebody else reads the same log: importing again goes on from there.
      if (!(error instanceof GuardError || error instanceof UniqueError)) throw error
      report.error = 'busy'
    }
    return report
  }

  async #windows(
    session: VaultSession,
    bytes: AsyncIterable<Uint8Array>,
    report: MipArchiveReport,
    context: RequestContext,
  ): Promise<void> {
    const branch = new ArchiveBranch()
    for await (const part of archiveWindows(readLogArchive(bytes))) {
      const { org, log } = part.name
      report.org = org as Did
      report.log = log
      report.entries += part.entries.length
      report.error = null
      const window = await branch.next(session, part)
      await this.#take(session, window, new ArchiveRemote(window, branch), report, context)
      if (!branch.read(window, report.error)) return
    }
    branch.finish(report, report.error)
    report.atEnd = report.error === null
  }

  async #take(
    session: VaultSession,
    { name: { org: did, log }, entries }: ArchiveWindow,
    remote: ArchiveRemote,
    report: MipArchiveReport,
    context: RequestContext,
  ): Promise<void> {
    const here = this.#components.mip
    const following = await followersOf(session, did)
    if (here === null || following.length === 0)
      throw new MemosError('precondition_failed', { field: 'body', expected: 'a log of a publisher that is followed' })
    const tier = await tierOf(session, did)
    if (tier === 'blocked') report.error = 'blocked'
    const authority = log === MAIN_LOG ? null : await authorityOf(session, did)
    if (log !== MAIN_LOG && authority === null) report.error = 'no_authority'
    if (report.error !== null) return
    const mip: MipParts = { ...here, remotes: { open: () => null, only: remote } }
    const follower = new LogFollower({
      mip,
      runtime: this.#components.runtime,
      moved: this.#components.moved,
      rewind: new LogRewind(this.#components),
    })
    const pagesMax = PAGES_BESIDES + Math.ceil(entries.length / MIP_LOG_PAGE_ENTRIES_MAX)
    const followed = await follower.follow(session, { did, log, authority, pagesMax }, context)
    report.verified += followed.verified
    report.error = followed.error
    const { row } = followed
    if (row === null) return
    for (const subscription of following.filter((one) => one.log === log && one.state !== 'paused'))
      await this.#subscriber.advance(
        session,
        mip,
        subscription,
        { row, tier, authority: followed.authority },
        context,
        report,
      )
  }
}

async function followersOf(session: VaultSession, did: string): Promise<MipSubscriptionRow[]> {
  const shown = await session.followed.subscriptions({ limit: MIP_SUBSCRIPTIONS_MAX })
  return shown.map(({ subscription }) => subscription).filter((one) => one.did === did)
}

async function authorityOf(session: VaultSession, did: string): Promise<Authority | null> {
  const row = await session.followed.log(did, MAIN_LOG)
  return (row?.state as { authority?: Authority | null } | undefined)?.authority ?? null
}
