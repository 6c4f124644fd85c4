import { VECTOR_FULL_SCORE_ROWS_MAX, VECTOR_PREFILTER_ROWS_MAX } from '../../../schemas/limits.ts'
import type { VectorEntry } from '../../ports/vector-index.ts'
import { BLOCK_ROWS } from './block-layout.ts'
import { expectVector } from './expect-vector.ts'
import { instantiateKernel, type VectorKernel } from './kernel/vector-kernel.ts'
import { type ResidentRow, ResidentRows } from './resident-rows.ts'
import { TopHits } from './top-hits.ts'

/** Rows that pass the 1-bit filter: at least this many, and this many for each wanted hit. */
const PREFILTER_ROWS_MIN = 400
const PREFILTER_ROWS_PER_HIT = 8
/** Rows sampled for the mean that the sign bits are taken against. */
const MEAN_SAMPLE_ROWS_MAX = 4096
/** Query values become i16 within this; the kernel's sums rely on it. */
const QUERY_I16_MAX = 8191

/**
 * Approximate nearest rows of one space, held in memory: int8 codes with a scale per row, and 1-bit codes (the signs of
 * value minus mean) once the set is large. The mean is taken again each time the set has doubled.
 */
export class ResidentIndex {
  /** Every row with `change` up to here is held. Set by the owner, who knows what it has read. */
  absorbedChange = 0
  readonly #rows: ResidentRows
  readonly #kernel: VectorKernel
  readonly #mean: Float32Array
  #centredAtRows = 0

