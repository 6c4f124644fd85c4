import type { Tensor } from 'onnxruntime-common'
import { LORA_TARGETS } from '../../onnx/llama-graph.ts'
import { NodeError } from '../node-error.ts'
import type { OnnxRuntime } from '../runtime/onnx-runtime.ts'
import type { DecoderConfig, LoraAdapter, LoraPair, Steering } from './decoder-model.ts'
import type { LayerTensors, TensorKvCache } from './tensor-kv-cache.ts'

type Feeds = Record<string, Tensor>

/** Tokens of one run behind a past. */
export interface Span {
  ids: readonly number[]
  /** Position of the first id. */
  positionStart: number
  past: TensorKvCache | null
  logitsKept: number
}

/** Makes the inputs of the graph of `buildLlama`. What most runs share (no past, no adapter, no steering) is made once. */
export class DecoderFeeds {
  readonly #runtime: OnnxRuntime
  readonly #config: DecoderConfig
  readonly #neutral: Feeds
  readonly #emptyPast: readonly LayerTensors[]
  /** The adapters of the last run as one: a generation has the same ones in every step. */
  #joined: { adapters: readonly LoraAdapter[]; pairs: ReadonlyMap<string, LoraPair> } = {
    adapters: [],
    pairs: new Map(),
  }

  constructor(runtime: OnnxRuntime, config: DecoderConfig) {
    this.#runtime = runtime
    this.#config = config
    const empty = () => this.#floats(new Float32Array(0), [1, config.kvHeads, 0, config.headDim])
    this.#emptyPast = Array.from({ length: config.layers }, () => ({ key: empty(), value: empty() }))
    this.#neutral = {}
    for (let layer = 0; layer < config.layers; layer++) {
      for (const place of ['attention', 'residual'])
        this.#neutral[`steering.${layer}.${place}`] = this.#floats(new Float32Array(config.hidden), [config.hidden])
      for (const target of LORA_TARGETS) {
        const path = `model.layers.${layer}.${target}`
        const [inSize, outSize] = linearSize(config, target)
        this.#neutral[`lora.${path}.a`] = this.#floats(new Float32Array(0), [inSize, 0])
        this.#neutral[`lora.${path}.b`] = this.#floats(new Float32Array(0), [0, outSize])
      }
    }
  }

  /** Inputs that outlive the run: the past and what is neutral. They stay whose they are. */
  standing(past: TensorKvCache | null): Feeds {
    const feeds = { ...this.#neutral }
    ;(past?.layers ?? this.#emptyPast).forEach(({ key, value }, layer) => {
      feeds[`past_key_values.${layer}.key`] = key
      feeds[`past_key_values.${layer}.value`] = value
    })
    return feeds
  }

  /** Inputs for one run only: who runs disposes them. */
  fresh({ ids, positionStart, past, logitsKept }: Span): Feeds {
    const count = ids.length
    const pastLength = past?.length ?? 0
    const positions = ids.map((_, i) => positionStart + i)
    return {
      input_ids: this.#integers(ids, [1, count]),
      position_ids: this.#integers(positions, [1, count]),
      attention_mask: this.#floats(causalMask(count, pastLength), [count, pastLength + count]),
      num_logits_to_keep: this.#integers([logitsKept], []),
    }
  }

  /** Inputs of adapters and steering vectors, for as many runs as they hold. @throws NodeError `invalid_tensor` */
  extras(steering: readonly Steering[], adapters: readonly LoraAdapter[]): Feeds {
    return { ...this.#steering(steering), ...this.#adapters(adapters) }
  }

  #steering(steering: readonly Steering[]): Feeds {
    const { hidden, layers } = this.#config
    const sums = new Map<string, Float32Array>()
    for (const { layer, site, vector, strength } of steering) {
      if (!Number.isInteger(layer) || layer < 0 || layer >= layers)
        throw new NodeError('invalid_tensor', `steering layer expected 0 to ${layers - 1} but got ${layer}`)
      if (vector.length !== hidden)
        throw new NodeError('invalid_tensor', `steering vector expected ${hidden} numbers but got ${vector.length}`)
      const name = `steering.${layer}.${site === 'attention_output' ? 'attention' : 'residual'}`
      const sum = sums.get(name) ?? new Float32Array(hidden)
      sums.set(name, sum)
      vector.forEach((value, i) => {
        sum[i]! += value * strength
      })
      if (!sum.every(Number.isFinite)) throw new NodeError('invalid_tensor', 'steering vector is not finite')
    }
    return Object.fromEntries([...sums].map(([name, sum]) => [name, this.#floats(sum, [hidden])]))
  }

  #adapters(adapters: readonly LoraAdapter[]): Feeds {
    const last = this.#joined.adapters
    if (adapters.length !== last.length || adapters.some((adapter, i) => adapter !== last[i]))
      this.#joined = { adapters: [...adapters], pairs: this.#join(adapters) }
    const feeds: Feeds = {}
    for (const [path, { rank, a, b }] of this.#joined.pairs) {
      const [inSize, outSize] = this.#sizeOf(path)
      feeds[`lora.${path}.a`] = this.#floats(a, [inSize, rank])
      feeds[`lora.${path}.b`] = this.#floats(b, [rank, outSize])
    }
    return feeds
  }

  #join(adapters: readonly LoraAdapter[]): Map<string, LoraPair> {
    const lists = new Map<string, LoraPair[]>()
    for (const { modules } of adapters)
      for (const [path, pair] of modules) {
        this.#checkPair(path, pair)
        lists.set(path, [...(lists.get(path) ?? []), pair])
      }
    return new Map([...lists].map(([path, list]) => [path, stacked(list, this.#sizeOf(path))]))
  }

  #checkPair(path: string, { rank, a, b }: LoraPair): void {
    const [inSize, outSize] = this.#sizeOf(path)
    if (!Number.isInteger(rank) || rank < 0 || a.length !== inSize * rank || b.length !== rank * outSize)
      throw new NodeError('invalid_tensor', `adapter of "${path}" expected [${inSize}, r] and [r, ${outSize}]`)
    if (!a.every(Number.isFinite) || !b.every(Number.isFinite))
      throw new NodeError('invalid_tensor', `adapter of "${path}" has a number that is not finite`)
  }

  #sizeOf(path: string): [inSize: number, outSize: number] {
    if (!(`lora.${path}.a` in this.#neutral))
      throw new NodeError('invalid_tensor', `the model has no "${path}" that takes an adapter`)
    return linearSize(this.#config, path)
  }

  #floats(data: Float32Array, dims: readonly number[]): Tensor {
    return new this.#runtime.Tensor('float32', data, dims)
  }

  #integers(values: readonly number[], dims: readonly number[]): Tensor {
    return new this.#runtime.Tensor('int64', BigInt64Array.from(values, BigInt), dims)
  }
}

/** [in, out] of a linear layer, by the last word of its path. */
function linearSize(config: DecoderConfig, path: string): [number, number] {
  const { hidden, intermediate, heads, kvHeads, headDim } = config
  if (path.endsWith('q_proj')) return [hidden, heads * headDim]
  if (path.endsWith('o_proj')) return [heads * headDim, hidden]
  if (path.endsWith('k_proj') || path.endsWith('v_proj')) return [hidden, kvHeads * headDim]
  return path.endsWith('down_proj') ? [intermediate, hidden] : [hidden, intermediate]
}

/** Scores of what a token must not see: those behind it. Far from the least float, so that a sum stays finite. */
const HIDDEN_SCORE = -1e9

function causalMask(count: number, pastLength: number): Float32Array {
  const total = pastLength + count
  const mask = new Float32Array(count * total)
  for (let row = 0; row < count; row++) mask.fill(HIDDEN_SCORE, row * total + pastLength + row + 1, (row + 1) * total)
  return mask
}

/** Several pairs as one: their ranks stand side by side, so the products add up. */
function stacked(pairs: readonly LoraPair[], [inSize, outSize]: readonly [number, number]): LoraPair {
  if (pairs.length === 1) return pairs[0]!
  const rank = pairs.reduce((sum, pair) => sum + pair.rank, 0)
  const a = new Float32Array(inSize * rank)
  const b = new Float32Array(rank * outSize)
  let at = 0
  for (const pair of pairs) {
    for (let row = 0; row < inSize; row++)
      a.set(pair.a.subarray(row * pair.rank, (row + 1) * pair.rank), row * rank + at)
    b.set(pair.b, at * outSize)
    at += pair.rank
  }
  return { rank, a, b }
}
