import type { R2Bucket, R2MultipartUpload, R2UploadedPart } from '@cloudflare/workers-types'
import { R2_DELETE_KEYS_MAX, R2_PART_BYTES } from '../../../schemas/limits.ts'
import { type BlobStore, exactly } from '../../ports/blob-store.ts'

/** Cloudflare R2 behind the blob port. */
export class R2BlobStore implements BlobStore {
  readonly #bucket: R2Bucket

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket
  }

  async put(key: string, bytes: Uint8Array) {
    await this.#bucket.put(key, bytes)
  }

  /** Above one part by multipart upload: one part is in memory at a time. What a crash leaves of an upload R2 drops after seven days. */
  async putPieces(key: string, size: number, pieces: AsyncIterable<Uint8Array>) {
    const parts = inParts(size, exactly(size, pieces))
    if (size <= R2_PART_BYTES) {
      for await (const whole of parts) await this.put(key, whole)
      return
    }
    const upload = await this.#bucket.createMultipartUpload(key)
    try {
      await upload.complete(await uploaded(upload, parts))
    } catch (error) {
      await upload.abort().catch(() => {})
      throw error
    }
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

async function uploaded(upload: R2MultipartUpload, parts: AsyncIterable<Uint8Array>): Promise<R2UploadedPart[]> {
  const done: R2UploadedPart[] = []
  for await (const part of parts) done.push(await upload.uploadPart(done.length + 1, part))
  return done
}

/** The same bytes in parts of one length, the last one shorter; for no bytes one part without any. Each is handed over when the pieces have said what follows it. */
async function* inParts(size: number, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let part = new Uint8Array(Math.min(R2_PART_BYTES, size))
  let filled = 0
  let done = 0
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      if (filled === part.length) {
        yield part
        done += filled
        part = new Uint8Array(Math.min(R2_PART_BYTES, size - done))
        filled = 0
      }
      const taken = Math.min(part.length - filled, piece.length - at)
      part.set(piece.subarray(at, at + taken), filled)
      filled += taken
      at += taken
    }
  yield part
}
