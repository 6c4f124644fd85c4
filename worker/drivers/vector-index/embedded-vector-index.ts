import { VECTOR_SPACES_RESIDENT_MAX, VECTOR_UNPERSISTED_ROWS_MAX } from '../../../schemas/limits.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { Logger } from '../../ports/logger.ts'
import type { VectorCandidates, VectorEntry, VectorIndex, VectorSource, VectorSpace } from '../../ports/vector-index.ts'
import { expectVector } from './expect-vector.ts'
import { KeyQueue } from './key-queue.ts'
import { PersistedSpace, spacePrefix } from './persisted-space.ts'
import { type MemoryBudget, ResidentSpace } from './resident-space.ts'

export interface EmbeddedVectorIndexComponents {
  source: VectorSource
  blobs: BlobStore
  /** Compiled kernel/vector-kernel.wasm. */
  kernel: WebAssembly.Module
  logger: Logger
}

export interface EmbeddedVectorIndexInit {
  /** Bytes that all resident spaces may hold together. */
  budgetBytes: number
}

/**
 * Resident vector index: each space is loaded by its first search, kept while the byte budget allows, evicted least
 * recently used first. A space larger than the budget is held up to the budget in order of change; the caller scans
 * the rows after absorbedChange exactly. Work on one space is queued; searches of a loaded space do not wait.
 */
export class EmbeddedVectorIndex implements VectorIndex {
  readonly #components: EmbeddedVectorIndexComponents
  readonly #budgetBytes: number
  /** Least recently used first. */
  readonly #spaces = new Map<string, ResidentSpace>()
  readonly #queue = new KeyQueue()

  constructor(components: EmbeddedVectorIndexComponents, { budgetBytes }: EmbeddedVectorIndexInit) {
    this.#components = components
    this.#budgetBytes = budgetBytes
  }

  /** Bytes held by all resident spaces, never more than the budget. */
  get bytes(): number {
    let bytes = 0
    for (const { index } of this.#spaces.values()) bytes += index.bytes
    return bytes
  }

  async upsert(space: VectorSpace, entries: readonly VectorEntry[]): Promise<void> {
    for (const { vector } of entries) expectVector(vector, space.dimensions)
    const key = spacePrefix(space)
    if (!this.#spaces.has(key)) return
    await this.#queue.run(key, async () => this.#spaces.get(key)?.absorb(entries))
    this.#persistWhenDue(key)
  }

  async remove(space: VectorSpace, seqs: readonly number[]): Promise<void> {
    const key = spacePrefix(space)
    await this.#queue.run(key, async () => {
      const held = this.#spaces.get(key)
      if (held) return held.remove(seqs)
      const persisted = new PersistedSpace(this.#components.blobs, space)
      await persisted.open()
      await persisted.bury(seqs)
    })
  }

  async candidates(
    space: VectorSpace,
    query: Float32Array,
    limit: number,
    signal?: AbortSignal,
  ): Promise<VectorCandidates> {
    signal?.throwIfAborted()
    expectVector(query, space.dimensions)
    const key = spacePrefix(space)
    const held = this.#spaces.get(key)
    if (!held?.ready) await unlessAborted(this.#loaded(key, space), signal)
    // While a loaded space is busy (a long persist) the answer comes from what it holds.
    else if (held.wantsCatchUp() && !this.#queue.isBusy(key)) await unlessAborted(this.#caughtUp(key), signal)
    return this.#search(key, query, limit)
  }

  async drop(space: VectorSpace): Promise<void> {
    const key = spacePrefix(space)
    await this.#queue.run(key, async () => {
      this.#spaces.delete(key)
      await new PersistedSpace(this.#components.blobs, space).drop()
    })
  }

  /** Persists every space that has changed. */
  async stop(): Promise<void> {
    for (const key of this.#spaces.keys()) this.#persistSoon(key)
    await this.#queue.idle()
  }

  #search(key: string, query: Float32Array, limit: number): VectorCandidates {
    const held = this.#spaces.get(key)
    if (!held?.ready) return { hits: [], absorbedChange: 0 }
    this.#spaces.delete(key)
    this.#spaces.set(key, held)
    return { hits: held.index.search(query, limit), absorbedChange: held.index.absorbedChange }
  }

  #loaded(key: string, space: VectorSpace): Promise<void> {
    return this.#queue.run(key, async () => {
      if (!this.#spaces.has(key)) await this.#attempt('load', key, () => this.#load(key, space))
      this.#persistWhenDue(key)
    })
  }

  #caughtUp(key: string): Promise<void> {
    return this.#queue.run(key, async () => {
      await this.#attempt('catch_up', key, async () => this.#spaces.get(key)?.catchUp())
      this.#persistWhenDue(key)
    })
  }

  // A failure costs time, not the answer: the caller scans what the index has not absorbed, and what could not be
  // written stays marked as changed.
  async #attempt(step: 'load' | 'catch_up' | 'persist', key: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#components.logger.warn(`vector_index.${step}_failed`, { space: key, error: String(error) })
    }
  }

  async #load(key: string, space: VectorSpace): Promise<void> {
    const { source, blobs, kernel } = this.#components
    const held = new ResidentSpace(space, { source, blobs, kernel, budget: this.#budget })
    while (!this.#budget.fits(held.index.bytes) || this.#spaces.size >= VECTOR_SPACES_RESIDENT_MAX)
      if (!(await this.#budget.evictFor(held, 0))) return
    this.#spaces.set(key, held)
    try {
      await held.load()
    } finally {
      if (!held.ready) this.#spaces.delete(key)
    }
  }

  readonly #budget: MemoryBudget = {
    fits: (bytes) => this.bytes + bytes <= this.#budgetBytes,
    evictFor: async (space, bytes) => {
      if (space.index.bytes + bytes > this.#budgetBytes) return false
      // Only idle spaces: two busy ones that waited for each other would wait for ever.
      const victim = [...this.#spaces].find(([key, held]) => held !== space && held.ready && !this.#queue.isBusy(key))
      if (!victim) return false
      const [key] = victim
      await this.#queue.run(key, async () => {
        await this.#persist(key)
        this.#spaces.delete(key)
      })
      return true
    },
  }

  #persistWhenDue(key: string): void {
    if ((this.#spaces.get(key)?.unpersistedRows ?? 0) >= VECTOR_UNPERSISTED_ROWS_MAX) this.#persistSoon(key)
  }

  #persistSoon(key: string): void {
    void this.#queue.run(key, () => this.#persist(key))
  }

  #persist(key: string): Promise<void> {
    return this.#attempt('persist', key, async () => this.#spaces.get(key)?.persist())
  }
}

/** The result of `work`, or the signal's reason as soon as it aborts; the work itself goes on for others. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