  /** Throws RangeError for dimensions out of range and TypeError for a foreign kernel. */
  constructor(kernel: WebAssembly.Module, dimensions: number) {
    this.#rows = new ResidentRows(dimensions)
    const { layout, memory } = this.#rows
    this.#kernel = instantiateKernel(kernel, memory)
    this.#kernel.configure(
      layout.blocksAt,
      layout.blockBytes,
      layout.paddedDimensions,
      layout.valuesAt,
      layout.scalesAt,
      layout.scoresAt,
    )
    this.#mean = new Float32Array(layout.paddedDimensions)
  }

  get count(): number {
    return this.#rows.count
  }

  /** Bytes held, the map of rows included. */
  get bytes(): number {
    return this.#rows.bytes
  }

  /** Bytes that `bytes` would rise by if `rows` more rows came. */
  growthBytes(rows: number): number {
    return this.#rows.bytesFor(this.count + rows) - this.bytes
  }

  /** Takes the memory for `rows` more rows at once. */
  reserve(rows: number): void {
    this.#rows.reserve(this.count + rows)
  }

  has(seq: number): boolean {
    return this.#rows.slotOf(seq) !== undefined
  }

  /** Adds or replaces a row. Returns its slot. Throws MemosError `invalid_vector`. */
  upsert({ seq, change, vector }: VectorEntry): number {
    expectVector(vector, this.#rows.dimensions)
    return this.put({ seq, change, ...this.#rows.encode(vector) })
  }

  /** Adds or replaces an encoded row. Returns its slot. */
  put(row: ResidentRow): number {
    const slot = this.#rows.put(row)
    this.#encodeBits(slot)
    return slot
  }

  /** Removes a row; the last row takes its slot, which is returned. Undefined when there is no such row. */
  remove(seq: number): number | undefined {
    const slot = this.#rows.remove(seq)
    if (slot !== undefined && slot < this.count) this.#encodeBits(slot)
    return slot
  }

  /** The rows of slots `first` up to `first + count`, in place: read them before the next write. */
  *slots(first: number, count: number): Generator<ResidentRow> {
    for (let slot = first; slot < Math.min(first + count, this.count); slot++) yield this.#rows.get(slot)
  }

  /**
   * The `limit` rows of the largest dot product with `query` (cosine for unit vectors), best first; scores carry the
   * error of int8 codes, about 0.001. Throws MemosError `invalid_vector`.
   */
  search(query: Float32Array, limit: number): { seq: number; score: number }[] {
    expectVector(query, this.#rows.dimensions)
    if (this.count === 0 || limit < 1) return []
    const best = new TopHits(limit)
    const queryScale = this.#writeQuery(query)
    if (this.#centredAtRows === 0) this.#scoreAll(queryScale, best)
    else this.#scoreFiltered(query, queryScale, Math.max(PREFILTER_ROWS_MIN, PREFILTER_ROWS_PER_HIT * limit), best)
    return best.ranked().map(({ slot, score }) => ({ seq: this.#rows.seqAt(slot), score }))
  }

  #scoreAll(queryScale: number, best: TopHits): void {
    const { layout, memory } = this.#rows
    this.#kernel.scoreAll(this.count, layout.queryAt, queryScale)
    for (let first = 0; first < this.count; first += BLOCK_ROWS) {
      const at = layout.blocksAt + (first / BLOCK_ROWS) * layout.blockBytes + layout.scoresAt
      const scores = new Float32Array(memory.buffer, at, Math.min(BLOCK_ROWS, this.count - first))
      for (let row = 0; row < scores.length; row++) best.push(first + row, scores[row] as number)
    }
  }

  #scoreFiltered(query: Float32Array, queryScale: number, wanted: number, best: TopHits): void {
    const { layout, memory } = this.#rows
    const bits = new Uint8Array(memory.buffer, layout.queryBitsAt, layout.paddedDimensions / 8).fill(0)
    for (let i = 0; i < query.length; i++)
      if ((query[i] as number) > (this.#mean[i] as number)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
    this.#kernel.scanBits(this.count, layout.queryBitsAt, layout.histogramAt)
    const wantedRows = Math.min(wanted, VECTOR_PREFILTER_ROWS_MAX, this.count)
    const found = this.#kernel.selectNearest(this.count, wantedRows, layout.histogramAt, layout.slotsAt)
    this.#kernel.scoreSlots(layout.slotsAt, found, layout.queryAt, queryScale, layout.slotScoresAt)
    const slots = new Int32Array(memory.buffer, layout.slotsAt, found)
    const scores = new Float32Array(memory.buffer, layout.slotScoresAt, found)
    for (let i = 0; i < found; i++) best.push(slots[i] as number, scores[i] as number)
  }

  #writeQuery(query: Float32Array): number {
    let largest = 0
    for (const value of query) largest = Math.max(largest, Math.abs(value))
    const { layout, memory } = this.#rows
    const target = new Int16Array(memory.buffer, layout.queryAt, layout.paddedDimensions).fill(0)
    if (largest === 0) return 0
    for (let i = 0; i < query.length; i++) target[i] = Math.round(((query[i] as number) / largest) * QUERY_I16_MAX)
    return largest / QUERY_I16_MAX
  }

  #encodeBits(slot: number): void {
    const threshold = Math.max(VECTOR_FULL_SCORE_ROWS_MAX, 2 * this.#centredAtRows)
    if (this.count > threshold) this.#recentre()
    else if (this.#centredAtRows > 0) this.#kernel.encodeBits(slot, 1, this.#rows.layout.meanAt)
  }

  #recentre(): void {
    const step = Math.ceil(this.count / MEAN_SAMPLE_ROWS_MAX)
    const sums = new Float64Array(this.#mean.length)
    let sampled = 0
    for (let slot = 0; slot < this.count; slot += step, sampled++) {
      const { codes, scale } = this.#rows.get(slot)
      for (let i = 0; i < codes.length; i++) sums[i] = (sums[i] as number) + (codes[i] as number) * scale
    }
    for (let i = 0; i < sums.length; i++) this.#mean[i] = (sums[i] as number) / sampled
    const { layout, memory } = this.#rows
    new Float32Array(memory.buffer, layout.meanAt, this.#mean.length).set(this.#mean)
    this.#kernel.encodeBits(0, this.count, layout.meanAt)
    this.#centredAtRows = this.count
  }
}
