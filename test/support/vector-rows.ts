import type { VectorEntry, VectorSource, VectorSpace } from '../../worker/ports/vector-index.ts'

/** The rows that an index is derived from, as the database keeps them: one counter of changes for each space. */
export class VectorRows implements VectorSource {
  /** Calls of read(), to tell a shared load from a repeated one. */
  reads = 0
  readonly #spaces = new Map<string, { change: number; rows: Map<number, VectorEntry> }>()

  /** Writes rows by seq and returns them with their changes. */
  put(space: VectorSpace, vectors: ReadonlyMap<number, Float32Array>): VectorEntry[] {
    const held = this.#of(space)
    return [...vectors].map(([seq, vector]) => {
      held.change += 1
      const entry = { seq, change: held.change, vector }
      held.rows.set(seq, entry)
      return entry
    })
  }

  delete(space: VectorSpace, seqs: readonly number[]): void {
    for (const seq of seqs) this.#of(space).rows.delete(seq)
  }

  get(space: VectorSpace, seq: number): VectorEntry | undefined {
    return this.#of(space).rows.get(seq)
  }

  async read(space: VectorSpace, afterChange: number, limit: number): Promise<VectorEntry[]> {
    this.reads += 1
    return [...this.#of(space).rows.values()]
      .filter(({ change }) => change > afterChange)
      .sort((a, b) => a.change - b.change)
      .slice(0, limit)
  }

  #of(space: VectorSpace) {
    const key = JSON.stringify(space)
    const held = this.#spaces.get(key) ?? { change: 0, rows: new Map<number, VectorEntry>() }
    this.#spaces.set(key, held)
    return held
  }
}
