import type { BlobRef } from '../../../schemas/blob-ref.ts'
import type { DecoderModel, KvBlock } from '../model/decoder-model.ts'
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
  const { tokenizer } = parts.model
  const { prefixIds } = memoryFrame(tokenizer, [])
  const ids = entryIds(tokenizer, text)
  if (ids.length === 0) throw new NodeError('invalid_input', 'the text has no token')
  using entry = (await new EntryCaches(parts, prefixIds).entry(ids, undefined, signal)).lease
  return storeKv(parts.model, await entry.cache.toBlock(), dtype, sink)
}

/** Stores a block and its tokens, and says what they are. @throws NodeError `invalid_tensor`, and what the sink throws */
export async function storeKv(
  { config, fingerprint }: Pick<DecoderModel, 'config' | 'fingerprint'>,
  block: KvBlock,
  dtype: KvDtype,
  sink: BlobSink,
): Promise<KvRendition> {
  const { layers, kvHeads, headDim } = config
  const file = encodeKvBlock(block, config, { dtype, fingerprint: fingerprint.fp })
  const [blob, tokens] = [await sink.put(file), await sink.put(tokenBytes(block.tokenIds))]
  return {
    kind: 'kv',
    modelFingerprint: fingerprint.fp,
    blob,
    dtype: RENDITION_DTYPES[dtype],
    // Of values; the scale of a key is shared by one channel of all tokens, and both stand in the file.
    ...(dtype === 'int8' ? { quantGroupSize: headDim } : {}),
    layout: 'bhtd',
    layers,
    kvHeads,
    headDim,
    tokenCount: block.tokenIds.length,
    positionOffset: block.positionStart,
    tokens,
  }
}
