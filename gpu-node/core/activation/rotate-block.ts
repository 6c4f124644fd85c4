import type { DecoderConfig, KvBlock } from '../model/decoder-model.ts'

/**
 * The block as it would stand `delta` positions further on (back, if negative): keys are turned by RoPE (Su et al. 2021, in the half-split
 * layout of Llama), values do not know their place. Rotations add up, so this is what attention would have seen, up to rounding: angles
 * are in double precision, results in single precision. Values are shared with the block that is given.
 */
export function rotateBlock(
  block: KvBlock,
  delta: number,
  { headDim, ropeTheta }: Pick<DecoderConfig, 'headDim' | 'ropeTheta'>,
): KvBlock {
  if (delta === 0) return block
  const half = headDim / 2
  const angles = Array.from({ length: half }, (_, j) => delta * ropeTheta ** ((-2 * j) / headDim))
  const cos = Float64Array.from(angles, Math.cos)
  const sin = Float64Array.from(angles, Math.sin)
  const turned = (key: Float32Array) => {
    const result = new Float32Array(key.length)
    for (let at = 0; at < key.length; at += headDim) {
      for (let j = 0; j < half; j++) {
        const [x, y] = [key[at + j]!, key[at + j + half]!]
        result[at + j] = x * cos[j]! - y * sin[j]!
        result[at + j + half] = y * cos[j]! + x * sin[j]!
      }
    }
    return result
  }
  return {
    tokenIds: block.tokenIds,
    positionStart: block.positionStart + delta,
    layers: block.layers.map(({ key, value }) => ({ key: turned(key), value })),
  }
}
