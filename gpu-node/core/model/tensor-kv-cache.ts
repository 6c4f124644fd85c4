import type { Tensor } from 'onnxruntime-common'
import { NodeError } from '../node-error.ts'
import type { KvBlock, KvCache } from './decoder-model.ts'

export interface LayerTensors {
  /** Each [1, kvHeads, tokens, headDim], fp32. */
  readonly key: Tensor
  readonly value: Tensor
}

/** A cache over tensors of one runtime, which it owns from then on. */
export class TensorKvCache implements KvCache {
  readonly tokenIds: readonly number[]
  readonly positionStart: number
  readonly bytes: number
  #layers: readonly LayerTensors[] | null
  #reading: Promise<KvBlock> | null = null

  constructor(tokenIds: readonly number[], positionStart: number, layers: readonly LayerTensors[]) {
    this.tokenIds = tokenIds
    this.positionStart = positionStart
    this.bytes = layers.reduce((sum, { key, value }) => sum + (key.size + value.size) * 4, 0)
    this.#layers = layers
  }

  get length(): number {
    return this.tokenIds.length
  }

  /** To be fed, and left as they are. @throws NodeError `internal` after dispose */
  get layers(): readonly LayerTensors[] {
    if (!this.#layers) throw new NodeError('internal', 'this KV cache was disposed')
    return this.#layers
  }

  dispose(): void {
    for (const { key, value } of this.#layers ?? []) {
      key.dispose()
      value.dispose()
    }
    this.#layers = null
  }

  toBlock(): Promise<KvBlock> {
    // A tensor on a device bears one download at a time.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #read(): Promise<KvBlock> {
    const copy = async (tensor: Tensor) => Float32Array.from((await tensor.getData()) as Float32Array)
    const layers = await Promise.all(
      this.layers.map(async ({ key, value }) => ({ key: await copy(key), value: await copy(value) })),
    )
    return { tokenIds: this.tokenIds, positionStart: this.positionStart, layers }
  }
}
