import type { DecoderModel } from '../model/decoder-model.ts'
import { NodeError } from '../node-error.ts'
import { type BlobSink, encodeKv } from './encode-kv.ts'
import type { ActivationParts, KvBlobs, KvRendition } from './entry-caches.ts'
import { generateOperation } from './generate-operation.ts'
import type { KvDtype } from './kv-codec.ts'
import {
  type ContrastPair,
  encodeSteering,
  type SteeringRendition,
  steeringRendition,
  steeringVector,
} from './steering-vector.ts'

/** A model that is open on this node, and what its activation memory needs besides blobs. */
export type OpenModel = Omit<ActivationParts, 'blobs'>

/** What a task is given besides its input. */
export interface ActivationRun {
  signal: AbortSignal
  blobs: KvBlobs & BlobSink
}

export interface EncodeKvInput {
  /** `fp` of the model's fingerprint. */
  model: string
  text: string
  dtype: KvDtype
}

export interface SteerInput {
  model: string
  pairs: readonly ContrastPair[]
  layer: number
  site: SteeringRendition['site']
  strengthMicros: number
}

/**
 * The tasks `generate`, `encode_kv` and `steer`. `open` gives a model by its fingerprint and throws NodeError `unknown_model` for one that is not here.
 * They check every fact before anything is computed, and store nothing unless they end well.
 */
export function activationOperations(open: (model: string) => Promise<OpenModel>) {
  return {
    generate: generateOperation(open),
    encode_kv: async (
      { model, text, dtype }: EncodeKvInput,
      run: ActivationRun,
    ): Promise<{ rendition: KvRendition }> => {
      const parts = { ...(await open(model)), blobs: run.blobs }
      return { rendition: await encodeKv(parts, run.blobs, { text, dtype }, run.signal) }
    },
    steer: async (input: SteerInput, run: ActivationRun): Promise<{ rendition: SteeringRendition }> => {
      const { model } = await open(input.model)
      return { rendition: await steer(model, input, run) }
    },
  }
}

async function steer(model: DecoderModel, input: SteerInput, run: ActivationRun): Promise<SteeringRendition> {
  const { layer, site, pairs, strengthMicros } = input
  const { hidden, layers } = model.config
  if (layer >= layers) throw new NodeError('invalid_input', `layer expected 0 to ${layers - 1} but got ${layer}`)
  const vector = await steeringVector(model, pairs, layer, run.signal)
  const facts = { modelFingerprint: model.fingerprint.fp, layer, site }
  const blob = await run.blobs.put(encodeSteering(vector, facts))
  return steeringRendition(facts, blob, hidden, strengthMicros)
}
