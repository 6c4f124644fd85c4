/** A part of a blob. */
export interface BlobSlice {
  /** Bytes of the whole. */
  size: number
  /** Shorter than asked for only where the blob ends, empty behind its end. */
  bytes: Uint8Array
}

/** Bytes by key. Keys are ASCII, `/`-separated; a driver never interprets them. */
export interface BlobStore {
  /** Writes whole or not at all. Writing the same key again replaces it. Throws MemosError `storage_full`. */
  put(key: string, bytes: Uint8Array): Promise<void>
  /**
   * The same for bytes that come in pieces, `size` together, for blobs that should not be in memory at once.
   * @throws RangeError when they are more or fewer; whatever the pieces throw. Nothing is written then.
   */
  putPieces(key: string, size: number, pieces: AsyncIterable<Uint8Array>): Promise<void>
  /** Returns null when the key is absent. */
  get(key: string): Promise<Uint8Array | null>
  /** Bytes `offset` to `offset + length`, at least one; no others are read. Returns null when the key is absent. */
  slice(key: string, offset: number, length: number): Promise<BlobSlice | null>
  /** Size in bytes, or null when the key is absent. */
  size(key: string): Promise<number | null>
  /** Absent keys are ignored. */
  delete(keys: readonly string[]): Promise<void>
  /** Keys under a prefix in ascending order, a page at a time. */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<string[]>
}

/** Passes pieces on while they are no more bytes than `size`. @throws RangeError for more, and at the end for fewer. */
export async function* exactly(size: number, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let left = size
  for await (const piece of pieces) {
    left -= piece.length
    if (left < 0) break
    yield piece
  }
  if (left !== 0) throw new RangeError(`"pieces" expected ${size} bytes together`)
}
