import { NodeError } from '../node-error.ts'

/** Largest code of a symmetric 8-bit integer; -128 is not used. */
const CODE_MAX = 127

/** Numbers with a scale for each group: number = code * scale. */
export interface Int8Numbers {
  codes: Int8Array<ArrayBuffer>
  scales: Float32Array<ArrayBuffer>
}

/** How numbers of [kvHeads, tokens, headDim] share scales. Keys differ by channel, values by token (KIVI, Liu et al. 2024). */
export type ScaleAxis = 'channel' | 'token'

/** @throws NodeError `invalid_tensor` for a number that half precision cannot hold */
export function toHalf(numbers: Float32Array): Float16Array<ArrayBuffer> {
  const half = Float16Array.from(numbers)
  if (!half.every(Number.isFinite)) throw new NodeError('invalid_tensor', 'a number is too large for half precision')
  return half
}

/** Symmetric absmax rounding: the largest number of each group becomes 127 or -127. */
export function toInt8(numbers: Float32Array, axis: ScaleAxis, tokens: number, headDim: number): Int8Numbers {
  const codes = new Int8Array(numbers.length)
  const scales = new Float32Array(scaleCount(numbers.length, axis, tokens, headDim))
  const group = groupOf(axis, tokens, headDim)
  for (let at = 0; at < numbers.length; at++) {
    const size = Math.abs(numbers[at]!)
    if (size > scales[group(at)]!) scales[group(at)] = size
  }
  for (let at = 0; at < scales.length; at++) scales[at] = scales[at]! / CODE_MAX
  for (let at = 0; at < numbers.length; at++) {
    const scale = scales[group(at)]!
    // Rounding of the scale may put the largest number a hair above the last code.
    if (scale > 0) codes[at] = Math.max(-CODE_MAX, Math.min(CODE_MAX, Math.round(numbers[at]! / scale)))
  }
  return { codes, scales }
}

/** @throws NodeError `invalid_tensor` for a code or a scale that `toInt8` does not make */
export function fromInt8({ codes, scales }: Int8Numbers, axis: ScaleAxis, tokens: number, headDim: number) {
  if (!scales.every((scale) => Number.isFinite(scale) && scale >= 0))
    throw new NodeError('invalid_tensor', 'expected scales that are finite and not negative')
  if (codes.includes(-CODE_MAX - 1)) throw new NodeError('invalid_tensor', 'expected codes from -127 to 127')
  const group = groupOf(axis, tokens, headDim)
  return Float32Array.from(codes, (code, at) => code * scales[group(at)]!)
}

/** Shape of the scales beside [1, kvHeads, tokens, headDim]. */
export const scaleShape = (axis: ScaleAxis, kvHeads: number, tokens: number, headDim: number): number[] =>
  axis === 'channel' ? [1, kvHeads, 1, headDim] : [1, kvHeads, tokens, 1]

const scaleCount = (count: number, axis: ScaleAxis, tokens: number, headDim: number) =>
  count / (axis === 'channel' ? tokens : headDim)

function groupOf(axis: ScaleAxis, tokens: number, headDim: number): (at: number) => number {
  if (axis === 'token') return (at) => Math.floor(at / headDim)
  const head = tokens * headDim
  return (at) => Math.floor(at / head) * headDim + (at % headDim)
}
