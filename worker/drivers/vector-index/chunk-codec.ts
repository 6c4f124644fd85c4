import type { ResidentRow } from './resident-rows.ts'

/** Rows in one persisted chunk: 1.7 MB at 384 dimensions. */
export const CHUNK_ROWS = 4096

/** "MVC1": MemOS vector chunk, format 1. */
const MAGIC = 0x3143564d
const HEADER_BYTES = 12
const ROW_HEADER_BYTES = 20

/**
 * Chunk bytes, little-endian: magic u32, stored dimensions u32, rows u32; then per row seq f64, change f64, scale f32
 * and int8 codes. Sign bits are left out: they follow from the codes and the mean of the whole set.
 */
export function encodeChunk(rows: Iterable<ResidentRow>, count: number, paddedDimensions: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + count * (ROW_HEADER_BYTES + paddedDimensions))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, paddedDimensions, true)
  view.setUint32(8, count, true)
  let at = HEADER_BYTES
  for (const { seq, change, scale, codes } of rows) {
    view.setFloat64(at, seq, true)
    view.setFloat64(at + 8, change, true)
    view.setFloat32(at + 16, scale, true)
    bytes.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength), at + ROW_HEADER_BYTES)
    at += ROW_HEADER_BYTES + paddedDimensions
  }
  return bytes
}

/** Rows of a chunk whose checksum has been verified, or null when its header is of another format or shape. */
export function decodeChunk(bytes: Uint8Array, paddedDimensions: number): ResidentRow[] | null {
  if (bytes.byteLength < HEADER_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint32(8, true)
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== paddedDimensions) return null
  const rowBytes = ROW_HEADER_BYTES + paddedDimensions
  if (bytes.byteLength !== HEADER_BYTES + count * rowBytes) return null
  return Array.from({ length: count }, (_, row) => {
    const at = HEADER_BYTES + row * rowBytes
    return {
      seq: view.getFloat64(at, true),
      change: view.getFloat64(at + 8, true),
      scale: view.getFloat32(at + 16, true),
      codes: new Int8Array(bytes.buffer, bytes.byteOffset + at + ROW_HEADER_BYTES, paddedDimensions),
    }
  })
}

/** SHA-256 as lower-case hex. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
