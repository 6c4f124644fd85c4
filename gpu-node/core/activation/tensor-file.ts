import { readSafetensorsHeader, type SafetensorsDtype } from '../../../protocol/core/safetensors-header.ts'
import { SafetensorsError } from '../../../protocol/core/safetensors-scan.ts'
import { NodeError } from '../node-error.ts'

/** Bytes in front of the header: its length. */
const LENGTH_BYTES = 8
const METADATA = '__metadata__'

export interface FileTensor {
  dtype: SafetensorsDtype
  shape: readonly number[]
  /** Little-endian, row by row. */
  bytes: Uint8Array
}

export interface TensorFile {
  metadata: ReadonlyMap<string, string>
  tensors: ReadonlyMap<string, FileTensor>
}

/** The same file as bytes: safetensors (https://github.com/huggingface/safetensors, "Format"). Wide numbers stand first, so all are aligned. */
export function writeTensorFile({ metadata, tensors }: TensorFile): Uint8Array<ArrayBuffer> {
  const width = ({ bytes, shape }: FileTensor) => bytes.length / shape.reduce((product, size) => product * size, 1)
  const sorted = [...tensors].toSorted(([, a], [, b]) => width(b) - width(a))
  let end = 0
  const entries = sorted.map(([name, { dtype, shape, bytes }]) => {
    const start = end
    end += bytes.length
    return [name, { dtype, shape, data_offsets: [start, end] }] as const
  })
  const header = JSON.stringify({ [METADATA]: Object.fromEntries(metadata), ...Object.fromEntries(entries) })
  const text = new TextEncoder().encode(header)
  const dataStart = LENGTH_BYTES + Math.ceil(text.length / 8) * 8
  const file = new Uint8Array(dataStart + end).fill(0x20, LENGTH_BYTES, dataStart)
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true)
  file.set(text, LENGTH_BYTES)
  for (const [at, [, { bytes }]] of sorted.entries()) file.set(bytes, dataStart + entries[at]![1].data_offsets[0]!)
  return file
}

/**
 * Reads a file that may come from anyone. Its header is checked whole before anything is made out of it; the bytes of tensors are copies.
 * @throws NodeError `invalid_tensor`
 */
export function readTensorFile(file: Uint8Array, bytesMax: number): TensorFile {
  if (file.length > bytesMax)
    throw new NodeError('invalid_tensor', `expected at most ${bytesMax} bytes but got ${file.length}`)
  try {
    const header = readSafetensorsHeader(file, file.length)
    const tensors = new Map<string, FileTensor>()
    for (const { name, dtype, shape, start, end } of header.tensors())
      tensors.set(name, { dtype, shape, bytes: file.slice(start, end) })
    return { metadata: metadataOf(file.subarray(LENGTH_BYTES, header.dataStart)), tensors }
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error
    throw new NodeError('invalid_tensor', error.message, { cause: error })
  }
}

/** The header has been checked: it is JSON without a field twice, and metadata are texts. */
function metadataOf(header: Uint8Array): ReadonlyMap<string, string> {
  const read: Record<string, Record<string, string>> = JSON.parse(new TextDecoder().decode(header))
  return new Map(Object.entries(read[METADATA] ?? {}))
}

/** One tensor of the file. @throws NodeError `invalid_tensor` unless it is there with this type and shape */
export function tensorOf(
  file: TensorFile,
  name: string,
  dtype: SafetensorsDtype,
  shape: readonly number[],
): FileTensor {
  const tensor = file.tensors.get(name)
  if (tensor === undefined) throw new NodeError('invalid_tensor', `expected a tensor "${name}"`)
  const isShape = tensor.shape.length === shape.length && shape.every((size, at) => size === tensor.shape[at])
  if (tensor.dtype !== dtype || !isShape) {
    const found = `${tensor.dtype} [${tensor.shape}]`
    throw new NodeError('invalid_tensor', `"${name}" expected ${dtype} [${shape}] but got ${found}`)
  }
  return tensor
}

/** @throws NodeError `wrong_fingerprint` for another model, `invalid_tensor` for any other fact */
export function expectMetadata(file: TensorFile, expected: Readonly<Record<string, string>>): void {
  for (const [name, wanted] of Object.entries(expected)) {
    const found = file.metadata.get(name)
    if (found === wanted) continue
    const code = name === 'modelFingerprint' ? 'wrong_fingerprint' : 'invalid_tensor'
    throw new NodeError(code, `metadata "${name}": expected ${wanted} but got ${found?.slice(0, 100)}`)
  }
}

/** The bytes behind an array of numbers. Every platform that JavaScript runs on here is little-endian, as the format is. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer, byteOffset, byteLength)
