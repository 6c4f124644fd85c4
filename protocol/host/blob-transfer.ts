import { createHash } from 'node:crypto'
import type { Cid } from '../../schemas/cid.ts'
import { bitfieldFor, countChunks } from '../core/bitfield.ts'
import { BlobDownload } from '../core/blob-download.ts'
import type { DownloadAction, DownloadEvent, DownloadRules, DropReason } from '../core/download-rules.ts'
import { chunkCount, isChunk, type Manifest } from '../core/manifest.ts'
import type { ChunkSink } from './chunk-sink.ts'

/** Somebody who may have the chunks of a blob. */
export interface ChunkProvider {
  readonly id: string
  /**
   * The chunks of a blob in the order asked for; those that it does not have are left out. A connection that breaks throws. Nothing that it
   * gives is believed. The bytes of a chunk are the provider's again as soon as the next one is asked for or nobody asks any more.
   */
  chunks(cid: Cid, indexes: readonly number[], signal: AbortSignal): AsyncIterable<readonly [number, Uint8Array]>
}

/** Time and timers of a transfer. */
export interface TransferClock {
  nowMs(): number
  /** Calls `work` at that time or later; the answer takes it back. */
  at(atMs: number, work: () => void): () => void
}

const SYSTEM_CLOCK: TransferClock = {
  nowMs: () => performance.now(),
  at: (atMs, work) => {
    const timer = setTimeout(work, Math.max(0, Math.ceil(atMs - performance.now())))
    return () => clearTimeout(timer)
  },
}

export interface DownloadInit {
  /** Name of the blob: the CID of its manifest, which the caller has checked. */
  cid: Cid
  manifest: Manifest
  providers: readonly ChunkProvider[]
  sink: ChunkSink
  signal?: AbortSignal
  clock?: TransferClock
  rules?: Partial<DownloadRules>
}

export interface DroppedProvider {
  provider: string
  reason: DropReason
  /** It sent what nobody asked for or what does not match its hash: the caller counts it against the provider. */
  strike: boolean
}

export interface DownloadReport {
  /** Chunks that were there before. */
  resumed: number
  /** Chunks that arrived and were written. */
  fetched: number
  /** Chunks that arrived and were of no use: wrong, not asked for, or late. */
  wasted: number
  dropped: DroppedProvider[]
}

/** No provider is left that may have what is missing. What was verified is kept for the next time. */
export class BlobStarvedError extends Error {
  override name = 'BlobStarvedError'
  readonly code = 'blob_starved'
  readonly report: DownloadReport

  constructor(report: DownloadReport) {
    super('no provider is left for the missing chunks of the blob')
    this.report = report
  }
}

/**
 * Fetches a blob into a sink from several providers at once, checking every chunk before it is written.
 * @throws BlobStarvedError; what the sink throws (no room); the reason of the signal.
 */
export async function downloadBlob(init: DownloadInit): Promise<DownloadReport> {
  const transfer = new Transfer(init)
  try {
    const report = await transfer.run()
    await init.sink.complete()
    return report
  } finally {
    await init.sink.close()
  }
}

/** Asking one provider once. */
interface Request {
  provider: ChunkProvider
  owed: Set<number>
  abort: AbortController
}

class Transfer {
  readonly #init: DownloadInit
  readonly #clock: TransferClock
  readonly #plan: BlobDownload
  readonly #requests = new Set<Request>()
  readonly #report: DownloadReport = { resumed: 0, fetched: 0, wasted: 0, dropped: [] }
  readonly #done = Promise.withResolvers<DownloadReport>()
  readonly #writes = new Set<Promise<void>>()
  #cancelTimer: (() => void) | null = null

  constructor(init: DownloadInit) {
    this.#init = init
    this.#clock = init.clock ?? SYSTEM_CLOCK
    this.#plan = new BlobDownload(init.manifest, init.rules)
  }

