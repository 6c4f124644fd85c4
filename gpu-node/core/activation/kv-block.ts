import type { DecoderConfig, KvBlock } from '../model/decoder-model.ts'
import { NodeError } from '../node-error.ts'

/** What the arrays of a block depend on. */
export type KvShape = Pick<DecoderConfig, 'layers' | 'kvHeads' | 'headDim'>

/** Bytes of keys and values of so many tokens in single precision. */
export const kvBytes = ({ layers, kvHeads, headDim }: KvShape, tokens: number): number =>
  layers * 2 * kvHeads * tokens * headDim * Float32Array.BYTES_PER_ELEMENT

/** @throws NodeError `invalid_tensor` unless every array is [kvHeads, tokens, headDim] and every number is finite. */
export function checkKvBlock(block: KvBlock, shape: KvShape): void {
  const numbers = shape.kvHeads * block.tokenIds.length * shape.headDim
  if (block.layers.length !== shape.layers)
    throw new NodeError('invalid_tensor', `expected ${shape.layers} layers but got ${block.layers.length}`)
  for (const [layer, { key, value }] of block.layers.entries()) {
    for (const [name, array] of Object.entries({ key, value })) {
      if (array.length !== numbers)
        throw new NodeError(
          'invalid_tensor',
          `${name} of layer ${layer}: expected ${numbers} numbers, not ${array.length}`,
        )
      if (!areFinite(array))
        throw new NodeError('invalid_tensor', `${name} of layer ${layer} has a number that is not finite`)
    }
  }
}

/** A loop: arrays are long, and a call for each number takes several times as long. */
export function areFinite(numbers: Float32Array): boolean {
  for (let at = 0; at < numbers.length; at++) if (!Number.isFinite(numbers[at])) return false
  return true
}

/** The tokens from `from` up to, not including, `to`, as a copy. They keep their positions. */
export function sliceKvBlock(block: KvBlock, from: number, to: number, { kvHeads, headDim }: KvShape): KvBlock {
  const tokens = block.tokenIds.length
  const cut = (array: Float32Array) => {
    const part = new Float32Array(kvHeads * (to - from) * headDim)
    for (let head = 0; head < kvHeads; head++) {
      const start = head * tokens * headDim
      part.set(array.subarray(start + from * headDim, start + to * headDim), head * (to - from) * headDim)
    }
    return part
  }
  return {
    tokenIds: block.tokenIds.slice(from, to),
    positionStart: block.positionStart + from,
    layers: block.layers.map(({ key, value }) => ({ key: cut(key), value: cut(value) })),
  }
}

/** Blocks one behind the other. @throws NodeError `invalid_input` unless each begins where the one before it ends */
export function joinKvBlocks(blocks: readonly KvBlock[], { layers, kvHeads, headDim }: KvShape): KvBlock {
  const positionStart = blocks[0]?.positionStart ?? 0
  let at = positionStart
  for (const block of blocks) {
    if (block.positionStart !== at)
      throw new NodeError('invalid_input', `expected a block at position ${at}, not ${block.positionStart}`)
    at += block.tokenIds.length
  }
  const tokens = at - positionStart
  const join = (arraysOf: (block: KvBlock) => Float32Array) => {
    const whole = new Float32Array(kvHeads * tokens * headDim)
    for (const block of blocks) {
      const width = block.tokenIds.length * headDim
      const array = arraysOf(block)
      for (let head = 0; head < kvHeads; head++) {
        const place = (head * tokens + block.positionStart - positionStart) * headDim
        whole.set(array.subarray(head * width, (head + 1) * width), place)
      }
    }
    return whole
  }
  return {
    tokenIds: blocks.flatMap((block) => block.tokenIds),
    positionStart,
    layers: Array.from({ length: layers }, (_, layer) => ({
      key: join((block) => block.layers[layer]!.key),
      value: join((block) => block.layers[layer]!.value),
    })),
  }
}
