import { type BlobStore, exactly } from '../../ports/blob-store.ts'

/** Blobs in a Map: for tests and throw-away processes. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Uint8Array>()

  async put(key: string, bytes: Uint8Array) {
    this.#blobs.set(key, bytes.slice())
  }

  async putPieces(key: string, size: number, pieces: AsyncIterable<Uint8Array>) {
    const bytes = new Uint8Array(size)
    let at = 0
    for await (const piece of exactly(size, pieces)) {
      bytes.set(piece, at)
      at += piece.length
    }
    this.#blobs.set(key, bytes)
  }

  async get(key: string) {
    return this.#blobs.get(key)?.slice() ?? null
  }

  async slice(key: string, offset: number, length: number) {
    const bytes = this.#blobs.get(key)
    return bytes === undefined ? null : { size: bytes.length, bytes: bytes.slice(offset, offset + length) }
  }

  async size(key: string) {
    return this.#blobs.get(key)?.length ?? null
  }

  async delete(keys: readonly string[]) {
    for (const key of keys) this.#blobs.delete(key)
  }

  async list(prefix: string, { after = '', limit = 1000 }: { after?: string; limit?: number } = {}) {
    return [...this.#blobs.keys()]
      .filter((key) => key.startsWith(prefix) && key > after)
      .sort()
      .slice(0, limit)
  }
}
