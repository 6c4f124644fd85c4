import { bitfieldFor, countChunks } from './bitfield.ts'
import { ChunkShares, type Peer } from './chunk-shares.ts'
import {
  DOWNLOAD_RULES,
  type DownloadAction,
  type DownloadEvent,
  type DownloadRules,
  type DropReason,
} from './download-rules.ts'
import { type BlobShape, chunkCount } from './manifest.ts'

/**
 * Plans one download: events in, actions out. No I/O, no clock, no hashing; the same events give the same actions.
 * Providers take runs of missing chunks and steal halves of each other's runs; at the end idle ones are asked for what others still owe,
 * from the back, and the first to deliver wins. Nothing is requested before the whole size is reserved (MIP 4.7).
 */
export class BlobDownload {
  readonly #shape: BlobShape
  readonly #rules: DownloadRules
  readonly #peers = new Map<string, Peer>()
  readonly #waiting: string[] = []
  readonly #dropped = new Set<string>()
  #shares: ChunkShares | null = null
  #arrived = 0
  #written = 0
  #ended = false

  constructor(shape: BlobShape, rules: Partial<DownloadRules> = {}) {
    this.#shape = shape
    this.#rules = { ...DOWNLOAD_RULES, ...rules }
  }

  /** The first action: what has to be reserved. */
  start(): DownloadAction[] {
    return [{ type: 'reserve', bytes: this.#shape.size }]
  }

  /** When the next `tick` is due; null while nobody owes a chunk. */
  get dueAtMs(): number | null {
    let due = Number.POSITIVE_INFINITY
    for (const peer of this.#peers.values()) due = Math.min(due, this.#deadlineOf(peer))
    return Number.isFinite(due) ? due : null
  }

  /** Takes one event and says what follows from it. */
  on(event: DownloadEvent): DownloadAction[] {
    if (this.#ended) return []
    const actions = this.#react(event)
    if (!this.#shares) return actions
    this.#promote(event.atMs)
    this.#fill(event.atMs, actions)
    this.#end(actions)
    return actions
  }

  #react(event: DownloadEvent): DownloadAction[] {
    if (event.type === 'reserved') return this.#begin(event.have)
    if (event.type === 'provider') return this.#meet(event.provider)
    if (event.type === 'written') return this.#noteWritten(event)
    if (event.type === 'tick') return this.#dropLate(event.atMs)
    const peer = this.#peers.get(event.provider)
    if (!peer) return []
    if (event.type === 'failed') return [this.#drop(peer, 'failed')]
    if (event.type === 'absent') return this.#lack(peer, event.indexes)
    return this.#take(peer, event)
  }

  #begin(have: Uint8Array): DownloadAction[] {
    const chunks = chunkCount(this.#shape)
    const bits = bitfieldFor(chunks, have)
    this.#shares = new ChunkShares(bits, chunks)
    this.#arrived = countChunks(bits)
    this.#written = this.#arrived
    return []
  }

  #meet(id: string): DownloadAction[] {
    const isKnown = this.#peers.has(id) || this.#dropped.has(id) || this.#waiting.includes(id)
    if (!isKnown) this.#waiting.push(id)
    return []
  }

  #promote(atMs: number): void {
    while (this.#peers.size < this.#rules.providersMax && this.#waiting.length > 0) {
      const id = this.#waiting.shift()!
      this.#peers.set(id, {
        id,
        run: null,
        asked: new Set(),
        late: new Set(),
        absent: new Set(),
        heardAtMs: atMs,
        writing: 0,
      })
    }
  }

  #take(peer: Peer, { index, valid, atMs }: { index: number; valid: boolean; atMs: number }): DownloadAction[] {
    const isAwaited = peer.asked.delete(index)
    if (!isAwaited && !peer.late.delete(index)) return [this.#drop(peer, 'unrequested')]
    if (!valid) {
      if (isAwaited) this.#shares!.giveBack([index], this.#peers.values())
      return [this.#drop(peer, 'bad_chunk')]
    }
    peer.heardAtMs = atMs
    if (!isAwaited) return []
    this.#shares!.finish(index)
    this.#arrived += 1
    peer.writing += 1
    return [{ type: 'write', index }, ...this.#cancelCopies(index)]
  }

  #noteWritten({ provider, atMs }: { provider: string; atMs: number }): DownloadAction[] {
    this.#written += 1
    const peer = this.#peers.get(provider)
    if (peer) {
      peer.writing -= 1
      peer.heardAtMs = atMs
    }
    return []
  }

  #cancelCopies(index: number): DownloadAction[] {
    const actions: DownloadAction[] = []
    for (const other of this.#peers.values()) {
      if (!other.asked.delete(index)) continue
      other.late.add(index)
      actions.push({ type: 'cancel', provider: other.id, indexes: [index] })
    }
    return actions
  }

  #lack(peer: Peer, indexes: readonly number[]): DownloadAction[] {
    const owed = indexes.filter((index) => peer.asked.delete(index))
    for (const index of owed) peer.absent.add(index)
    for (const index of indexes) peer.late.delete(index)
    this.#shares?.giveBack(owed, this.#peers.values())
    return []
  }

  #dropLate(atMs: number): DownloadAction[] {
    const isLate = (peer: Peer) => atMs >= this.#deadlineOf(peer)
    return [...this.#peers.values()].filter(isLate).map((peer) => this.#drop(peer, 'too_slow'))
  }

  #deadlineOf(peer: Peer): number {
    const { graceMs, bytesPerSecondMin } = this.#rules
    if (peer.asked.size === 0 || peer.writing > 0) return Number.POSITIVE_INFINITY
    return peer.heardAtMs + graceMs + Math.ceil((this.#shape.chunk * 1000) / bytesPerSecondMin)
  }

  #drop(peer: Peer, reason: DropReason): DownloadAction {
    this.#peers.delete(peer.id)
    this.#dropped.add(peer.id)
    this.#shares?.release(peer, this.#peers.values())
    return { type: 'drop', provider: peer.id, reason, strike: reason === 'bad_chunk' || reason === 'unrequested' }
  }

  #fill(atMs: number, actions: DownloadAction[]): void {
    const { windowChunksMax, requestChunksMax } = this.#rules
    for (const peer of this.#peers.values()) {
      while (peer.asked.size + requestChunksMax <= windowChunksMax) {
        const indexes = this.#next(peer)
        if (indexes.length === 0) break
        // Silence counts from the moment at which something is owed.
        if (peer.asked.size === 0) peer.heardAtMs = atMs
        for (const index of indexes) {
          peer.asked.add(index)
          peer.late.delete(index)
        }
        actions.push({ type: 'request', provider: peer.id, indexes })
      }
    }
  }

  #next(peer: Peer): number[] {
    const { requestChunksMax, copiesMax } = this.#rules
    const own = this.#shares!.take(peer, this.#peers.values(), requestChunksMax)
    if (own.length > 0 || peer.asked.size > 0) return own
    return this.#shares!.copies(peer, this.#peers.values(), { copiesMax, max: requestChunksMax })
  }

  #end(actions: DownloadAction[]): void {
    const chunks = chunkCount(this.#shape)
    if (this.#written === chunks) {
      this.#ended = true
      actions.push({ type: 'complete' })
      return
    }
    const isOwed = [...this.#peers.values()].some((peer) => peer.asked.size > 0)
    if (this.#arrived < chunks && !isOwed) actions.push({ type: 'starved' })
  }
}
