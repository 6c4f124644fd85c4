import type { R2Bucket } from '@cloudflare/workers-types'
import { R2_DELETE_KEYS_MAX } from '../../../schemas/limits.ts'
import type { BlobStore } from '../../ports/blob-store.ts'

/** Cloudflare R2 behind the blob port. */
export class R2BlobStore implements BlobStore {
  readonly #bucket: R2Bucket

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket
  }

  async put(key: string, bytes: Uint8Array) {
    await this.#bucket.put(key, bytes)
  }

  async get(key: string) {
    const object = await this.#bucket.get(key)
    return object === null ? null : new Uint8Array(await object.arrayBuffer())
  }

  async slice(key: string, offset: number, length: number) {
    try {
      const object = await this.#bucket.get(key, { range: { offset, length } })
      return object === null ? null : { size: object.size, bytes: new Uint8Array(await object.arrayBuffer()) }
    } catch (error) {
      // R2 refuses a range that begins at or behind the end. Its error is a text, so the size decides.
      const size = await this.size(key)
      if (size === null) return null
      if (offset >= size) return { size, bytes: new Uint8Array() }
      throw error
    }
  }

  async size(key: string) {
    return (await this.#bucket.head(key))?.size ?? null
  }

  async delete(keys: readonly string[]) {
    for (let at = 0; at < keys.length; at += R2_DELETE_KEYS_MAX)
      await this.#bucket.delete(keys.slice(at, at + R2_DELETE_KEYS_MAX))
  }

  async list(prefix: string, { after, limit = 1000 }: { after?: string; limit?: number } = {}) {
    const page = await this.#bucket.list({ prefix, limit, ...(after === undefined ? {} : { startAfter: after }) })
    return page.objects.map((object) => object.key)
  }
}
