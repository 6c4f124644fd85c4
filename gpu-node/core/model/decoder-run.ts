import type { InferenceSession, Tensor } from 'onnxruntime-common'
import { runtimeError } from '../node-error.ts'
import type { DecoderFeeds, Span } from './decoder-feeds.ts'
import type { DecoderConfig } from './decoder-model.ts'
import { TensorKvCache } from './tensor-kv-cache.ts'

export interface RunOutput {
  /** [logitsKept, vocabulary] */
  logits: Float32Array
  /** Past and ids; the caller's. */
  cache: TensorKvCache
  /** [ids, hidden] by layer. */
  hidden: ReadonlyMap<number, Float32Array>
}

/** Outputs that only the next run reads: they may stay on a device. */
export const presentNames = ({ layers }: DecoderConfig): string[] =>
  Array.from({ length: layers }, (_, layer) => [`present.${layer}.key`, `present.${layer}.value`]).flat()

/**
 * One run of a session over the graph of `buildLlama`. Disposes what it makes, but for the cache it gives.
 * @throws NodeError `out_of_memory`, `internal`
 */
export async function runDecoder(
  session: InferenceSession,
  feeds: DecoderFeeds,
  config: DecoderConfig,
  span: Span,
  extras: Readonly<Record<string, Tensor>> = {},
  hiddenLayers: readonly number[] = [],
): Promise<RunOutput> {
  const hiddenNames = hiddenLayers.map((layer) => `hidden.${layer}`)
  const fresh = feeds.fresh(span)
  const outputs = await session
    .run({ ...feeds.standing(span.past), ...extras, ...fresh }, ['logits', ...hiddenNames, ...presentNames(config)])
    .catch((error) => {
      throw runtimeError(error, 'forward pass')
    })
    .finally(() => {
      for (const tensor of Object.values(fresh)) tensor.dispose()
    })
  const take = async (name: string) => {
    const tensor = outputs[name]!
    const data = (await tensor.getData()) as Float32Array
    tensor.dispose()
    return data
  }
  const layers = Array.from({ length: config.layers }, (_, layer) => ({
    key: outputs[`present.${layer}.key`]!,
    value: outputs[`present.${layer}.value`]!,
  }))
  const cache = new TensorKvCache(
    [...(span.past?.tokenIds ?? []), ...span.ids],
    span.past?.positionStart ?? span.positionStart,
    layers,
  )
  const logits = await take('logits')
  const hidden = new Map<number, Float32Array>()
  for (const [i, layer] of hiddenLayers.entries()) hidden.set(layer, await take(hiddenNames[i]!))
  return { logits, cache, hidden }
}
