import type { DecoderConfig } from '../core/model/decoder-model.ts'

export interface RopeTables {
  /** [positionsMax, headDim], little-endian fp32. */
  cos: Uint8Array
  /** The same; the first half of each row is negative, so that a turn is x cos + swapped(x) sin. */
  sin: Uint8Array
}

/**
 * Cosines and sines of the half-split rotary embedding, rounded where Hugging Face's fp32 code rounds. They are tables because WGSL
 * promises nothing for the sine of more than pi, and positions go to thousands of radians.
 */
export function ropeTables({ positionsMax, headDim, ropeTheta }: DecoderConfig): RopeTables {
  const half = headDim / 2
  const cos = new DataView(new ArrayBuffer(positionsMax * headDim * 4))
  const sin = new DataView(new ArrayBuffer(positionsMax * headDim * 4))
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / ropeTheta ** ((2 * i) / headDim))
    for (let position = 0; position < positionsMax; position++) {
      const angle = Math.fround(position * frequency)
      const first = (position * headDim + i) * 4
      const second = first + half * 4
      cos.setFloat32(first, Math.cos(angle), true)
      cos.setFloat32(second, Math.cos(angle), true)
      sin.setFloat32(first, -Math.sin(angle), true)
      sin.setFloat32(second, Math.sin(angle), true)
    }
  }
  return { cos: new Uint8Array(cos.buffer), sin: new Uint8Array(sin.buffer) }
}
