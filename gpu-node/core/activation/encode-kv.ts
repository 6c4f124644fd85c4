import type { BlobRef } from '../../../schemas/blob-ref.ts'
import { NodeError } from '../node-error.ts'
import { type ActivationParts, EntryCaches, type KvRendition } from './entry-caches.ts'
import { encodeKvBlock, type KvDtype, tokenBytes } from './kv-codec.ts'
import { entryIds, memoryFrame } from './memory-frame.ts'

/** Stores bytes and says where. */
export interface BlobSink {
  put(bytes: Uint8Array): Promise<BlobRef>
}

/** The number format of a KvRendition by that of the file. */
const RENDITION_DTYPES = { fp16: 'fp16', int8: 'q8' } as const satisfies Record<KvDtype, KvRendition['dtype']>

/**
 * Makes a memory's keys and values, as one entry behind the model's memory prefix, and stores them.
 * @throws NodeError `invalid_input` for a text without tokens, `context_overflow`, `invalid_tensor`, `cancelled`
 */
export async function encodeKv(
  parts: ActivationParts,
  sink: BlobSink,
  { text, dtype }: { text: string; dtype: KvDtype },
  signal?: AbortSignal,
): Promise<KvRendition> {
  const { model } = parts
  const { fp: fingerprint } = model.fingerprint
  const { layers, kvHeads, headDim } = model.config
  const { prefixIds } = memoryFrame(model.tokenizer, [])
  const ids = entryIds(model.tokenizer, text)
  if (ids.length === 0) throw new NodeError('invalid_input', 'the text has no token')
  using entry = (await new EntryCaches(parts, prefixIds).entry(ids, undefined, signal)).lease
  const file = encodeKvBlock(await entry.cache.toBlock(), model.config, { dtype, fingerprint })
  const [blob, tokens] = [await sink.put(file), await sink.put(tokenBytes(ids))]
  return {
    kind: 'kv',
    modelFingerprint: fingerprint,
    blob,
    dtype: RENDITION_DTYPES[dtype],
    // Of values; the scale of a key is shared by one channel of all tokens, and both stand in the file.
    ...(dtype === 'int8' ? { quantGroupSize: headDim } : {}),
    layout: 'bhtd',
    layers,
    kvHeads,
    headDim,
    tokenCount: ids.length,
    positionOffset: prefixIds.length,
    tokens,
  }
}
