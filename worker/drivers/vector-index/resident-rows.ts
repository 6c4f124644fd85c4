import { BLOCK_ROWS, type BlockLayout, blockLayout, PAGE_BYTES, pagesFor } from './block-layout.ts'

/** One row as it is held: int8 codes with their scale. `codes` has the padded dimensions. */
export interface ResidentRow {
  seq: number
  change: number
  scale: number
  codes: Int8Array
}

const INT8_MAX = 127
/** What the map from seq to slot costs: 33 bytes measured in V8 for small integers, more for large ones. */
const MAP_BYTES_PER_ROW = 48

/**
 * Rows of one space in one WebAssembly memory, packed into slots 0..count-1. Appending grows the memory by whole
 * blocks; a memory never shrinks.
 */
export class ResidentRows {
  readonly memory: WebAssembly.Memory
  readonly layout: BlockLayout
  readonly dimensions: number
  #count = 0
  #capacity = 0
  readonly #slots = new Map<number, number>()
  // Growing detaches views: reserve() takes new ones.
  #view: DataView
  #codes: Int8Array

  constructor(dimensions: number) {
    this.dimensions = dimensions
    this.layout = blockLayout(dimensions)
    this.memory = new WebAssembly.Memory({ initial: pagesFor(this.layout, 0) })
    this.#view = new DataView(this.memory.buffer)
    this.#codes = new Int8Array(this.memory.buffer)
  }

  get count(): number {
    return this.#count
  }

  slotOf(seq: number): number | undefined {
    return this.#slots.get(seq)
  }

  /** Bytes held, the map of rows included. Memory that was taken once stays. */
  get bytes(): number {
    return this.bytesFor(this.#capacity)
  }

  /** Bytes held once `rows` rows have been held. */
  bytesFor(rows: number): number {
    const capacity = Math.max(this.#capacity, Math.ceil(rows / BLOCK_ROWS) * BLOCK_ROWS)
    return pagesFor(this.layout, capacity) * PAGE_BYTES + capacity * MAP_BYTES_PER_ROW
  }

  /** Takes the memory for `rows` rows in all. */
  reserve(rows: number): void {
    if (rows <= this.#capacity) return
    this.#capacity = Math.ceil(rows / BLOCK_ROWS) * BLOCK_ROWS
    this.memory.grow(pagesFor(this.layout, this.#capacity) - this.memory.buffer.byteLength / PAGE_BYTES)
    this.#view = new DataView(this.memory.buffer)
    this.#codes = new Int8Array(this.memory.buffer)
  }

  /** Writes a row over the one with the same seq, or behind the last. Returns its slot. */
  put({ seq, change, scale, codes }: ResidentRow): number {
    const slot = this.#slots.get(seq) ?? this.#append(seq)
    const { layout } = this
    this.#codes.set(codes, this.#at(slot, layout.valuesAt, layout.paddedDimensions))
    this.#view.setFloat32(this.#at(slot, layout.scalesAt, 4), scale, true)
    this.#view.setFloat64(this.#at(slot, layout.seqsAt, 8), seq, true)
    this.#view.setFloat64(this.#at(slot, layout.changesAt, 8), change, true)
    return slot
  }

  /** Removes a row and moves the last one into its slot. Returns the freed slot, or undefined when there is no such row. */
  remove(seq: number): number | undefined {
    const slot = this.#slots.get(seq)
    if (slot === undefined) return undefined
    const last = this.#count - 1
    const moved = this.get(last)
    this.#slots.delete(seq)
    this.#count = last
    if (slot === last) return slot
    this.#slots.set(moved.seq, slot)
    return this.put(moved)
  }

  /** The row in a slot; `codes` is a view that the next write may change. */
  get(slot: number): ResidentRow {
    const { layout } = this
    const codesAt = this.#at(slot, layout.valuesAt, layout.paddedDimensions)
    return {
      seq: this.seqAt(slot),
      change: this.#view.getFloat64(this.#at(slot, layout.changesAt, 8), true),
      scale: this.#view.getFloat32(this.#at(slot, layout.scalesAt, 4), true),
      codes: this.#codes.subarray(codesAt, codesAt + layout.paddedDimensions),
    }
  }

  seqAt(slot: number): number {
    return this.#view.getFloat64(this.#at(slot, this.layout.seqsAt, 8), true)
  }

  /** int8 codes of a vector, scaled to its own largest value so that a row of small numbers keeps its precision. */
  encode(vector: Float32Array): { scale: number; codes: Int8Array } {
    let largest = 0
    for (const value of vector) largest = Math.max(largest, Math.abs(value))
    const codes = new Int8Array(this.layout.paddedDimensions)
    if (largest > 0)
      for (let i = 0; i < vector.length; i++) codes[i] = Math.round(((vector[i] as number) / largest) * INT8_MAX)
    return { scale: largest / INT8_MAX, codes }
  }

  #append(seq: number): number {
    this.reserve(this.#count + 1)
    const slot = this.#count
    this.#slots.set(seq, slot)
    this.#count = slot + 1
    return slot
  }

  #at(slot: number, column: number, rowBytes: number): number {
    const block = Math.floor(slot / BLOCK_ROWS)
    return this.layout.blocksAt + block * this.layout.blockBytes + column + (slot % BLOCK_ROWS) * rowBytes
  }
}
