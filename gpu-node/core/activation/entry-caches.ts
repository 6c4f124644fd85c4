import type { Rendition } from '../../../schemas/rendition.ts'
import type { DecoderModel, KvCache } from '../model/decoder-model.ts'
import { NodeError, throwIfCancelled } from '../node-error.ts'
import type { CacheOf } from './cache-of-block.ts'
import { sliceKvBlock } from './kv-block.ts'
import { decodeKvBlock, type KvDtype, kvFileBytesMax } from './kv-codec.ts'
import { kvKey } from './kv-key.ts'
import type { KvLease, ResidentCache } from './resident-cache.ts'

export type KvRendition = Extract<Rendition, { kind: 'kv' }>

/** Where keys and values of a memory came from: at hand, out of storage, or computed for this request. */
export type KvSource = 'resident' | 'blob' | 'made'

/** Bytes that the edge stores, by address; what comes back has been verified against it. */
export interface KvBlobs {
  /** @throws NodeError when they cannot be had */
  get(cid: string, signal?: AbortSignal): Promise<Uint8Array>
}

export interface ActivationParts {
  model: DecoderModel
  cacheOf: CacheOf
  resident: ResidentCache
  blobs: KvBlobs
}

/** How a file calls the number format of a rendition; null for one that is not read. */
const FILE_DTYPES: Partial<Record<KvRendition['dtype'], KvDtype>> = { fp16: 'fp16', q8: 'int8' }

/** Keys and values of entries behind one prefix: each made once, or taken from where they are. */
export class EntryCaches {
  readonly #parts: ActivationParts
  readonly prefixIds: readonly number[]

  constructor(parts: ActivationParts, prefixIds: readonly number[]) {
    this.#parts = parts
    this.prefixIds = prefixIds
  }

  /** The prefix alone; null for a template that has none. */
  async prefix(signal?: AbortSignal): Promise<KvLease | null> {
    if (this.prefixIds.length === 0) return null
    return (await this.exact([], signal)).lease
  }

  /** Prefix and entries one behind the other, each seeing all before it. What is at hand of their beginning is gone on from. */
  async exact(
    entries: readonly (readonly number[])[],
    signal?: AbortSignal,
  ): Promise<{ lease: KvLease; isMade: boolean }> {
    const { model, resident } = this.#parts
    const ids = [...this.prefixIds, ...entries.flat()]
    if (ids.length === 0) throw new NodeError('invalid_input', 'expected a token at least')
    return resident.take(this.#exactKey(ids), async () => {
      using begun = this.#longestBegun(entries)
      const start = begun?.cache.length ?? 0
      const past = begun?.cache ?? null
      return (await model.forward({ ids: ids.slice(start), past, ...(signal && { signal }) })).cache
    })
  }

  /** One entry, as it stands right behind the prefix. */
  async entry(
    ids: readonly number[],
    rendition: KvRendition | undefined,
    signal?: AbortSignal,
  ): Promise<{ lease: KvLease; source: KvSource }> {
    const { resident } = this.#parts
    const made = this.#entryKey(ids, 'fp32')
    const present = resident.find(made)
    if (present !== null) return { lease: present, source: 'resident' }
    const dtype = rendition && FILE_DTYPES[rendition.dtype]
    if (rendition !== undefined && dtype !== undefined) {
      const taken = await resident.take(this.#entryKey(ids, dtype), () => this.#stored(ids, rendition, dtype, signal))
      return { lease: taken.lease, source: taken.isMade ? 'blob' : 'resident' }
    }
    const taken = await resident.take(made, () => this.#computed(ids, signal))
    return { lease: taken.lease, source: taken.isMade ? 'made' : 'resident' }
  }

  #exactKey(ids: readonly number[]): string {
    return kvKey({ model: this.#parts.model, dtype: 'fp32', prefixIds: [], tokenIds: ids, positionStart: 0 })
  }

  #entryKey(tokenIds: readonly number[], dtype: KvDtype | 'fp32'): string {
    const { prefixIds } = this
    return kvKey({ model: this.#parts.model, dtype, prefixIds, tokenIds, positionStart: prefixIds.length })
  }

  #longestBegun(entries: readonly (readonly number[])[]): KvLease | null {
    for (let count = entries.length - 1; count >= 0; count--) {
      const ids = [...this.prefixIds, ...entries.slice(0, count).flat()]
      const lease = ids.length === 0 ? null : this.#parts.resident.find(this.#exactKey(ids))
      if (lease !== null) return lease
    }
    return null
  }

  async #computed(ids: readonly number[], signal?: AbortSignal): Promise<KvCache> {
    const { model, cacheOf } = this.#parts
    using prefix = await this.prefix(signal)
    const start = this.prefixIds.length
    const { cache } = await model.forward({ ids, past: prefix?.cache ?? null, ...(signal && { signal }) })
    try {
      return cacheOf(sliceKvBlock(await cache.toBlock(), start, start + ids.length, model.config))
    } finally {
      cache.dispose()
    }
  }

  async #stored(
    ids: readonly number[],
    rendition: KvRendition,
    dtype: KvDtype,
    signal?: AbortSignal,
  ): Promise<KvCache> {
    const { model, cacheOf, blobs } = this.#parts
    const { layers, kvHeads, headDim } = model.config
    const positionStart = this.prefixIds.length
    checkRendition(rendition, model, ids.length, positionStart)
    const bytesMax = kvFileBytesMax(model.config, ids.length)
    if (rendition.blob.bytes > bytesMax)
      throw new NodeError('invalid_tensor', `a blob of ${rendition.blob.bytes} bytes for ${ids.length} tokens`)
    const bytes = await blobs.get(rendition.blob.cid, signal)
    throwIfCancelled(signal)
    const { fp } = model.fingerprint
    const shape = { layers, kvHeads, headDim }
    return cacheOf(decodeKvBlock(bytes, { ...shape, fingerprint: fp, dtype, tokenIds: ids, positionStart, bytesMax }))
  }
}

/** @throws NodeError `wrong_fingerprint` for tensors of another model, `invalid_tensor` for those of another text, place or shape */
export function checkRendition(kv: KvRendition, model: DecoderModel, tokens: number, positionStart: number): void {
  if (kv.modelFingerprint !== model.fingerprint.fp)
    throw new NodeError(
      'wrong_fingerprint',
      `keys and values of ${kv.modelFingerprint}, not of ${model.fingerprint.fp}`,
    )
  const { layers, kvHeads, headDim } = model.config
  const expected = { layout: 'bhtd', layers, kvHeads, headDim, tokenCount: tokens, positionOffset: positionStart }
  for (const [name, value] of Object.entries(expected)) {
    const found = kv[name as keyof typeof expected]
    if (found !== value) throw new NodeError('invalid_tensor', `"${name}" expected ${value} but got ${found}`)
  }
}
