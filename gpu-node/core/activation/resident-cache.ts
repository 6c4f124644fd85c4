import type { KvCache } from '../model/decoder-model.ts'
import { UseLog } from './use-log.ts'

export interface ResidentOptions {
  /** Bytes of the caches that are kept at hand. */
  bytesMax: number
  /** Which cache goes first: the one unused for the longest time, or the one of least heat. */
  strategy: 'lru' | 'heat'
  halfLifeMs: number
  /** Unix milliseconds. */
  nowMs(): number
}

/** A cache that is being read. It stays valid until it is given back, whatever is evicted meanwhile. */
export interface KvLease extends Disposable {
  readonly key: string
  readonly cache: KvCache
  /** Gives it back; later calls do nothing. */
  release(): void
}

interface Entry {
  key: string
  cache: KvCache
  readers: number
  isResident: boolean
}

/**
 * KV caches kept at hand between requests. Readers share one cache, which nothing ever writes to. What is resident never takes more than
 * `bytesMax`; a cache that is being read is not evicted, and one that finds no room lives as long as its readers. Every cache that is
 * handed in is disposed exactly once.
 */
export class ResidentCache {
  readonly #options: ResidentOptions
  readonly #entries = new Map<string, Entry>()
  readonly #making = new Map<string, Promise<void>>()
  readonly #uses: UseLog
  #bytes = 0

  constructor(options: ResidentOptions) {
    this.#options = options
    this.#uses = new UseLog(options.halfLifeMs)
  }

  /** Bytes of what is resident. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keys of what is resident. */
  keys(): string[] {
    return [...this.#entries.keys()]
  }

  /** The cache under this key, if it is resident. */
  find(key: string): KvLease | null {
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    this.#uses.note(key, this.#options.nowMs())
    return lease(entry)
  }

  /**
   * The cache under this key, made if it is not resident; of callers that ask at the same time one makes it and the others wait. If it
   * fails, its error is the maker's alone: the next one tries for itself.
   */
  async take(key: string, make: () => Promise<KvCache>): Promise<{ lease: KvLease; isMade: boolean }> {
    for (;;) {
      const found = this.find(key)
      if (found !== null) return { lease: found, isMade: false }
      const making = this.#making.get(key)
      if (making === undefined) break
      await making
    }
    const made = make()
    const settled = made.then(
      () => {},
      () => {},
    )
    this.#making.set(key, settled)
    try {
      return { lease: this.put(key, await made), isMade: true }
    } finally {
      this.#making.delete(key)
    }
  }

  /** Hands a cache in. Where the key is resident already, that one is read and the new one disposed. */
  put(key: string, cache: KvCache): KvLease {
    const present = this.find(key)
    if (present !== null) {
      if (present.cache !== cache) cache.dispose()
      return present
    }
    this.#uses.note(key, this.#options.nowMs())
    const entry: Entry = { key, cache, readers: 0, isResident: this.#makeRoom(cache.bytes) }
    if (entry.isResident) {
      this.#entries.set(key, entry)
      this.#bytes += cache.bytes
    }
    return lease(entry)
  }

  /** Takes a cache out; its readers finish with it. */
  drop(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#remove(entry)
  }

  /** Takes everything out. */
  clear(): void {
    for (const key of this.keys()) this.drop(key)
  }

  /** Evicts what is worth least and not being read until so many bytes fit. Nothing is evicted in vain. */
  #makeRoom(bytes: number): boolean {
    const free = this.#options.bytesMax - this.#bytes
    const unread = [...this.#entries.values()].filter((entry) => entry.readers === 0)
    if (bytes > free + unread.reduce((sum, { cache }) => sum + cache.bytes, 0)) return false
    const { strategy, nowMs } = this.#options
    const now = nowMs()
    const worth = ({ key }: Entry) => (strategy === 'lru' ? this.#uses.lastUse(key) : this.#uses.heat(key, now))
    const leastFirst = unread
      .map((entry) => ({ entry, worth: worth(entry), last: this.#uses.lastUse(entry.key) }))
      .sort((a, b) => a.worth - b.worth || a.last - b.last)
    for (const { entry } of leastFirst) {
      if (this.#bytes + bytes <= this.#options.bytesMax) break
      this.#remove(entry)
    }
    return true
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key)
    this.#bytes -= entry.cache.bytes
    entry.isResident = false
    if (entry.readers === 0) entry.cache.dispose()
  }
}

function lease(entry: Entry): KvLease {
  entry.readers += 1
  let isOpen = true
  const release = () => {
    if (!isOpen) return
    isOpen = false
    entry.readers -= 1
    if (entry.readers === 0 && !entry.isResident) entry.cache.dispose()
  }
  return { key: entry.key, cache: entry.cache, release, [Symbol.dispose]: release }
}
