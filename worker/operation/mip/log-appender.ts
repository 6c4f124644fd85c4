import type { OpenedEntry } from '../../../protocol/core/entry.ts'
import { usableDelegation } from '../../../protocol/core/usable-delegation.ts'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_APPEND_ATTEMPTS_MAX, MIP_APPEND_PAUSE_MS_MAX } from '../../../schemas/limits-mip.ts'
import type { Entry } from '../../../schemas/mip-entry.ts'
import type { delegationWires } from '../../infrastructure/mip/delegation-wires.ts'
import type { IdentityDirectory } from '../../infrastructure/mip/identity-directory.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { Signer } from '../../ports/signer.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { OwnHeadGuard } from './own-head-guard.ts'
import { appendWrites, judged, type OwnLog, readOwnLog, refusedBy } from './own-log.ts'

/** What an entry of ours says; its place and signature follow. */
export type EntryDraft = Pick<Entry, 'op' | 'body' | 'sum'>

/** One batch: entries, and the writes that go with them or not at all. */
export interface AppendPlan {
  drafts: readonly EntryDraft[]
  writes: readonly VaultWrite[]
}

export interface Appended {
  org: Did
  epoch: number
  seq: number
  entries: readonly OpenedEntry[]
}

export interface LogAppenderComponents {
  signer: Signer | null
  identities: IdentityDirectory
  delegationWires: typeof delegationWires
  guard: OwnHeadGuard
  /** Tells peers that a log has gone on, after it is stored. */
  announce(log: LogName): void
  runtime: Runtime
  sleep(ms: number): Promise<void>
}

/** Appends what this deployment signs itself, with the key that an organisation's root has delegated to it. */
export class LogAppender {
  readonly #components: LogAppenderComponents

  constructor(components: LogAppenderComponents) {
    this.#components = components
  }

  /** @throws MemosError publishing_off */
  expectSigner(): Signer {
    const { signer } = this.#components
    if (signer === null)
      throw new MemosError('publishing_off', {
        detail: 'This deployment has no peer key (MEMOS_PEER_KEY), so it cannot sign for an organisation.',
      })
    return signer
  }

  /** @throws MemosError no_identity */
  async expectIdentity(orgId: string): Promise<Did> {
    const did = await this.#components.identities.didOf(orgId)
    if (did === null)
      throw new MemosError('no_identity', { detail: 'The organisation has no identity yet: memos org init makes one.' })
    return did as Did
  }

  /**
   * Appends what `plan` decides over the log as it stands, together with its writes. Where another publisher was faster, the log is read and the
   * plan made again: one place is never signed for twice. Null: the plan has nothing to append.
   * @throws MemosError publishing_off, no_identity, mip_refused, log_behind, peer_failed, log_busy
   */
  async append(
    session: VaultSession,
    log: string,
    context: RequestContext,
    plan: (own: OwnLog) => Promise<AppendPlan | null>,
  ): Promise<Appended | null> {
    const org = await this.expectIdentity(context.principal.orgId)
    for (let attempt = 0; attempt < MIP_APPEND_ATTEMPTS_MAX; attempt++) {
      const own = await readOwnLog(session.mipLogs, org, log)
      const planned = await plan(own)
      if (planned === null) return null
      try {
        return await this.#appendOnce(session, own, planned, context)
      } catch (error) {
        if (!(error instanceof GuardError || error instanceof UniqueError)) throw error
        context.signal.throwIfAborted()
        await this.#pause(attempt)
      }
    }
    throw new MemosError('log_busy', { retryAfterS: 1 })
  }

  #pause(attempt: number): Promise<void> {
    const { runtime, sleep } = this.#components
    const [dice = 0] = runtime.randomBytes(1)
    return sleep((Math.min(MIP_APPEND_PAUSE_MS_MAX, 10 * 2 ** attempt) * dice) / 255)
  }

  async #appendOnce(
    session: VaultSession,
    own: OwnLog,
    { drafts, writes }: AppendPlan,
    context: RequestContext,
  ): Promise<Appended> {
    const { runtime, guard, delegationWires: wires } = this.#components
    const signer = this.expectSigner()
    const { orgId } = context.principal
    const key = await signer.publishing(orgId)
    const nowMs = runtime.nowMs()
    const dlg = this.#delegationOf(own, key.did, nowMs)
    const delegations = await wires(session.mipLogs, own.org, [dlg])
    const peers = await session.mipLogs.peerAddresses()
    await guard.expectNewest({ orgId, own, key: key.did, signer, delegations, peers, nowMs, signal: context.signal })
    const entries: OpenedEntry[] = []
    for (const draft of drafts) {
      const { seq, cid } =
        entries.length === 0 ? own.state : { seq: own.state.seq + entries.length, cid: entries.at(-1)!.cid }
      const place = { v: 1, org: own.org, log: own.log, epoch: own.state.epoch, seq: seq + 1, prev: cid } as const
      entries.push(await key.signEntry({ ...place, ...draft, ts: nowMs, key: key.did, dlg }))
    }
    const outcome = await judged(own, entries, { signer, delegations, nowMs })
    await session.vault.apply([...appendWrites(own, outcome, runtime, nowMs), ...writes])
    guard.appended(orgId, own, outcome.state)
    this.#components.announce({ org: own.org, log: own.log })
    return { org: own.org, epoch: outcome.state.epoch, seq: outcome.state.seq, entries }
  }

  /** @throws MemosError mip_refused: whoever reads the entry would say the same */
  #delegationOf({ authority, log, state, row }: OwnLog, did: Did, atMs: number): Cid {
    if (state.frozen !== null || (row !== null && row.stopped !== null)) throw refusedBy('frozen')
    if (authority === null) throw refusedBy('no_authority')
    const dlg = usableDelegation(authority, { did, log, seq: state.seq + 1, atMs })
    if (dlg !== null) return dlg
    const known = authority.delegations.filter(({ delegation }) => delegation.aud === did)
    if (known.length === 0) throw refusedBy('unknown_key')
    throw refusedBy(known.every(({ delegation }) => atMs >= delegation.exp) ? 'delegation_expired' : 'key_revoked')
  }
}
