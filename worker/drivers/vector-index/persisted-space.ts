import { VECTOR_TOMBSTONES_MAX } from '../../../schemas/limits.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { VectorSpace } from '../../ports/vector-index.ts'
import { blockLayout } from './block-layout.ts'
import { CHUNK_ROWS, decodeChunk, encodeChunk, sha256Hex } from './chunk-codec.ts'
import { decodeManifest, emptyManifest, encodeManifest, type Manifest } from './manifest.ts'
import type { ResidentIndex } from './resident-index.ts'
import type { ResidentRow } from './resident-rows.ts'

const LIST_PAGE_KEYS = 1000

/** Key prefix of a space; models are escaped, so no two spaces share one. */
export const spacePrefix = ({ namespaceId, model, dimensions }: VectorSpace): string =>
  `vectors/${namespaceId}/${encodeURIComponent(model)}@${dimensions}/`

/**
 * The persisted part of one space: chunks named by their content and one manifest that switches from one state to the
 * next in a single put. A crash between puts leaves unreferenced chunks, which the next open() deletes.
 * One writer at a time; two would lose each other's chunks and rebuild, not answer wrongly.
 */
export class PersistedSpace {
  readonly #blobs: BlobStore
  readonly #prefix: string
  readonly #paddedDimensions: number
  #manifest: Manifest = emptyManifest()

  constructor(blobs: BlobStore, space: VectorSpace) {
    this.#blobs = blobs
    this.#prefix = spacePrefix(space)
    this.#paddedDimensions = blockLayout(space.dimensions).paddedDimensions
  }

  /** Reads the manifest; an absent or damaged one reads as empty. Deletes what no manifest refers to. */
  async open(): Promise<Manifest> {
    const bytes = await this.#blobs.get(this.#manifestKey)
    this.#manifest = (bytes && (await decodeManifest(bytes))) ?? emptyManifest()
    await this.#sweep()
    return this.#manifest
  }

  /** Rows of chunk `i`, or null when it is missing or damaged. */
  async readChunk(i: number): Promise<ResidentRow[] | null> {
    const chunk = this.#manifest.chunks[i]
    const bytes = chunk && (await this.#blobs.get(this.#prefix + chunk.name))
    if (!chunk || !bytes || (await sha256Hex(bytes)) !== chunk.sha256) return null
    return decodeChunk(bytes, this.#paddedDimensions)
  }

  /** Writes the chunks in `dirty` and those not yet written, then the manifest. The index must not change meanwhile. */
  async save(index: ResidentIndex, dirty: ReadonlySet<number>): Promise<void> {
    const chunks: Manifest['chunks'] = []
    for (let first = 0; first < index.count; first += CHUNK_ROWS) {
      const i = chunks.length
      const kept = dirty.has(i) ? undefined : this.#manifest.chunks[i]
      chunks.push(kept ?? (await this.#writeChunk(index, first)))
    }
    const { absorbedChange, count: rows } = index
    await this.#writeManifest({ ...emptyManifest(), rows, absorbedChange, chunks })
    await this.#sweep()
  }

  /** Notes removed rows, so that no later load brings them back. */
  async bury(seqs: readonly number[]): Promise<void> {
    if (this.#manifest.rows === 0) return
    const tombstones = [...new Set([...this.#manifest.tombstones, ...seqs])]
    if (tombstones.length > VECTOR_TOMBSTONES_MAX) await this.drop()
    else await this.#writeManifest({ ...this.#manifest, tombstones })
  }

  /** Deletes everything of the space. The manifest goes first: without it the chunks mean nothing. */
  async drop(): Promise<void> {
    this.#manifest = emptyManifest()
    await this.#blobs.delete([this.#manifestKey])
    await this.#sweep()
  }

  get #manifestKey(): string {
    return `${this.#prefix}manifest`
  }

  async #writeChunk(index: ResidentIndex, first: number): Promise<{ name: string; sha256: string }> {
    const count = Math.min(CHUNK_ROWS, index.count - first)
    const bytes = encodeChunk(index.slots(first, count), count, this.#paddedDimensions)
    const sha256 = await sha256Hex(bytes)
    const name = `chunk-${first / CHUNK_ROWS}-${sha256}`
    await this.#blobs.put(this.#prefix + name, bytes)
    return { name, sha256 }
  }

  async #writeManifest(manifest: Manifest): Promise<void> {
    await this.#blobs.put(this.#manifestKey, await encodeManifest(manifest))
    this.#manifest = manifest
  }

  async #sweep(): Promise<void> {
    const known = new Set([this.#manifestKey, ...this.#manifest.chunks.map(({ name }) => this.#prefix + name)])
    for (let after: string | undefined; ; ) {
      const keys = await this.#blobs.list(this.#prefix, { ...(after && { after }), limit: LIST_PAGE_KEYS })
      const stray = keys.filter((key) => !known.has(key))
      if (stray.length > 0) await this.#blobs.delete(stray)
      if (keys.length < LIST_PAGE_KEYS) return
      after = keys.at(-1)
    }
  }
}
