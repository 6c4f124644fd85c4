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
  const half = new Float16Array(numbers)
  if (!half.every(Number.isFinite)) throw new NodeError('invalid_tensor', 'a number is too large for half precision')
  return half
}

/** Symmetric absmax rounding: the largest number of each group becomes 127 or -127. */
export function toInt8(numbers: Float32Array, axis: ScaleAxis, tokens: number, headDim: number): Int8Numbers {
  const codes = new Int8Array(numbers.length)
  const scales = new Float32Array(numbers.length / (axis === 'channel' ? tokens : headDim))
  eachRow(numbers.length, axis, tokens, headDim, (row, group, step) => {
    for (let i = 0; i < headDim; i++) {
      const size = Math.abs(numbers[row + i]!)
      if (size > scales[group + i * step]!) scales[group + i * step] = size
    }
  })
  for (let at = 0; at < scales.length; at++) scales[at] = scales[at]! / CODE_MAX
  eachRow(numbers.length, axis, tokens, headDim, (row, group, step) => {
    for (let i = 0; i < headDim; i++) {
      const scale = scales[group + i * step]!
      // Rounding of the scale may put the largest number a hair above the last code.
      if (scale > 0) codes[row + i] = Math.max(-CODE_MAX, Math.min(CODE_MAX, Math.round(numbers[row + i]! / scale)))
    }
  })
  return { codes, scales }
}

/** @throws NodeError `invalid_tensor` for a code or a scale that `toInt8` does not make */
export function fromInt8({ codes, scales }: Int8Numbers, axis: ScaleAxis, tokens: number, headDim: number) {
  if (!scales.every((scale) => Number.isFinite(scale) && scale >= 0))
    throw new NodeError('invalid_tensor', 'expected scales that are finite and not negative')
  if (codes.includes(-CODE_MAX - 1)) throw new NodeError('invalid_tensor', 'expected codes from -127 to 127')
  const numbers = new Float32Array(codes.length)
  eachRow(codes.length, axis, tokens, headDim, (row, group, step) => {
    for (let i = 0; i < headDim; i++) numbers[row + i] = codes[row + i]! * scales[group + i * step]!
  })
  return numbers
}

/** Calls `work` for each token of each head: where its numbers begin, which scale the first one has, and how far on that of the next is. */
function eachRow(
  count: number,
  axis: ScaleAxis,
  tokens: number,
  headDim: number,
  work: (row: number, group: number, step: 0 | 1) => void,
): void {
  for (let row = 0; row * headDim < count; row++) {
    if (axis === 'token') work(row * headDim, row, 0)
    else work(row * headDim, Math.floor(row / tokens) * headDim, 1)
  }
}

/** Shape of the scales beside [1, kvHeads, tokens, headDim]. */
export const scaleShape = (axis: ScaleAxis, kvHeads: number, tokens: number, headDim: number): number[] =>
  axis === 'channel' ? [1, kvHeads, 1, headDim] : [1, kvHeads, tokens, 1]
