import type { KvBlock } from '../model/decoder-model.ts'
import { NodeError } from '../node-error.ts'
import { checkKvBlock, type KvShape } from './kv-block.ts'
import { fromInt8, type ScaleAxis, scaleShape, toHalf, toInt8 } from './kv-numbers.ts'
import { bytesOf, expectMetadata, type FileTensor, readTensorFile, tensorOf, writeTensorFile } from './tensor-file.ts'

/** Number formats of stored blocks; a KvRendition calls the second one `q8`. */
export const KV_DTYPES = ['fp16', 'int8'] as const
export type KvDtype = (typeof KV_DTYPES)[number]

const FORMAT = 'memos-kv/1'
const LAYOUT = 'bhtd'
const TOKENS = 'token_ids'
const AXES = { key: 'channel', value: 'token' } as const satisfies Record<string, ScaleAxis>
const PARTS = ['key', 'value'] as const
const nameOf = (layer: number, part: (typeof PARTS)[number]) => `past_key_values.${layer}.${part}`

/** What a file must be about before anything in it is believed. */
export interface KvExpectations extends KvShape {
  /** `fp` of the model's fingerprint. */
  fingerprint: string
  dtype: KvDtype
  tokenIds: readonly number[]
  positionStart: number
  /** Larger files are refused before they are read. */
  bytesMax: number
}

/**
 * A block as a safetensors file: `past_key_values.N.key|value` [1, kvHeads, tokens, headDim], as F16, or as I8 with `….scale` (F32) beside
 * each; `token_ids` U32 [tokens]; and in the metadata what it was made with.
 * @throws NodeError `invalid_tensor` for a block that is not of this shape, not finite or beyond half precision
 */
export function encodeKvBlock(
  block: KvBlock,
  shape: KvShape,
  { dtype, fingerprint }: { dtype: KvDtype; fingerprint: string },
): Uint8Array<ArrayBuffer> {
  checkKvBlock(block, shape)
  const tokens = block.tokenIds.length
  const { kvHeads, headDim } = shape
  const dims = [1, kvHeads, tokens, headDim]
  const tensors = new Map<string, FileTensor>()
  tensors.set(TOKENS, { dtype: 'U32', shape: [tokens], bytes: tokenBytes(block.tokenIds) })
  for (const [layer, arrays] of block.layers.entries()) {
    for (const part of PARTS) {
      const name = nameOf(layer, part)
      if (dtype === 'fp16') {
        tensors.set(name, { dtype: 'F16', shape: dims, bytes: bytesOf(toHalf(arrays[part])) })
        continue
      }
      const { codes, scales } = toInt8(arrays[part], AXES[part], tokens, headDim)
      tensors.set(name, { dtype: 'I8', shape: dims, bytes: bytesOf(codes) })
      const scaleDims = scaleShape(AXES[part], kvHeads, tokens, headDim)
      tensors.set(`${name}.scale`, { dtype: 'F32', shape: scaleDims, bytes: bytesOf(scales) })
    }
  }
  const facts = { fingerprint, dtype, positionStart: block.positionStart }
  return writeTensorFile({ metadata: new Map(Object.entries(metadataOf(facts))), tensors })
}

/**
 * The block in a file that may come from anyone.
 * @throws NodeError `wrong_fingerprint` for a file of another model; `invalid_tensor` for one that is truncated, too large, of other
 * shapes, types, tokens or positions than expected, with tensors that do not belong there or with a number that is not finite
 */
export function decodeKvBlock(bytes: Uint8Array, expected: KvExpectations): KvBlock {
  const file = readTensorFile(bytes, expected.bytesMax)
  expectMetadata(file, metadataOf(expected))
  const tokens = expected.tokenIds.length
  const wanted = 1 + expected.layers * PARTS.length * (expected.dtype === 'int8' ? 2 : 1)
  if (file.tensors.size !== wanted)
    throw new NodeError('invalid_tensor', `expected ${wanted} tensors but got ${file.tensors.size}`)
  const ids = new Uint32Array(copyOf(tensorOf(file, TOKENS, 'U32', [tokens])))
  if (expected.tokenIds.some((id, at) => id !== ids[at]))
    throw new NodeError('invalid_tensor', 'the tokens are not those of the text')
  const numbers = (layer: number, part: (typeof PARTS)[number]) => {
    const { kvHeads, headDim, dtype } = expected
    const dims = [1, kvHeads, tokens, headDim]
    const name = nameOf(layer, part)
    if (dtype === 'fp16') return new Float32Array(new Float16Array(copyOf(tensorOf(file, name, 'F16', dims))))
    const scaleDims = scaleShape(AXES[part], kvHeads, tokens, headDim)
    const codes = new Int8Array(copyOf(tensorOf(file, name, 'I8', dims)))
    const scales = new Float32Array(copyOf(tensorOf(file, `${name}.scale`, 'F32', scaleDims)))
    return fromInt8({ codes, scales }, AXES[part], tokens, headDim)
  }
  const block = {
    tokenIds: [...expected.tokenIds],
    positionStart: expected.positionStart,
    layers: Array.from({ length: expected.layers }, (_, layer) => ({
      key: numbers(layer, 'key'),
      value: numbers(layer, 'value'),
    })),
  }
  checkKvBlock(block, expected)
  return block
}

/** Which tokens a file says it is of; the rest of it is not looked at. @throws NodeError `invalid_tensor` */
export function tokensOfKvFile(bytes: Uint8Array, bytesMax: number): number[] {
  const tensor = readTensorFile(bytes, bytesMax).tensors.get(TOKENS)
  if (tensor?.dtype !== 'U32' || tensor.shape.length !== 1)
    throw new NodeError('invalid_tensor', `expected a tensor "${TOKENS}" of U32 [tokens]`)
  return [...new Uint32Array(copyOf(tensor))]
}

/** Token ids as a KvRendition stores them: 32-bit little-endian. */
export const tokenBytes = (tokenIds: readonly number[]): Uint8Array<ArrayBuffer> => bytesOf(new Uint32Array(tokenIds))

/** No file of so many tokens is larger: half precision, scales and a header. */
export const kvFileBytesMax = ({ layers, kvHeads, headDim }: KvShape, tokens: number): number =>
  4096 + layers * 512 + 4 * tokens + layers * 2 * kvHeads * (tokens * headDim * 2 + 4 * (tokens + headDim))

const metadataOf = ({
  fingerprint,
  dtype,
  positionStart,
}: Omit<KvExpectations, 'bytesMax' | 'tokenIds' | keyof KvShape>) => ({
  format: FORMAT,
  modelFingerprint: fingerprint,
  dtype,
  layout: LAYOUT,
  positionStart: String(positionStart),
})

const copyOf = ({ bytes }: FileTensor): ArrayBuffer => new Uint8Array(bytes).buffer
