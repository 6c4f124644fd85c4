/** A set of chunks: the highest bit of byte 0 is chunk 0, spare bits are zero (as in BitTorrent, BEP 3). */
export type Bitfield = Uint8Array

/** Bytes of a bitfield. */
export const bitfieldBytes = (chunks: number): number => Math.ceil(chunks / 8)

/** Says whether the chunk is in the set. */
export const hasChunk = (bits: Bitfield, index: number): boolean =>
  ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0

/** Puts a chunk into the set. */
export function addChunk(bits: Bitfield, index: number): void {
  bits[index >> 3]! |= 0x80 >> (index & 7)
}

/** A copy of the right length, with nothing beyond the last chunk. Shorter bytes lack what they do not say. */
export function bitfieldFor(chunks: number, bytes: Uint8Array = new Uint8Array()): Bitfield {
  const bits = new Uint8Array(bitfieldBytes(chunks))
  bits.set(bytes.subarray(0, bits.length))
  if (chunks % 8 !== 0) bits[bits.length - 1]! &= 0xff << (8 - (chunks % 8))
  return bits
}

/** Chunks in the set. */
export function countChunks(bits: Bitfield): number {
  let count = 0
  for (const byte of bits) for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1
  return count
}

/** Chunks from `from` to below `to`. */
export interface Run {
  from: number
  to: number
}

/** The chunks that are not in the set, as runs in order. */
export function missingRuns(bits: Bitfield, chunks: number): Run[] {
  const runs: Run[] = []
  for (let index = 0; index < chunks; index++) {
    if (hasChunk(bits, index)) continue
    const last = runs.at(-1)
    if (last?.to === index) last.to = index + 1
    else runs.push({ from: index, to: index + 1 })
  }
  return runs
}
