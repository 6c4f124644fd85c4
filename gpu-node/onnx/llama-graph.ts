import type { LlamaShape } from '../core/model/llama-config.ts'
import type { Weight } from '../core/model/weights.ts'
import { GraphBuilder, type Value } from './graph-builder.ts'
import { LlamaWeights } from './llama-weights.ts'
import { encodeOnnxModel } from './onnx-model.ts'
import { ropeTables } from './rope-tables.ts'

/** Linear layers of one transformer layer that take an adapter, by their place in it. */
export const LORA_TARGETS = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
] as const

export interface LlamaGraphOptions {
  /** Whether inputs for adapters and steering vectors are there; default true. Without them a step costs fewer operations. */
  hasExtras?: boolean
}

/**
 * The ONNX file of a Llama, fp32 in and out, one sequence at a time (batch 1). S tokens behind P past ones, T = P + S.
 * Inputs: `input_ids`, `position_ids` int64 [1, S]; `attention_mask` [S, T], added to the scores; `past_key_values.N.key|value`
 * [1, kvHeads, P, headDim]; `num_logits_to_keep` int64, at least 1; `steering.N.attention|residual` [hidden];
 * `lora.MODULE.a` [in, rank], `lora.MODULE.b` [rank, out], where rank 0 means none.
 * Outputs: `logits` [1, kept, vocabulary]; `present.N.key|value` [1, kvHeads, T, headDim]; `hidden.N` [1, S, hidden].
 * Equal weights give equal bytes.
 * @throws NodeError `invalid_tensor` naming the weight that is missing or has the wrong shape
 */
export function buildLlama(
  shape: LlamaShape,
  weights: ReadonlyMap<string, Weight>,
  options: LlamaGraphOptions = {},
): Uint8Array<ArrayBuffer> {
  return encodeOnnxModel(new LlamaGraph(shape, weights, options.hasExtras ?? true).build())
}

/** Where a layer looks things up: made once for all layers. */
interface Shared {
  mask: Value
  cos: Value
  sin: Value
}

class LlamaGraph {
  readonly #shape: LlamaShape
  readonly #builder = new GraphBuilder()
  readonly #weights: LlamaWeights
  readonly #hasExtras: boolean

  constructor(shape: LlamaShape, weights: ReadonlyMap<string, Weight>, hasExtras: boolean) {
    this.#shape = shape
    this.#weights = new LlamaWeights(this.#builder, weights)
    this.#hasExtras = hasExtras
  }

  build() {
    const { hidden, layers, vocabulary } = this.#shape
    const builder = this.#builder
    const ids = builder.input('input_ids', 'int64', [1, 'seq'])
    const shared = this.#shared()
    const embedding = this.#weights.plain('model.embed_tokens.weight', [vocabulary, hidden])
    let x = builder.op('Gather', [embedding, ids])
    for (let layer = 0; layer < layers; layer++) {
      x = this.#layer(x, layer, shared)
      builder.output(`hidden.${layer}`, x, [1, 'seq', hidden])
    }
    x = this.#norm(x, 'model.norm.weight')
    builder.output(`hidden.${layers}`, x, [1, 'seq', hidden])
    builder.output('logits', this.#logits(x, embedding), [1, 'kept', vocabulary])
    return builder.graph('llama')
  }

  #shared(): Shared {
    const { positionsMax, headDim } = this.#shape
    const builder = this.#builder
    const positions = builder.input('position_ids', 'int64', [1, 'seq'])
    const tables = ropeTables(this.#shape)
    const look = (name: string, table: Uint8Array) => {
      const rows = builder.op('Gather', [builder.weights(name, 'float', [positionsMax, headDim], table), positions])
      return builder.op('Unsqueeze', [rows, builder.ints([1])])
    }
    const mask = builder.input('attention_mask', 'float', ['seq', 'total'])
    return { mask, cos: look('rope.cos', tables.cos), sin: look('rope.sin', tables.sin) }
  }

  #layer(x: Value, layer: number, shared: Shared): Value {
    const builder = this.#builder
    const attention = this.#attention(this.#norm(x, `model.layers.${layer}.input_layernorm.weight`), layer, shared)
    const between = this.#steered(builder.op('Add', [x, attention]), `steering.${layer}.attention`)
    const normed = this.#norm(between, `model.layers.${layer}.post_attention_layernorm.weight`)
    return this.#steered(builder.op('Add', [between, this.#mlp(normed, layer)]), `steering.${layer}.residual`)
  }

  #attention(x: Value, layer: number, { mask, cos, sin }: Shared): Value {
    const { hidden, heads, kvHeads, headDim } = this.#shape
    const builder = this.#builder
    const path = `model.layers.${layer}.self_attn`
    const project = (name: string, count: number) => this.#linear(x, `${path}.${name}`, hidden, count * headDim)
    const split = (value: Value, count: number) =>
      builder.op('Transpose', [builder.op('Reshape', [value, builder.ints([0, 0, count, headDim])])], {
        perm: [0, 2, 1, 3],
      })
    const turn = (value: Value) => this.#rotate(value, cos, sin)

