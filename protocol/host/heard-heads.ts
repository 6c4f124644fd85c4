import { MIP_CLOCK_SKEW_MS_MAX, MIP_HEADS_HEARD_MAX } from '../../schemas/limits-mip.ts'
import type { Head } from '../../schemas/mip-entry.ts'
import type { Ed25519 } from '../core/ed25519-rule.ts'
import type { GossipVerdict } from '../core/gossip-message.ts'
import { type OpenedHead, openHead } from '../core/head.ts'
import { keyOfDid } from '../core/keys.ts'
import { verifySigned } from '../core/signed.ts'

/** Hears that a log may have gone on. Nothing is believed: whoever follows the log looks there. */
export interface HeadHints {
  headSeen(did: string, log: string, epoch: number, seq: number): Promise<void>
}

export interface HeardHeadsInit {
  ed25519: Ed25519
  nowMs: () => number
  hints: HeadHints
  /** A hint could not be given. */
  onError: (error: unknown) => void
}

/** The same log may be announced again after so long; what comes faster is not passed on. */
const REPEAT_MS_MIN = 2000
/** Hints about one log are given no faster than this, whoever makes them up. */
const HINT_MS_MIN = 250

/**
 * What head beacons say, from whomever (MIP 4.4). A beacon is passed on when its signature is right and it is newer than the last one of its
 * signer. Whether that key may speak for the log is decided by the log, which a follower reads; so a beacon can cost it one look, no more.
 */
export class HeardHeads {
  readonly #init: HeardHeadsInit
  /** By signer and log: the newest beacon. The one that was silent for longest goes first. */
  readonly #newest = new Map<string, Head>()

  /** Logs that were hinted a moment ago, and what was said of them since. */
  readonly #hinted = new Map<string, { next: Head | null; timer: ReturnType<typeof setTimeout> }>()

  constructor(init: HeardHeadsInit) {
    this.#init = init
  }

  /** Judges a beacon on the wire before it is passed on. */
  async judge(wire: Uint8Array): Promise<GossipVerdict> {
    let opened: OpenedHead
    try {
      opened = openHead(wire)
    } catch {
      return 'reject'
    }
    const { head } = opened
    if (Math.abs(head.ts - this.#init.nowMs()) > MIP_CLOCK_SKEW_MS_MAX) return 'ignore'
    const known = this.#newest.get(nameOf(head))
    if (known && !isNews(known, head)) return 'ignore'
    if (!(await verifySigned('head', opened, keyOfDid(head.key), this.#init.ed25519))) return 'reject'
    this.#keep(head)
    return 'accept'
  }

  /** Gives the hint of a beacon that was accepted. @returns whose log it is, or null for what is no beacon. */
  take(wire: Uint8Array): Head | null {
    try {
      const { head } = openHead(wire)
      this.#hint(head)
      return head
    } catch {
      return null
    }
  }

  close(): void {
    for (const { timer } of this.#hinted.values()) clearTimeout(timer)
    this.#hinted.clear()
  }

  /** The first at once; what follows closely waits, and only the last of it is told. */
  #hint(head: Head): void {
    const log = `${head.org} ${head.log}`
    const hinted = this.#hinted.get(log)
    if (hinted) {
      hinted.next = head
      return
    }
    if (this.#hinted.size >= MIP_HEADS_HEARD_MAX) return // the next beacon comes when there is room
    this.#hinted.set(log, { next: null, timer: setTimeout(() => this.#rested(log), HINT_MS_MIN) })
    this.#init.hints.headSeen(head.org, head.log, head.epoch, head.seq).catch(this.#init.onError)
  }

  #rested(log: string): void {
    const next = this.#hinted.get(log)?.next
    this.#hinted.delete(log)
    if (next) this.#hint(next)
  }

  #keep(head: Head): void {
    const name = nameOf(head)
    this.#newest.delete(name)
    this.#newest.set(name, head)
    if (this.#newest.size > MIP_HEADS_HEARD_MAX) this.#newest.delete(this.#newest.keys().next().value ?? '')
  }
}

const nameOf = ({ org, log, key }: Head) => `${key} ${org} ${log}`

function isNews(known: Head, head: Head): boolean {
  if (head.epoch !== known.epoch) return head.epoch > known.epoch
  if (head.seq !== known.seq) return head.seq > known.seq
  return head.ts >= known.ts + REPEAT_MS_MIN
}
