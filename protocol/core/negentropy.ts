import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { MIP_RECON_IDS_MAX, MIP_RECON_MESSAGE_BYTES_MAX } from '../../schemas/limits-mip.ts'
import {
  type Bound,
  END,
  FINGERPRINT_BYTES,
  ID_BYTES,
  ReconError,
  ReconReader,
  ReconWriter,
} from './negentropy-codec.ts'

/** Version 1 of negentropy, range-based set reconciliation (https://github.com/hoytech/negentropy). */
const VERSION = 0x61
const MODE = { skip: 0, fingerprint: 1, ids: 2 } as const
/** Ranges that a range is cut into; one with less than twice as many items is told item by item. */
const BUCKETS = 16
/** Room that is kept for the end of a message: one range that is cut, before it a bound, after it a fingerprint of all that is left. */
const RESERVE_BYTES = 1200

/** An item of a set. `ts`: integer from 0 on; `id`: 32 bytes. */
export interface ReconItem {
  ts: number
  id: Uint8Array
}

/** What the side that asks has learnt from an answer. */
export interface ReconStep {
  /** To be sent next; null when nothing is left to ask. */
  message: Uint8Array | null
  /** Ids that only this side has. */
  have: Uint8Array[]
  /** Ids that only the other side has. */
  need: Uint8Array[]
}

/** What is left of the message that is being read, and of the one that is being written. */
interface Exchange {
  reader: ReconReader
  out: ReconWriter
  have: Uint8Array[]
  need: Uint8Array[]
}

/** One side's set: asks about it, or answers. Messages are at most `messageBytesMax` long; work is linear in set and message. */
export class ReconSet {
  readonly #items: readonly ReconItem[]
  readonly #bytesMax: number

  /** `items`: in any order; one that is there twice counts once. */
  constructor(items: readonly ReconItem[], messageBytesMax = MIP_RECON_MESSAGE_BYTES_MAX) {
    this.#items = items
      .toSorted(compareItems)
      .filter((item, at, all) => at === 0 || compareItems(all[at - 1]!, item) !== 0)
    this.#bytesMax = messageBytesMax
  }

  get size(): number {
    return this.#items.length
  }

  /** The first message. */
  initiate(): Uint8Array {
    const out = started()
    this.#split(0, this.#items.length, END, out)
    return out.take()
  }

  /** Reads what came back. @throws ReconError */
  next(answer: Uint8Array): ReconStep {
    const reader = new ReconReader(answer)
    if (reader.byte() !== VERSION) throw new ReconError('bad_version')
    const exchange: Exchange = { reader, out: started(), have: [], need: [] }
    this.#walk(exchange, true)
    const { out, have, need } = exchange
    return { message: out.length === 1 ? null : out.take(), have, need }
  }

  /** Answers a message. One of another version is answered by the version that is spoken here. @throws ReconError */
  answer(message: Uint8Array): Uint8Array {
    const reader = new ReconReader(message)
    const version = reader.byte()
    if (version < 0x60 || version > 0x6f) throw new ReconError('bad_version')
    const exchange: Exchange = { reader, out: started(), have: [], need: [] }
    if (version === VERSION) this.#walk(exchange, false)
    return exchange.out.take()
  }