    const query = turn(split(project('q_proj', heads), heads))
    const key = this.#behindPast(layer, 'key', turn(split(project('k_proj', kvHeads), kvHeads)))
    const value = this.#behindPast(layer, 'value', split(project('v_proj', kvHeads), kvHeads))

    // The queries of a group stand in the rows of one matrix: keys and values are not repeated for each of them.
    const grouped = builder.ints([0, kvHeads, -1, headDim])
    const scaled = builder.op('Mul', [query, builder.float(1 / Math.sqrt(headDim))])
    const keys = builder.op('Transpose', [key], { perm: [0, 1, 3, 2] })
    const scores = builder.op('MatMul', [builder.op('Reshape', [scaled, grouped]), keys])
    const byHead = builder.op('Reshape', [scores, builder.ints([0, heads, -1, 0])])
    const weights = builder.op('Softmax', [builder.op('Add', [byHead, mask])], { axis: -1 })
    const byGroup = builder.op('Reshape', [weights, builder.ints([0, kvHeads, -1, 0])])
    const mixed = builder.op('MatMul', [byGroup, value])
    const perHead = builder.op('Reshape', [mixed, builder.ints([0, heads, -1, headDim])])
    const perToken = builder.op('Transpose', [perHead], { perm: [0, 2, 1, 3] })
    const joined = builder.op('Reshape', [perToken, builder.ints([0, 0, heads * headDim])])
    return this.#linear(joined, `${path}.o_proj`, heads * headDim, hidden)
  }

  #behindPast(layer: number, kind: 'key' | 'value', fresh: Value): Value {
    const { kvHeads, headDim } = this.#shape
    const past = this.#builder.input(`past_key_values.${layer}.${kind}`, 'float', [1, kvHeads, 'past', headDim])
    const all = this.#builder.op('Concat', [past, fresh], { axis: 2 })
    this.#builder.output(`present.${layer}.${kind}`, all, [1, kvHeads, 'total', headDim])
    return all
  }

  /** Half-split rotary embedding; the sign is in the table of sines. */
  #rotate(x: Value, cos: Value, sin: Value): Value {
    const builder = this.#builder
    const { headDim } = this.#shape
    const part = (from: number, to: number) =>
      builder.op('Slice', [x, builder.ints([from]), builder.ints([to]), builder.ints([3])])
    const swapped = builder.op('Concat', [part(headDim / 2, headDim), part(0, headDim / 2)], { axis: -1 })
    return builder.op('Add', [builder.op('Mul', [x, cos]), builder.op('Mul', [swapped, sin])])
  }

  #mlp(x: Value, layer: number): Value {
    const { hidden, intermediate } = this.#shape
    const builder = this.#builder
    const path = `model.layers.${layer}.mlp`
    const gate = this.#linear(x, `${path}.gate_proj`, hidden, intermediate)
    const up = this.#linear(x, `${path}.up_proj`, hidden, intermediate)
    const active = builder.op('Mul', [gate, builder.op('Sigmoid', [gate])])
    return this.#linear(builder.op('Mul', [active, up]), `${path}.down_proj`, intermediate, hidden)
  }

  /** RMSNorm. ONNX Runtime has it as one operation on every provider, under this name in the default domain. */
  #norm(x: Value, name: string): Value {
    const gain = this.#weights.plain(name, [this.#shape.hidden])
    return this.#builder.op('SimplifiedLayerNormalization', [x, gain], {
      axis: -1,
      epsilon: { float: this.#shape.eps },
      stash_type: 1,
    })
  }

  #linear(x: Value, path: string, inSize: number, outSize: number): Value {
    const builder = this.#builder
    const y = builder.op('MatMul', [x, this.#weights.linear(`${path}.weight`, inSize, outSize)])
    if (!this.#hasExtras) return y
    // Equal names of dimensions are equal sizes, and adapters may differ in rank: each has a name of its own.
    const a = builder.input(`lora.${path}.a`, 'float', [inSize, `rank.${path}`])
    const b = builder.input(`lora.${path}.b`, 'float', [`rank.${path}`, outSize])
    return builder.op('Add', [y, builder.op('MatMul', [builder.op('MatMul', [x, a]), b])])
  }

  #steered(x: Value, name: string): Value {
    if (!this.#hasExtras) return x
    return this.#builder.op('Add', [x, this.#builder.input(name, 'float', [this.#shape.hidden])])
  }

  #logits(x: Value, embedding: Value): Value {
    const { hidden, vocabulary, isTied } = this.#shape
    const builder = this.#builder
    const kept = builder.input('num_logits_to_keep', 'int64', [])
    const from = builder.op('Unsqueeze', [builder.op('Neg', [kept]), builder.ints([0])])
    const last = builder.op('Slice', [x, from, builder.ints([2 ** 31]), builder.ints([1])])
    if (!isTied) return builder.op('MatMul', [last, this.#weights.linear('lm_head.weight', hidden, vocabulary)])
    // Gemm reads the embedding by columns: a tied head needs no second copy.
    const rows = builder.op('Reshape', [last, builder.ints([-1, hidden])])
    return builder.op('Unsqueeze', [builder.op('Gemm', [rows, embedding], { transB: 1 }), builder.ints([0])])
  }
}
