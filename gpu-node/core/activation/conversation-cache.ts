import type { KvCache } from '../model/decoder-model.ts'
import type { ActivationParts } from './entry-caches.ts'
import { sliceKvBlock } from './kv-block.ts'
import { decodeKvBlock, kvFileBytesMax, tokensOfKvFile } from './kv-codec.ts'

/**
 * The stored cache of a conversation, as far as this prompt begins like it; null if that is no further than `least` tokens. An answer that
 * was written down may have other tokens than were generated: what lies behind the first difference is computed again. At least one token
 * of the prompt is left over to be run. The caller disposes it.
 * @throws NodeError `wrong_fingerprint`, `invalid_tensor`, and what the blobs throw
 */
export async function conversationCache(
  { model, cacheOf, blobs }: Omit<ActivationParts, 'resident'>,
  cid: string,
  promptIds: readonly number[],
  least: number,
): Promise<KvCache | null> {
  const { config, fingerprint } = model
  const { layers, kvHeads, headDim } = config
  const bytesMax = kvFileBytesMax(config, config.positionsMax)
  const bytes = await blobs.get(cid)
  const tokenIds = tokensOfKvFile(bytes, bytesMax)
  const difference = tokenIds.findIndex((id, at) => id !== promptIds[at])
  const common = Math.min(difference < 0 ? tokenIds.length : difference, promptIds.length - 1)
  const facts = { layers, kvHeads, headDim, fingerprint: fingerprint.fp, dtype: 'fp16', positionStart: 0 } as const
  const block = decodeKvBlock(bytes, { ...facts, tokenIds, bytesMax })
  return common > least ? cacheOf(sliceKvBlock(block, 0, common, config)) : null
}
