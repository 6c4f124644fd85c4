import type { DecoderConfig, KvBlock } from '../model/decoder-model.ts'
import { joinKvBlocks } from './kv-block.ts'
import { rotateBlock } from './rotate-block.ts'

/**
 * One block out of many: the prefix, kept once, and behind it each block at its place, in the order given. Each was prefilled right behind
 * the same prefix and saw nothing of the others. `prefix` null: the blocks were prefilled behind nothing, and the result is what a joint
 * prefill gives under a block-diagonal mask. With a prefix it differs from that in one thing: each block saw the prefix at distance 0.
 */
export function composeBlocks(
  prefix: KvBlock | null,
  blocks: readonly KvBlock[],
  config: Pick<DecoderConfig, 'layers' | 'kvHeads' | 'headDim' | 'ropeTheta'>,
): KvBlock {
  const parts = prefix === null ? [] : [prefix]
  let at = prefix === null ? 0 : prefix.positionStart + prefix.tokenIds.length
  for (const block of blocks) {
    parts.push(rotateBlock(block, at - block.positionStart, config))
    at += block.tokenIds.length
  }
  return joinKvBlocks(parts, config)
}

/** Order of memories in a prompt: by cube id, so that the same memories always give the same prompt, whatever their ranks were. */
export const canonicalOrder = <T extends { cubeId: string }>(items: readonly T[]): T[] =>
  items.toSorted((a, b) => (a.cubeId < b.cubeId ? -1 : a.cubeId > b.cubeId ? 1 : 0))
