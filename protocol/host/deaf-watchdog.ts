import { MIP_HEAD_BEACON_MS, MIP_HEAD_BEACONS_MISSED_MAX } from '../../schemas/limits-mip.ts'

export type DeafReason =
  | 'no_recipient' // it takes part in a topic and is sent nothing: the stream to it is gone
  | 'head_unseen' // its beacons stay away: the stream from it is gone, or it is

/** A peer that was cut off and called again. Whoever follows it has to catch up from its log: gossip brings nothing back. */
export interface DeafPeer {
  peerId: string
  reason: DeafReason
  /** Connected again. */
  isBack: boolean
}

export interface DeafWatchdogInit {
  /** Closes the connections to a peer and opens a new one; says whether that worked. */
  reconnect: (peerId: string) => Promise<boolean>
  isConnected: (peerId: string) => boolean
  onDeaf: (peer: DeafPeer) => void
  beaconMs?: number
  /** A stream may take so long to open after the other side subscribed. */
  graceMs?: number
  now?: () => number
}

const GRACE_MS = 2000

/**
 * A stalled gossip stream can stay dead on a living connection while subscriptions look whole (MIP 2.1, 4.3); only a new connection heals it.
 * Two signs give it away: subscribers that a publish does not reach, and head beacons that stay away.
 */
export class DeafWatchdog {
  readonly #init: DeafWatchdogInit
  readonly #now: () => number
  readonly #beaconMs: number
  /** Since when publishes pass a subscriber by. */
  readonly #missedSince = new Map<string, number>()
  /** By publisher: the peer that should send its beacons, and when one was seen last. */
  readonly #heads = new Map<string, { peerId: string; seenAt: number }>()
  /** When a peer was called again: not more often than beacons may stay away, whatever it does. */
  readonly #healedAt = new Map<string, number>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(init: DeafWatchdogInit) {
    this.#init = init
    this.#now = init.now ?? (() => performance.now())
    this.#beaconMs = init.beaconMs ?? MIP_HEAD_BEACON_MS
    this.#timer = setInterval(() => this.tick(), this.#beaconMs / 2)
    this.#timer.unref?.()
  }

  /** A message went out: to whom it should have gone, and to whom it went. */
  published(subscribers: readonly string[], recipients: readonly string[]): void {
    const reached = new Set(recipients)
    for (const peerId of subscribers) {
      if (reached.has(peerId)) {
        this.#missedSince.delete(peerId)
        continue
      }
      const since = this.#missedSince.get(peerId) ?? this.#now()
      this.#missedSince.set(peerId, since)
      if (this.#now() - since >= (this.#init.graceMs ?? GRACE_MS)) this.#heal(peerId, 'no_recipient')
    }
  }

  /** From now on beacons of this publisher are expected; `peerId` is who should send them. */
  expectHead(publisher: string, peerId: string): void {
    this.#heads.set(publisher, { peerId, seenAt: this.#now() })
  }

  forgetHead(publisher: string): void {
    this.#heads.delete(publisher)
  }

  /** A valid beacon of this publisher came, by whatever way. */
  headSeen(publisher: string): void {
    const head = this.#heads.get(publisher)
    if (head) head.seenAt = this.#now()
  }

  /** Looks for publishers that are overdue. A timer calls it. */
  tick(): void {
    for (const peerId of this.#missedSince.keys()) if (!this.#init.isConnected(peerId)) this.#missedSince.delete(peerId)
    for (const [peerId, at] of this.#healedAt) if (this.#now() - at >= this.#overdueMs) this.#healedAt.delete(peerId)
    for (const head of this.#heads.values()) {
      if (this.#now() - head.seenAt < this.#overdueMs) continue
      head.seenAt = this.#now() // the next look comes after as many beacons again
      this.#heal(head.peerId, 'head_unseen')
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  get #overdueMs(): number {
    return this.#beaconMs * MIP_HEAD_BEACONS_MISSED_MAX
  }

  #heal(peerId: string, reason: DeafReason): void {
    this.#missedSince.delete(peerId)
    if (this.#healedAt.has(peerId)) return
    this.#healedAt.set(peerId, this.#now())
    void this.#init
      .reconnect(peerId)
      .catch(() => false)
      .then((isBack) => this.#init.onDeaf({ peerId, reason, isBack }))
  }
}