  /** Range by range; each ends where the next begins. What both agree on is passed over, and said in one go before the next difference. */
  #walk(exchange: Exchange, isInitiator: boolean): void {
    const { reader, out } = exchange
    let [lower, before, isSkipping]: [number, Bound, boolean] = [0, { ts: 0, prefix: new Uint8Array() }, false]
    while (!reader.isAtEnd) {
      const bound = reader.bound()
      const upper = this.#lowerBound(lower, bound)
      const range = { lower, upper, bound }
      const skipped = () => {
        if (isSkipping) writeSkip(out, before)
        isSkipping = false
      }
      const done = this.#range(exchange, range, isInitiator, skipped)
      if (done === null) isSkipping = true
      // What does not fit is asked for by one fingerprint, and comes with the next message.
      if (done?.isCut || out.length > this.#bytesMax - RESERVE_BYTES) {
        this.#fingerprint(done?.upper ?? upper, this.#items.length, END, out)
        return
      }
      lower = upper
      before = bound
    }
  }

  /** Reads one range and writes what follows from it. Null: nothing. `upper`: where it stopped. */
  #range(
    { reader, out, have, need }: Exchange,
    { lower, upper, bound }: { lower: number; upper: number; bound: Bound },
    isInitiator: boolean,
    skipped: () => void,
  ): { upper: number; isCut: boolean } | null {
    const mode = reader.varint()
    if (mode === MODE.skip) return null
    if (mode === MODE.fingerprint) {
      if (isSame(reader.bytes(FINGERPRINT_BYTES), fingerprintOf(this.#items.slice(lower, upper)))) return null
      skipped()
      this.#split(lower, upper, bound, out)
      return { upper, isCut: false }
    }
    if (mode !== MODE.ids) throw new ReconError('bad_mode')
    const ids = readIds(reader)
    if (isInitiator) {
      this.#compare(ids, lower, upper, { have, need })
      return null
    }
    skipped()
    return this.#tell(lower, upper, bound, out)
  }

  /** What only one side has of a range. */
  #compare(ids: readonly Uint8Array[], lower: number, upper: number, { have, need }: Pick<Exchange, 'have' | 'need'>) {
    const theirs = new Map(ids.map((id) => [bytesToHex(id), id]))
    for (const { id } of this.#items.slice(lower, upper)) if (!theirs.delete(bytesToHex(id))) have.push(id)
    need.push(...[...theirs.values()].map((id) => id.slice()))
    if (need.length + have.length > MIP_RECON_IDS_MAX) throw new ReconError('too_many')
  }

  /** The ids of a range, as many as fit. */
  #tell(lower: number, upper: number, bound: Bound, out: ReconWriter): { upper: number; isCut: boolean } {
    const room = Math.max(0, Math.floor((this.#bytesMax - RESERVE_BYTES - out.length) / ID_BYTES))
    const end = Math.min(upper, lower + room)
    const isCut = end < upper
    const last = this.#items[end]
    writeIds(out, isCut ? { ts: last!.ts, prefix: last!.id } : bound, this.#items.slice(lower, end))
    return { upper: end, isCut }
  }

  #split(lower: number, upper: number, bound: Bound, out: ReconWriter): void {
    const count = upper - lower
    if (count < BUCKETS * 2) {
      writeIds(out, bound, this.#items.slice(lower, upper))
      return
    }
    let from = lower
    for (let i = 0; i < BUCKETS; i++) {
      const to = from + Math.floor(count / BUCKETS) + (i < count % BUCKETS ? 1 : 0)
      this.#fingerprint(from, to, to === upper ? bound : between(this.#items[to - 1]!, this.#items[to]!), out)
      from = to
    }
  }

  #fingerprint(lower: number, upper: number, bound: Bound, out: ReconWriter): void {
    out.bound(bound)
    out.varint(MODE.fingerprint)
    out.bytes(fingerprintOf(this.#items.slice(lower, upper)))
  }

  /** Index of the first item, from `from` on, that is not before a bound. */
  #lowerBound(from: number, bound: Bound): number {
    let [low, high] = [from, this.#items.length]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (isBefore(this.#items[middle]!, bound)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function started(): ReconWriter {
  const out = new ReconWriter()
  out.byte(VERSION)
  return out
}

function writeSkip(out: ReconWriter, bound: Bound): void {
  out.bound(bound)
  out.varint(MODE.skip)
}

function writeIds(out: ReconWriter, bound: Bound, items: readonly ReconItem[]): void {
  out.bound(bound)
  out.varint(MODE.ids)
  out.varint(items.length)
  for (const { id } of items) out.bytes(id)
}

function readIds(reader: ReconReader): Uint8Array[] {
  const ids: Uint8Array[] = []
  for (let left = reader.varint(); left > 0; left--) ids.push(reader.bytes(ID_BYTES))
  return ids
}

/** First 16 bytes of sha2-256 over the sum of the ids (little-endian, modulo 2^256) and their number as varint. */
export function fingerprintOf(items: readonly ReconItem[]): Uint8Array {
  const sum = new Uint32Array(ID_BYTES / 4)
  for (const { id } of items) {
    const view = new DataView(id.buffer, id.byteOffset, ID_BYTES)
    let carry = 0
    for (let i = 0; i < sum.length; i++) {
      const word = sum[i]! + view.getUint32(4 * i, true) + carry
      sum[i] = word
      carry = word > 0xffffffff ? 1 : 0
    }
  }
  const bytes = new Uint8Array(ID_BYTES)
  for (const [i, word] of sum.entries()) new DataView(bytes.buffer).setUint32(4 * i, word, true)
  const count = new ReconWriter()
  count.varint(items.length)
  return sha256(concatBytes(bytes, count.take())).slice(0, FINGERPRINT_BYTES)
}

/** The shortest bound that tells two neighbours apart. */
function between(last: ReconItem, next: ReconItem): Bound {
  if (next.ts !== last.ts) return { ts: next.ts, prefix: new Uint8Array() }
  const shared = next.id.findIndex((byte, i) => byte !== last.id[i])
  return { ts: next.ts, prefix: next.id.slice(0, shared + 1) }
}

const isBefore = (item: ReconItem, { ts, prefix }: Bound): boolean =>
  item.ts < ts || (item.ts === ts && compareBytes(item.id.subarray(0, prefix.length), prefix) < 0)

const compareItems = (a: ReconItem, b: ReconItem): number => a.ts - b.ts || compareBytes(a.id, b.id)

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i])
