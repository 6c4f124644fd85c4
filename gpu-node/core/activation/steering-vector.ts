import type { BlobRef } from '../../../schemas/blob-ref.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { DecoderModel, Steering } from '../model/decoder-model.ts'
import { NodeError } from '../node-error.ts'
import { bytesOf, expectMetadata, readTensorFile, tensorOf, writeTensorFile } from './tensor-file.ts'

export type SteeringRendition = Extract<Rendition, { kind: 'steering' }>

const FORMAT = 'memos-steering/1'
const TENSOR = 'steering'
const MICROS = 1_000_000
/** A header and nothing else beside the vector. */
const HEADER_BYTES_MAX = 4096

export interface ContrastPair {
  positive: string
  negative: string
}

/**
 * A direction in the hidden states of a layer, of length 1: the mean over the pairs of the difference at the last token (Rimsky et al. 2024,
 * "contrastive activation addition").
 * @throws NodeError `invalid_input` for no pairs, texts without tokens or pairs without a difference, and what the model throws
 */
export async function steeringVector(
  model: DecoderModel,
  pairs: readonly ContrastPair[],
  layer: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { hidden: width } = model.config
  const sum = new Float64Array(width)
  for (const { positive, negative } of pairs) {
    const [toward, away] = [
      await lastState(model, positive, layer, signal),
      await lastState(model, negative, layer, signal),
    ]
    for (let i = 0; i < width; i++) sum[i]! += toward[i]! - away[i]!
  }
  const length = Math.hypot(...sum)
  if (!(length > 0) || !Number.isFinite(length))
    throw new NodeError('invalid_input', 'expected pairs of texts that differ to the model')
  return Float32Array.from(sum, (value) => value / length)
}

async function lastState(
  model: DecoderModel,
  text: string,
  layer: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const ids = model.tokenizer.encode(model.tokenizer.plain(text))
  if (ids.length === 0) throw new NodeError('invalid_input', 'a text of a pair has no token')
  const output = await model.forward({ ids, past: null, hiddenLayers: [layer], ...(signal && { signal }) })
  output.cache.dispose()
  return output.hidden.get(layer)!.subarray(-model.config.hidden)
}

/** The vector as a safetensors file: `steering` F32 [hidden], and in the metadata what it is for. */
export function encodeSteering(vector: Float32Array, facts: SteeringFacts): Uint8Array<ArrayBuffer> {
  const numbers = Float32Array.from(vector)
  if (!numbers.every(Number.isFinite)) throw new NodeError('invalid_tensor', 'a number of the vector is not finite')
  const tensors = new Map([[TENSOR, { dtype: 'F32', shape: [vector.length], bytes: bytesOf(numbers) } as const]])
  return writeTensorFile({ metadata: new Map(Object.entries(metadataOf(facts))), tensors })
}

interface SteeringFacts {
  modelFingerprint: string
  layer: number
  site: SteeringRendition['site']
}

/** What is stored beside the file. `strengthMicros` is the factor to apply it with unless a request says otherwise. */
export const steeringRendition = (
  { modelFingerprint, layer, site }: SteeringFacts,
  blob: BlobRef,
  width: number,
  strengthMicros: number,
): SteeringRendition => ({
  kind: 'steering',
  modelFingerprint,
  blob,
  dtype: 'fp32',
  layer,
  site,
  width,
  strengthMicros,
})

/**
 * A stored vector, ready to be given to a pass.
 * @throws NodeError `wrong_fingerprint` for one of another model; `invalid_tensor` for one of another shape, layer or site than the
 * rendition says, or with a number that is not finite
 */
export function openSteering(bytes: Uint8Array, rendition: SteeringRendition, model: DecoderModel): Steering {
  const { layer, site, width, strengthMicros } = rendition
  const { config, fingerprint } = model
  if (rendition.modelFingerprint !== fingerprint.fp)
    throw new NodeError('wrong_fingerprint', `a vector of ${rendition.modelFingerprint}, not of ${fingerprint.fp}`)
  if (rendition.dtype !== 'fp32' || width !== config.hidden || layer >= config.layers)
    throw new NodeError('invalid_tensor', `no vector for one of ${config.layers} layers of width ${config.hidden}`)
  const file = readTensorFile(bytes, width * 4 + HEADER_BYTES_MAX)
  expectMetadata(file, metadataOf({ modelFingerprint: fingerprint.fp, layer, site }))
  if (file.tensors.size !== 1) throw new NodeError('invalid_tensor', 'expected one tensor')
  const vector = new Float32Array(new Uint8Array(tensorOf(file, TENSOR, 'F32', [width]).bytes).buffer)
  if (!vector.every(Number.isFinite)) throw new NodeError('invalid_tensor', 'a number of the vector is not finite')
  return { layer, site, vector, strength: strengthMicros / MICROS }
}

const metadataOf = ({ modelFingerprint, layer, site }: SteeringFacts) => ({
  format: FORMAT,
  modelFingerprint,
  layer: String(layer),
  site,
})
