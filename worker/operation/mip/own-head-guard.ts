import type { DelegationLookup } from '../../../protocol/core/delegation.ts'
import { type OpenedHead, openHead } from '../../../protocol/core/head.ts'
import { keyOfDid } from '../../../protocol/core/keys.ts'
import { headFault } from '../../../protocol/core/log-apply.ts'
import { compareHead } from '../../../protocol/core/log-state.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import { toWire, verifySigned } from '../../../protocol/core/signed.ts'
import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_CALL_MS_MAX, MIP_OWN_HEAD_PEERS_MAX } from '../../../schemas/limits-mip.ts'
import type { Logger } from '../../ports/logger.ts'
import type { MipRemotes } from '../../ports/mip.ts'
import type { Signer } from '../../ports/signer.ts'
import type { OwnLog } from './own-log.ts'

export interface OwnHeadGuardComponents {
  remotes: MipRemotes
  logger: Logger
}

export interface GuardInput {
  orgId: string
  own: OwnLog
  /** Our publishing key, which signs our heads. */
  key: Did
  signer: Signer
  delegations: DelegationLookup
  /** Peers beside the replicas that the organisation names. */
  peers: readonly string[]
  nowMs: number
  signal: AbortSignal
}

/**
 * Keeps a publisher whose database was restored from a backup from signing a second entry for a place that it has filled before (MIP 4.3): before
 * the first entry after a start, and whenever the database stands before what this process has seen, others are asked how far our log goes.
 */
export class OwnHeadGuard {
  readonly #components: OwnHeadGuardComponents
  readonly #seen = new Map<string, { epoch: number; seq: number }>()

  constructor(components: OwnHeadGuardComponents) {
    this.#components = components
  }

  /**
   * @throws MemosError log_behind (others have more), peer_failed (the organisation names replicas and none answers: they might have more)
   */
  async expectNewest(input: GuardInput): Promise<void> {
    const { orgId, own } = input
    const seen = this.#seen.get(placeName(orgId, own))
    if (seen !== undefined && !isBefore(own.state, seen)) return
    if (seen !== undefined) throw behind()
    const replicas = own.authority === null ? [] : [...own.authority.replicas.urls, ...own.authority.replicas.addrs]
    const named = await this.#ask(replicas, input)
    if (replicas.length > 0 && !named.isAnswered)
      throw new MemosError('peer_failed', { detail: 'No replica says how far our log goes there.', retryAfterS: 30 })
    const others = await this.#ask(
      input.peers.filter((address) => !replicas.includes(address)),
      input,
    )
    if (named.isAhead || others.isAhead) throw behind()
    this.#seen.set(placeName(orgId, own), { epoch: own.state.epoch, seq: own.state.seq })
  }

  /** Remembers how far a log goes, once what was appended is through. */
  appended(orgId: string, own: Pick<OwnLog, 'org' | 'log'>, place: { epoch: number; seq: number }): void {
    const name = placeName(orgId, own)
    const seen = this.#seen.get(name)
    if (seen === undefined || isBefore(seen, place)) this.#seen.set(name, { epoch: place.epoch, seq: place.seq })
  }

  async #ask(addresses: readonly string[], input: GuardInput): Promise<{ isAnswered: boolean; isAhead: boolean }> {
    const answers = await Promise.all(
      addresses.slice(0, MIP_OWN_HEAD_PEERS_MAX).map((address) => this.#isAhead(address, input)),
    )
    return { isAnswered: answers.some((ahead) => ahead !== null), isAhead: answers.includes(true) }
  }

  /** Whether a peer has more of our log; null when it gives no answer. Only a head that our own keys have signed counts. */
  async #isAhead(address: string, input: GuardInput): Promise<boolean | null> {
    const { own, signal } = input
    const remote = this.#components.remotes.open(address)
    if (remote === null) return null
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(MIP_CALL_MS_MAX)])
      const wire = await remote.head({ org: own.org, log: own.log }, { signal: deadline })
      if (wire === null) return false
      const opened = openHead(toWire({ bytes: wire[0], signature: wire[1] }))
      if (!(await isOurs(opened, input))) return false
      const order = compareHead(own.state, opened.head)
      return order === 'ahead' || order === 'fork'
    } catch (error) {
      if (signal.aborted) throw error
      if (error instanceof MipError) return false
      this.#components.logger.warn('own_head_unknown', { peer: remote.name })
      return null
    }
  }
}

async function isOurs(opened: OpenedHead, { own, key, signer, delegations, nowMs }: GuardInput): Promise<boolean> {
  const { head } = opened
  if (head.org !== own.org || head.log !== own.log) return false
  // An old database may not know the delegation that a newer head stands on; our own signature is proof enough that it was ours.
  if (head.key === key) return verifySigned('head', opened, keyOfDid(key), signer.ed25519)
  const { authority } = own
  return (await headFault(opened, own.state, { authority, delegations, nowMs, ed25519: signer.ed25519 })) === null
}

type Place = { epoch: number; seq: number }

const isBefore = (a: Place, b: Place) => a.epoch < b.epoch || (a.epoch === b.epoch && a.seq < b.seq)
const placeName = (orgId: string, { org, log }: Pick<OwnLog, 'org' | 'log'>) => `${orgId}/${org}/${log}`
const behind = () =>
  new MemosError('log_behind', {
    detail: 'Peers have more of this log than this database, which is perhaps a restored backup. Nothing was appended.',
  })
