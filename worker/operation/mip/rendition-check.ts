import { openDescriptor } from '../../../protocol/core/fingerprint.ts'
import { MipCborError } from '../../../protocol/core/mip-cbor-error.ts'
import { readSafetensorsHeader, type SafetensorsTensor } from '../../../protocol/core/safetensors-header.ts'
import { SafetensorsError } from '../../../protocol/core/safetensors-scan.ts'
import type { BlobRef } from '../../../schemas/blob-ref.ts'
import { MIP_RENDITION_BYTES_MAX } from '../../../schemas/limits-mip.ts'
import type { Rendition } from '../../../schemas/rendition.ts'

export type ModelRendition = Exclude<Rendition, { kind: 'text' }>
type KvRendition = Extract<Rendition, { kind: 'kv' }>

/** Types of plain numbers as safetensors names them; how integers with scales lie in a file is of the runtime. */
const PLAIN: Partial<Record<ModelRendition['dtype'], SafetensorsTensor['dtype']>> = {
  fp32: 'F32',
  fp16: 'F16',
  bf16: 'BF16',
}
const KV_NAME = /^past_key_values\.(0|[1-9]\d{0,5})\.(key|value)$/

/** Blobs of a rendition: its tensors first. */
export const blobsOf = (rendition: ModelRendition): BlobRef[] =>
  rendition.kind === 'kv' ? [rendition.blob, rendition.tokens] : [rendition.blob]

export const isTooLarge = (rendition: ModelRendition): boolean =>
  blobsOf(rendition).some(({ bytes }) => bytes > MIP_RENDITION_BYTES_MAX)

/**
 * Why a rendition must not be kept, as a code, or null. `tensors` is the whole file, `descriptor` the object that its fingerprint names, where
 * somebody has it: without one the fingerprint is all there is (docs/mip/models.md).
 */
export function renditionFault(
  rendition: ModelRendition,
  tensors: Uint8Array,
  descriptor: Uint8Array | null,
): string | null {
  if (descriptor !== null && !isOfModel(rendition, descriptor)) return 'wrong_fingerprint'
  try {
    const header = readSafetensorsHeader(tensors, tensors.length)
    return rendition.kind === 'kv' && !isCacheOf(rendition, header) ? 'wrong_tensors' : null
  } catch (error) {
    if (error instanceof SafetensorsError) return `safetensors_${error.reason}`
    throw error
  }
}

/** Whether what the fingerprint names is a model, and one whose cache lies as the rendition says. */
function isOfModel(rendition: ModelRendition, descriptor: Uint8Array): boolean {
  try {
    const { runtimeLayout } = openDescriptor(descriptor)
    return rendition.kind !== 'kv' || runtimeLayout.kv === rendition.layout
  } catch (error) {
    if (error instanceof RangeError || error instanceof MipCborError) return false
    throw error
  }
}

/** A key and a value for each layer, nothing else, each of the size that the rendition says. */
function isCacheOf(
  { layers, kvHeads, headDim, tokenCount, layout, dtype }: KvRendition,
  { count, tensors }: ReturnType<typeof readSafetensorsHeader>,
): boolean {
  const type = PLAIN[dtype]
  if (type === undefined) return true
  if (count !== layers * 2) return false
  const shape = layout === 'bhtd' ? [1, kvHeads, tokenCount, headDim] : [1, tokenCount, kvHeads, headDim]
  for (const tensor of tensors()) {
    const layer = KV_NAME.exec(tensor.name)?.[1]
    const isRight = layer !== undefined && Number(layer) < layers && tensor.dtype === type
    if (!isRight || tensor.shape.length !== 4 || tensor.shape.some((size, at) => size !== shape[at])) return false
  }
  return true
}
