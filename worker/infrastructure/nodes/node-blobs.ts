import { matchesCid } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { NODE_BLOB_BYTES_MAX, NODE_BLOB_PIECE_BYTES, NODE_TASK_BLOB_BYTES_MAX } from '../../../schemas/limits-nodes.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobSlice, BlobStore } from '../../ports/blob-store.ts'
import type { NodeBlobArea } from '../../ports/node-hub.ts'

const DAY_MS = 86_400_000
const ROOT = 'nodes/'
const KEYS_PER_PURGE_MAX = 1000

/**
 * What nodes put at the edge, until whoever asked for it has taken it over: a day at least, two at most. A blob is whole or absent; its pieces lie
 * beside it until the last one comes and the digest of all is right.
 */
export class NodeBlobs implements NodeBlobArea {
  readonly #blobs: BlobStore
  readonly #nowMs: () => number
  /** Bytes that tasks have put, as far as this process knows. */
  readonly #put = new Map<string, number>()

  constructor(blobs: BlobStore, nowMs: () => number) {
    this.#blobs = blobs
    this.#nowMs = nowMs
  }

  async read(orgId: string, cid: string): Promise<Uint8Array | null> {
    for (const key of this.#keys(orgId, cid)) {
      const bytes = await this.#blobs.get(key)
      if (bytes !== null) return bytes
    }
    return null
  }

  /** A part of a blob that a node has put, or that one of the cubes names. Null where there is none. */
  async slice(
    { orgId, cid, cubeIds }: { orgId: string; cid: string; cubeIds: readonly string[] },
    offset: number,
    length: number,
  ): Promise<BlobSlice | null> {
    const keys = [...cubeIds.map((cubeId) => blobKey(orgId, cubeId, cid)), ...this.#keys(orgId, cid)]
    for (const key of keys) {
      const slice = await this.#blobs.slice(key, offset, length)
      if (slice !== null) return slice
    }
    return null
  }

  /** Bytes of a blob that are here, from its beginning. */
  async present(orgId: string, cid: string): Promise<number> {
    for (const key of this.#keys(orgId, cid)) {
      const size = await this.#blobs.size(key)
      if (size !== null) return size
    }
    const [key = ''] = this.#keys(orgId, cid)
    for (let at = 0; ; at += NODE_BLOB_PIECE_BYTES) {
      const size = await this.#blobs.size(pieceKey(key, at))
      if (size === null) return at
      if (size < NODE_BLOB_PIECE_BYTES) return at + size
    }
  }

  /**
   * Takes a piece of a blob; the last one makes it a blob.
   * @throws MemosError payload_too_large, quota_exceeded, invalid_request (not a piece, or not the bytes of that address: all pieces go then)
   */
  async put(
    { taskId, orgId, cid }: { taskId: string; orgId: string; cid: Cid },
    { at, size, bytes }: { at: number; size: number; bytes: Uint8Array },
  ): Promise<void> {
    if (size > NODE_BLOB_BYTES_MAX) throw new MemosError('payload_too_large', { field: 'content-range' })
    const isLast = at + bytes.length === size
    if (
      at % NODE_BLOB_PIECE_BYTES !== 0 ||
      at + bytes.length > size ||
      (!isLast && bytes.length !== NODE_BLOB_PIECE_BYTES)
    )
      throw new MemosError('invalid_request', { field: 'content-range', expected: 'whole pieces, in order' })
    this.#count(taskId, bytes.length)
    const [key = ''] = this.#keys(orgId, cid)
    await this.#blobs.put(pieceKey(key, at), bytes)
    if (!isLast) return
    const pieces = Array.from({ length: Math.ceil(size / NODE_BLOB_PIECE_BYTES) }, (_, i) =>
      pieceKey(key, i * NODE_BLOB_PIECE_BYTES),
    )
    try {
      await this.#join(key, { cid, size, pieces })
    } finally {
      await this.#blobs.delete(pieces)
    }
  }

  /** Removes what nobody has taken over. */
  async purge(): Promise<void> {
    const keys = await this.#blobs.list(ROOT, { limit: KEYS_PER_PURGE_MAX })
    const kept = dayPrefix(this.#nowMs() - DAY_MS)
    const old = keys.filter((key) => key < kept)
    if (old.length > 0) await this.#blobs.delete(old)
    this.#put.clear()
  }

  async #join(key: string, { cid, size, pieces }: { cid: Cid; size: number; pieces: string[] }): Promise<void> {
    const whole = new Uint8Array(size)
    let at = 0
    for (const piece of pieces) {
      const bytes = await this.#blobs.get(piece)
      if (bytes === null || at + bytes.length > size)
        throw new MemosError('invalid_request', { field: 'content-range', expected: 'whole pieces, in order' })
      whole.set(bytes, at)
      at += bytes.length
    }
    if (at !== size || !matchesCid(cid, whole))
      throw new MemosError('invalid_request', { field: 'cid', expected: 'the address of the bytes' })
    await this.#blobs.put(key, whole)
  }

  #count(taskId: string, bytes: number): void {
    const sum = (this.#put.get(taskId) ?? 0) + bytes
    if (sum > NODE_TASK_BLOB_BYTES_MAX)
      throw new MemosError('quota_exceeded', { detail: 'Too many bytes for one task.' })
    this.#put.set(taskId, sum)
  }

  /** Today's place first, then yesterday's. */
  #keys(orgId: string, cid: string): string[] {
    return [0, DAY_MS].map((agoMs) => `${dayPrefix(this.#nowMs() - agoMs)}${orgId}/${cid}`)
  }
}

const dayPrefix = (ms: number): string => `${ROOT}${new Date(ms).toISOString().slice(0, 10)}/`
const pieceKey = (key: string, at: number): string => `${key}.pieces/${String(at).padStart(12, '0')}`
