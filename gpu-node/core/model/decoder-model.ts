import type { Fingerprint } from '../../../protocol/core/fingerprint.ts'
import type { ModelDescriptor } from '../../../schemas/model-descriptor.ts'
import type { STEERING_SITES } from '../../../schemas/rendition.ts'
import type { TextTokenizer } from './text-tokenizer.ts'

/** Shape of a Llama-like decoder. */
export interface DecoderConfig {
  hidden: number
  /** Width of the feed-forward part. */
  intermediate: number
  layers: number
  heads: number
  kvHeads: number
  headDim: number
  vocabulary: number
  ropeTheta: number
  positionsMax: number
  eps: number
}

/** A decoder-only language model, ready to run. */
export interface DecoderModel {
  readonly name: string
  readonly config: DecoderConfig
  readonly descriptor: ModelDescriptor
  readonly fingerprint: Fingerprint
  readonly tokenizer: TextTokenizer
  /**
   * One pass over `ids` behind what is in `past`, which stays as it is.
   * @throws NodeError `context_overflow`, `invalid_input`, `invalid_tensor` (shapes), `cancelled`, `out_of_memory`, `internal`
   */
  forward(input: ForwardInput): Promise<ForwardOutput>
  dispose(): Promise<void>
}

export interface ForwardInput {
  ids: readonly number[]
  /** Absolute positions, each one more than the one before. Default: after the past. */
  positions?: readonly number[]
  past: KvCache | null
  /** Logits of the last n tokens, default 1. */
  logitsKept?: number
  steering?: readonly Steering[]
  adapters?: readonly LoraAdapter[]
  /** Hidden states that are wanted too: N is the output of layer N, `layers` that of the final norm. */
  hiddenLayers?: readonly number[]
  signal?: AbortSignal
}

export interface ForwardOutput {
  /** [logitsKept, vocabulary] */
  logits: Float32Array
  /** Past and ids. The caller disposes it. */
  cache: KvCache
  /** [ids, hidden] of each wanted layer. */
  hidden: ReadonlyMap<number, Float32Array>
}

/** Keys (after RoPE) and values of tokens at consecutive positions. Never changes. */
export interface KvCache {
  /** Tokens. */
  readonly length: number
  readonly tokenIds: readonly number[]
  readonly positionStart: number
  /** Bytes of the tensors. */
  readonly bytes: number
  /** Frees the tensors; afterwards the cache cannot be used. */
  dispose(): void
  /** A copy as plain arrays. @throws NodeError `internal` after dispose */
  toBlock(): Promise<KvBlock>
}

/** Keys and values as plain arrays: the form that is stored, sent and composed. */
export interface KvBlock {
  readonly tokenIds: readonly number[]
  readonly positionStart: number
  /** Each [kvHeads, tokens, headDim]. */
  readonly layers: readonly { readonly key: Float32Array; readonly value: Float32Array }[]
}

/** A vector that is added to the hidden state of every token at one layer. */
export interface Steering {
  readonly layer: number
  /** `attention_output`: before the feed-forward part sees it; `mlp_output` and `residual`: behind the layer. */
  readonly site: (typeof STEERING_SITES)[number]
  /** [hidden] */
  readonly vector: Float32Array
  readonly strength: number
}

/** A low-rank addition to some matrices: y = x W + (x a) b. Several adapters in one run add up. */
export interface LoraAdapter {
  /** By module path, for instance `model.layers.0.self_attn.q_proj`. */
  readonly modules: ReadonlyMap<string, LoraPair>
}

export interface LoraPair {
  readonly rank: number
  /** [in, rank]: PEFT's `lora_A.weight`, transposed. */
  readonly a: Float32Array
  /** [rank, out]: PEFT's `lora_B.weight`, transposed, with alpha / rank multiplied in. */
  readonly b: Float32Array
}
