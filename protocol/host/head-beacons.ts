import {
  MIP_GOSSIP_MESSAGE_BYTES_MAX,
  MIP_HEAD_BEACON_ACTIVE_MS,
  MIP_HEAD_BEACON_IDLE_LOGS_MAX,
  MIP_HEAD_BEACON_IDLE_MS,
  MIP_HEAD_BEACON_MS,
  MIP_LOG_PAGE_ENTRIES_MAX,
} from '../../schemas/limits-mip.ts'
import type { Head } from '../../schemas/mip-entry.ts'
import { argumentsOf, openEntryParts } from '../core/entry.ts'
import { openHead } from '../core/head.ts'
import { encodeMipCbor } from '../core/mip-cbor.ts'
import { encodeSigned } from '../core/wire-codec.ts'
import type { LogName, SignedBytes } from '../core/wire-types.ts'
import type { Gossip } from './gossip.ts'
import { type gossipTopics, isNsid } from './gossip-topics.ts'
import type { MipServeOptions, MipSource } from './mip-source.ts'

export interface HeadBeaconsInit {
  source: MipSource
  gossip: Pick<Gossip, 'publish' | 'subscribers'>
  topics: ReturnType<typeof gossipTopics>
  /** Who asks the source: this node. */
  options: () => MipServeOptions
  beaconMs?: number
  idleMs?: number
  activeMs?: number
  onError: (error: unknown) => void
  now?: () => number
}

/** A log of ours, how far it was announced, and until when its head is sent often. */
interface Announced extends LogName {
  epoch: number
  seq: number
  activeUntil: number
}

/**
 * Tells the network where the logs of this deployment end (MIP 4.3): at once when something was added, then every beacon for a while, so that a
 * lost message is healed within one; then rarely, because a Worker pays for what its peers send and is woken by it.
 */
export class HeadBeacons {
  readonly #init: HeadBeaconsInit
  readonly #now: () => number
  readonly #logs = new Map<string, Announced>()
  readonly #timers: ReturnType<typeof setInterval>[]
  #idleTurn = 0

  constructor(init: HeadBeaconsInit) {
    this.#init = init
    this.#now = init.now ?? (() => performance.now())
    const every = (ms: number, work: () => Promise<void>) => {
      const timer = setInterval(() => void work.call(this).catch(init.onError), ms)
      timer.unref?.()
      return timer
    }
    this.#timers = [
      every(init.beaconMs ?? MIP_HEAD_BEACON_MS, this.tick),
      every(init.idleMs ?? MIP_HEAD_BEACON_IDLE_MS, this.idleTick),
    ]
  }

  /** Something was added to a log of ours: its head goes out, and its new entries to those who take part in their topics. */
  async announce(log: LogName): Promise<void> {
    const signed = await this.#init.source.head(log, this.#init.options())
    if (signed === null) return
    const before = this.#logs.get(nameOf(log))
    const head = this.#note(signed)
    await this.#publishHead(signed)
    await this.#publishEntries(log, {
      epoch: head.epoch,
      seq: before?.epoch === head.epoch ? before.seq + 1 : head.seq,
    })
  }

  /** Beacons of the logs that were added to lately. A timer calls it. */
  async tick(): Promise<void> {
    for (const { org, log, activeUntil } of this.#logs.values()) {
      if (activeUntil <= this.#now()) continue
      const signed = await this.#init.source.head({ org, log }, this.#init.options())
      if (signed) await this.#publishHead(signed)
    }
  }

  /** Beacons of some of the other logs; those that have gone on without a word become active. A timer calls it. */
  async idleTick(): Promise<void> {
    const { heads } = await this.#init.source.hello(null, this.#init.options())
    const idle: SignedBytes[] = []
    for (const signed of heads) {
      const { head } = openSigned(signed)
      const known = this.#logs.get(nameOf(head))
      if (known && known.epoch === head.epoch && known.seq === head.seq) {
        if (known.activeUntil <= this.#now()) idle.push(signed)
        continue
      }
      this.#note(signed)
      await this.#publishHead(signed)
    }
    for (let i = 0; i < Math.min(idle.length, MIP_HEAD_BEACON_IDLE_LOGS_MAX); i++) {
      const signed = idle[this.#idleTurn++ % idle.length]
      if (signed) await this.#publishHead(signed)
    }
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  #note(signed: SignedBytes): Head {
    const { head } = openSigned(signed)
    const { org, log, epoch, seq } = head
    const activeUntil = this.#now() + (this.#init.activeMs ?? MIP_HEAD_BEACON_ACTIVE_MS)
    this.#logs.set(nameOf(head), { org, log, epoch, seq, activeUntil })
    return head
  }

  async #publishHead(signed: SignedBytes): Promise<void> {
    await this.#init.gossip.publish(this.#init.topics.head, encodeSigned(signed))
  }

  /** Entries as hints, with their body where it fits: who lacks one of them reads the log. */
  async #publishEntries(log: LogName, from: { epoch: number; seq: number }): Promise<void> {
    const { source, gossip, topics, options } = this.#init
    const page = await source.readLog({ ...log, from, limit: MIP_LOG_PAGE_ENTRIES_MAX }, options())
    for (const [bytes, signature] of page?.entries ?? []) {
      const { entry } = openEntryParts(bytes, signature)
      const named = argumentsOf(entry, 'cube.publish')?.topics ?? []
      const wanted = named
        .filter(isNsid)
        .map(topics.of)
        .filter((topic) => gossip.subscribers(topic).length > 0)
      if (wanted.length === 0) continue
      const [body] = entry.body ? await source.objects([entry.body], options()) : []
      const whole = encodeMipCbor(
        body ? [bytes, signature, body] : [bytes, signature],
        2 * MIP_GOSSIP_MESSAGE_BYTES_MAX,
      )
      const message = whole.length <= MIP_GOSSIP_MESSAGE_BYTES_MAX ? whole : encodeMipCbor([bytes, signature])
      for (const topic of wanted) await gossip.publish(topic, message)
    }
  }
}

const nameOf = ({ org, log }: LogName) => `${org} ${log}`

const openSigned = (signed: SignedBytes) => openHead(encodeSigned(signed))
