import type { BlobStore } from '../../ports/blob-store.ts'
import type { VectorEntry, VectorSource, VectorSpace } from '../../ports/vector-index.ts'
import { CHUNK_ROWS } from './chunk-codec.ts'
import { isVector } from './expect-vector.ts'
import { PersistedSpace } from './persisted-space.ts'
import { ResidentIndex } from './resident-index.ts'

/** Rows read from the source at a time. */
export const SOURCE_PAGE_ROWS = 512
/** A space looks for rows nobody told it of once in this many searches. */
export const SEARCHES_PER_REFRESH = 64

/** How a space asks for memory. The owner frees what other spaces hold. */
export interface MemoryBudget {
  fits(bytes: number): boolean
  /** Evicts one other space to make room; false when `bytes` more can never fit or nothing can go. */
  evictFor(space: ResidentSpace, bytes: number): Promise<boolean>
}

interface ResidentSpaceComponents {
  source: VectorSource
  blobs: BlobStore
  kernel: WebAssembly.Module
  budget: MemoryBudget
}

/**
 * One resident space with its persisted part. Methods that change it must not overlap (the owner queues them).
 * When memory runs out it holds the rows of the lowest changes and says so by absorbedChange.
 */
export class ResidentSpace {
  readonly persisted: PersistedSpace
  index: ResidentIndex
  ready = false
  /** Rows added or replaced since the last persist. */
  unpersistedRows = 0
  #behind = false
  #full = false
  #searches = 0
  readonly #dirtyChunks = new Set<number>()
  readonly #space: VectorSpace
  readonly #components: ResidentSpaceComponents

  constructor(space: VectorSpace, components: ResidentSpaceComponents) {
    this.#space = space
    this.#components = components
    this.persisted = new PersistedSpace(components.blobs, space)
    this.index = new ResidentIndex(components.kernel, space.dimensions)
  }

  /** Fills the index from chunks, or from rows alone when chunks are absent or damaged, then from later rows. */
  async load(): Promise<void> {
    const manifest = await this.persisted.open()
    if (await this.#makeRoom(manifest.rows)) {
      for (let i = 0; i < manifest.chunks.length; i++)
        for (const row of (await this.persisted.readChunk(i)) ?? []) this.index.put(row)
      if (this.index.count === manifest.rows) {
        this.index.absorbedChange = manifest.absorbedChange
        this.#forget(manifest.tombstones)
      } else {
        this.index = new ResidentIndex(this.#components.kernel, this.#space.dimensions)
        await this.persisted.drop()
      }
    }
    await this.catchUp()
    this.ready = true
  }

  /** Whether rows are known to wait in the source, or it is time to look. Counts as one search. */
  wantsCatchUp(): boolean {
    this.#searches += 1
    return (this.#behind && !this.#full) || this.#searches % SEARCHES_PER_REFRESH === 0
  }

  /** Reads the rows after absorbedChange until there are no more or memory is full. */
  async catchUp(): Promise<void> {
    for (;;) {
      const page = await this.#components.source.read(this.#space, this.index.absorbedChange, SOURCE_PAGE_ROWS)
      for (const entry of page) {
        this.#behind = !(await this.#put(entry))
        if (this.#behind) return
      }
      if (page.length < SOURCE_PAGE_ROWS) break
    }
    this.#behind = false
  }

  /**
   * Takes told rows whose changes follow on without a gap. After a gap another writer's row may be missing, which
   * absorbedChange would hide, so the rest is left for catchUp().
   */
  async absorb(entries: readonly VectorEntry[]): Promise<void> {
    for (const entry of entries.toSorted((a, b) => a.change - b.change)) {
      if (entry.change <= this.index.absorbedChange) continue
      const follows = entry.change === this.index.absorbedChange + 1
      if (!follows || !(await this.#put(entry))) {
        this.#behind = true
        return
      }
    }
  }

  async remove(seqs: readonly number[]): Promise<void> {
    this.#forget(seqs)
    await this.persisted.bury(seqs)
  }

  /** Writes what has changed since the last persist. */
  async persist(): Promise<void> {
    this.unpersistedRows = 0
    if (this.#dirtyChunks.size === 0) return
    await this.persisted.save(this.index, this.#dirtyChunks)
    this.#dirtyChunks.clear()
  }

  // A row that holds no usable vector cannot be found by an exact scan either: it counts as absorbed.
  async #put(entry: VectorEntry): Promise<boolean> {
    if (isVector(entry.vector, this.#space.dimensions)) {
      if (!this.index.has(entry.seq) && !(await this.#makeRoom(1))) return false
      this.#markDirty(this.index.upsert(entry))
      this.unpersistedRows += 1
    }
    this.index.absorbedChange = Math.max(this.index.absorbedChange, entry.change)
    return true
  }

  // Reserves at once when the bytes fit: another space may grow during any await.
  async #makeRoom(rows: number): Promise<boolean> {
    const { budget } = this.#components
    const bytes = this.index.growthBytes(rows)
    while (bytes > 0 && !budget.fits(bytes)) {
      this.#full = !(await budget.evictFor(this, bytes))
      if (this.#full) return false
    }
    this.index.reserve(rows)
    return true
  }

  #forget(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const freed = this.index.remove(seq)
      if (freed === undefined) continue
      this.#markDirty(freed)
      this.#markDirty(this.index.count)
      this.#full = false
    }
  }

  #markDirty(slot: number): void {
    this.#dirtyChunks.add(Math.floor(slot / CHUNK_ROWS))
  }
}
