import { TINY_CONFIG, type TinyTensors } from './tiny-llama.ts'

/**
 * The logits of every token, [tokens][vocabulary], of a model of the tiny shape in double precision: written from the definition (RMSNorm,
 * half-split RoPE, grouped attention, SwiGLU), token by token, to hold the graph against.
 */
export function plainLogits(tensors: TinyTensors, ids: readonly number[]): number[][] {
  const layers = Array.from({ length: TINY_CONFIG.num_hidden_layers }, (_, layer) => `model.layers.${layer}`)
  const caches = layers.map((): Token[] => [])
  return ids.map((id, position) => {
    let x = rowOf(tensors['model.embed_tokens.weight']!.data, id)
    layers.forEach((path, layer) => {
      const weight = (name: string) => tensors[`${path}.${name}.weight`]!.data
      const normed = rmsNorm(x, weight('input_layernorm'))
      const keys = heads(times(weight('self_attn.k_proj'), normed)).map((key) => rotated(key, position))
      caches[layer]!.push({ keys, values: heads(times(weight('self_attn.v_proj'), normed)) })
      const queries = heads(times(weight('self_attn.q_proj'), normed)).map((query) => rotated(query, position))
      const mixed = queries.flatMap((query, head) => attended(query, Math.floor(head / GROUP), caches[layer]!))
      x = sum(x, times(weight('self_attn.o_proj'), mixed))
      const inner = rmsNorm(x, weight('post_attention_layernorm'))
      const up = times(weight('mlp.up_proj'), inner)
      const gated = times(weight('mlp.gate_proj'), inner).map((gate, i) => (gate / (1 + Math.exp(-gate))) * up[i]!)
      x = sum(x, times(weight('mlp.down_proj'), gated))
    })
    return times(tensors['lm_head.weight']!.data, rmsNorm(x, tensors['model.norm.weight']!.data))
  })
}

interface Token {
  keys: number[][]
  values: number[][]
}

const HEAD_DIM = TINY_CONFIG.head_dim
const GROUP = TINY_CONFIG.num_attention_heads / TINY_CONFIG.num_key_value_heads

const rowOf = (matrix: Float32Array, row: number) => [
  ...matrix.subarray(row * TINY_CONFIG.hidden_size, (row + 1) * TINY_CONFIG.hidden_size),
]

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((total, value, i) => total + value * b[i]!, 0)

const sum = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + b[i]!)

/** A matrix [out, in] times a vector [in]. */
function times(matrix: Float32Array, x: readonly number[]): number[] {
  const rows = matrix.length / x.length
  return Array.from({ length: rows }, (_, row) => dot([...matrix.subarray(row * x.length, (row + 1) * x.length)], x))
}

function rmsNorm(x: readonly number[], gain: Float32Array): number[] {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + TINY_CONFIG.rms_norm_eps)
  return x.map((value, i) => value * scale * gain[i]!)
}

const heads = (x: readonly number[]) =>
  Array.from({ length: x.length / HEAD_DIM }, (_, head) => x.slice(head * HEAD_DIM, (head + 1) * HEAD_DIM))

function rotated(x: readonly number[], position: number): number[] {
  const half = HEAD_DIM / 2
  return x.map((value, i) => {
    const angle = position / TINY_CONFIG.rope_theta ** ((2 * (i % half)) / HEAD_DIM)
    const other = i < half ? -x[i + half]! : x[i - half]!
    return value * Math.cos(angle) + other * Math.sin(angle)
  })
}

function attended(query: readonly number[], kvHead: number, tokens: readonly Token[]): number[] {
  const scores = tokens.map(({ keys }) => Math.exp(dot(query, keys[kvHead]!) / Math.sqrt(HEAD_DIM)))
  const total = scores.reduce((all, score) => all + score, 0)
  return query.map((_, d) => tokens.reduce((all, { values }, t) => all + (scores[t]! / total) * values[kvHead]![d]!, 0))
}
