import { readSafetensorsHeader } from '../../../protocol/core/safetensors-header.ts'
import { SafetensorsError } from '../../../protocol/core/safetensors-scan.ts'
import { NodeError } from '../node-error.ts'

/** One matrix or vector as it stands in the file: little-endian, row by row. */
export interface Weight {
  dtype: 'F16' | 'F32'
  shape: readonly number[]
  bytes: Uint8Array
}

/** Exponent bits; all of them set means infinite or not a number. */
const EXPONENT = { F16: 0x7c00, F32: 0x7f80_0000 } as const

/**
 * The weights of safetensors files, by name. Every number is looked at: one that is not finite would make every answer wrong.
 * @throws NodeError `invalid_tensor` naming the tensor or what is wrong with the file.
 */
export function readWeights(shards: Iterable<Uint8Array>): Map<string, Weight> {
  const weights = new Map<string, Weight>()
  for (const shard of shards) {
    for (const { name, dtype, shape, start, end } of headerOf(shard).tensors()) {
      if (weights.has(name)) throw new NodeError('invalid_tensor', `"${name}" stands in two files`)
      if (dtype !== 'F16' && dtype !== 'F32')
        throw new NodeError('invalid_tensor', `"${name}" expected F16 or F32 but got ${dtype}`)
      const weight = { dtype, shape, bytes: aligned(shard.subarray(start, end)) }
      if (!areFinite(weight)) throw new NodeError('invalid_tensor', `"${name}" has a number that is not finite`)
      weights.set(name, weight)
    }
  }
  return weights
}

function headerOf(file: Uint8Array) {
  try {
    return readSafetensorsHeader(file, file.length)
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error
    throw new NodeError('invalid_tensor', `not a safetensors file: ${error.message}`, { cause: error })
  }
}

/** Numbers of four bytes can only be read where an address divides by four. */
const aligned = (bytes: Uint8Array) => (bytes.byteOffset % 4 === 0 ? bytes : bytes.slice())

/** The numbers of a weight as unsigned integers of the same width. */
export function rawNumbers({ dtype, bytes }: Weight): Uint16Array | Uint32Array {
  return dtype === 'F16'
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

function areFinite(weight: Weight): boolean {
  const mask = EXPONENT[weight.dtype]
  return rawNumbers(weight).every((bits) => (bits & mask) !== mask)
}
