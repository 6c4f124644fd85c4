import {
  MIP_GOSSIP_MESSAGES_PER_SECOND_MAX,
  MIP_GOSSIP_SHUT_MS,
  MIP_PEER_BUCKETS_MAX,
} from '../../schemas/limits-mip.ts'

/** So many messages at once are no flood: what a neighbour has kept for a peer that was away. */
const BURST = 2 * MIP_GOSSIP_MESSAGES_PER_SECOND_MAX

/**
 * Counts what each neighbour sends by gossip. A message that came costs most of what it ever will before anybody can judge it, so a peer that
 * sends too many is not ignored but shut out for a while: the log is still there for it, and for us.
 */
export class FloodGate {
  readonly #now: () => number
  readonly #peers = new Map<string, { tokens: number; at: number }>()
  readonly #shut = new Map<string, number>()

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Counts a message; false when it is one too many, and the peer is shut out. */
  take(peerId: string): boolean {
    const now = this.#now()
    if (this.isShut(peerId)) return false
    const { tokens, at } = this.#peers.get(peerId) ?? { tokens: BURST, at: now }
    const left = Math.min(BURST, tokens + ((now - at) * MIP_GOSSIP_MESSAGES_PER_SECOND_MAX) / 1000) - 1
    if (left >= 0) {
      remember(this.#peers, peerId, { tokens: left, at: now })
      return true
    }
    this.#peers.delete(peerId)
    remember(this.#shut, peerId, now + MIP_GOSSIP_SHUT_MS)
    return false
  }

  /** Whether a peer is neither let in nor called. */
  isShut(peerId: string): boolean {
    const until = this.#shut.get(peerId)
    if (until !== undefined && until <= this.#now()) this.#shut.delete(peerId)
    return this.#shut.has(peerId)
  }
}

/** A Map keeps the order of insertion: the least recently seen peer stands first. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > MIP_PEER_BUCKETS_MAX) map.delete(map.keys().next().value ?? '')
}