  async run(): Promise<DownloadReport> {
    const { signal, sink, providers } = this.#init
    const stop = () => this.#done.reject(signal?.reason)
    this.#done.promise.catch(() => {})
    try {
      signal?.throwIfAborted()
      signal?.addEventListener('abort', stop, { once: true })
      for (const { id } of providers) this.#tell({ type: 'provider', provider: id })
      for (const action of this.#plan.start()) if (action.type === 'reserve') await sink.reserve(action.bytes)
      const have = await sink.bitfield()
      this.#report.resumed = countChunks(bitfieldFor(chunkCount(this.#init.manifest), have))
      this.#tell({ type: 'reserved', have })
      return await this.#done.promise
    } finally {
      signal?.removeEventListener('abort', stop)
      await this.#stop()
    }
  }

  async #stop(): Promise<void> {
    this.#cancelTimer?.()
    for (const request of this.#requests) request.abort.abort()
    await Promise.allSettled(this.#writes)
    await this.#init.sink.flush().catch(() => {})
  }

  /** Tells the plan what happened and does what follows. True: the chunk that arrived is to be written. */
  #tell(event: Untimed<DownloadEvent>): boolean {
    const actions = this.#plan.on({ ...event, atMs: this.#clock.nowMs() })
    let isWanted = false
    for (const action of actions) {
      if (action.type === 'write') isWanted = true
      else this.#perform(action)
    }
    this.#rearm()
    return isWanted
  }

  #perform(action: DownloadAction): void {
    if (action.type === 'request') this.#request(action.provider, action.indexes)
    else if (action.type === 'cancel') this.#cancel(action.provider, action.indexes)
    else if (action.type === 'drop') this.#drop(action)
    else if (action.type === 'complete') this.#done.resolve(this.#report)
    else if (action.type === 'starved') this.#done.reject(new BlobStarvedError(this.#report))
  }

  #drop({ provider, reason, strike }: DroppedProvider): void {
    this.#report.dropped.push({ provider, reason, strike })
    for (const request of this.#requests) if (request.provider.id === provider) request.abort.abort()
  }

  #cancel(provider: string, indexes: readonly number[]): void {
    for (const request of this.#requests) {
      if (request.provider.id !== provider) continue
      for (const index of indexes) request.owed.delete(index)
      // A stream cannot leave one chunk out; when nothing of it is wanted any more it is ended.
      if (request.owed.size === 0) request.abort.abort()
    }
  }

  #rearm(): void {
    this.#cancelTimer?.()
    const due = this.#plan.dueAtMs
    this.#cancelTimer = due === null ? null : this.#clock.at(due, () => this.#tell({ type: 'tick' }))
  }

  #request(id: string, indexes: readonly number[]): void {
    const provider = this.#init.providers.find((one) => one.id === id)!
    const request: Request = { provider, owed: new Set(indexes), abort: new AbortController() }
    this.#requests.add(request)
    this.#follow(request, indexes)
      .catch(() => this.#tell({ type: 'failed', provider: id }))
      .finally(() => this.#requests.delete(request))
  }

  async #follow(request: Request, indexes: readonly number[]): Promise<void> {
    const { provider, abort, owed } = request
    const { signal } = abort
    const iterator = provider.chunks(this.#init.cid, indexes, signal)[Symbol.asyncIterator]()
    const aborted = new Promise<null>((resolve) =>
      signal.addEventListener('abort', () => resolve(null), { once: true }),
    )
    try {
      while (owed.size > 0) {
        // A provider that does not heed its signal is left alone with it.
        const next = await Promise.race([iterator.next(), aborted])
        if (next === null || signal.aborted) return
        if (next.done) break
        await this.#receive(request, next.value)
      }
    } catch (cause) {
      if (!signal.aborted) throw cause
      return
    } finally {
      abort.abort()
      Promise.resolve(iterator.return?.()).catch(() => {})
    }
    if (owed.size > 0) this.#tell({ type: 'absent', provider: provider.id, indexes: [...owed] })
  }

  async #receive({ provider: { id }, owed }: Request, item: readonly [number, Uint8Array]): Promise<void> {
    const [index, bytes] = item
    const valid = bytes instanceof Uint8Array && isChunk(this.#init.manifest, index, bytes, sha256)
    owed.delete(index)
    if (!this.#tell({ type: 'chunk', provider: id, index, valid })) {
      this.#report.wasted += 1
      return
    }
    const writing = this.#init.sink.write(index, bytes)
    const settled = writing.catch(() => {})
    this.#writes.add(settled)
    try {
      await writing
      this.#report.fetched += 1
      this.#tell({ type: 'written', provider: id, index })
    } catch (cause) {
      this.#done.reject(cause)
    } finally {
      this.#writes.delete(settled)
    }
  }
}

type Untimed<T> = T extends { atMs: number } ? Omit<T, 'atMs'> : never

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
