import type { DecoderConfig, KvBlock, KvCache } from '../model/decoder-model.ts'
import { TensorKvCache } from '../model/tensor-kv-cache.ts'
import type { OnnxRuntime } from '../runtime/onnx-runtime.ts'
import { checkKvBlock } from './kv-block.ts'

/** Makes what a model can go on from out of plain arrays. The caller disposes it. @throws NodeError `invalid_tensor` */
export type CacheOf = (block: KvBlock) => KvCache

/** Makes caches for sessions of this runtime. */
export function cacheMaker(runtime: Pick<OnnxRuntime, 'Tensor'>, config: DecoderConfig): CacheOf {
  return (block) => {
    checkKvBlock(block, config)
    const dims = [1, config.kvHeads, block.tokenIds.length, config.headDim]
    const tensor = (array: Float32Array) => new runtime.Tensor('float32', array, dims)
    const layers = block.layers.map(({ key, value }) => ({ key: tensor(key), value: tensor(value) }))
    return new TensorKvCache(block.tokenIds, block.positionStart, layers)
  }
}
