import { type ModelFiles, memoryFiles } from '../../../gpu-node/core/model/model-files.ts'
import type { TextTokenizer } from '../../../gpu-node/core/model/text-tokenizer.ts'
import { seededRandom } from '../../conformance/seeded-random.ts'
import { llama2cFiles } from '../../support/llama2c-model.ts'
import { type FileTensor, safetensorsFile } from '../../support/safetensors-file.ts'
import { sharedModel } from '../../support/shared-models.ts'

const SEED = 15
/** Trained models that are no part of the repository: weights and tokenizer. */
const TRAINED = {
  '260K': ['stories260K.bin', 'tok512.bin'],
  '940K': ['babyllama-tok105-940K.bin', 'tok105.vocab'],
} as const

interface Shape {
  hidden: number
  intermediate: number
  layers: number
  heads: number
  kvHeads: number
  vocabulary: number
}
const POSITIONS = 2048
/** Shapes of stories15M and SmolLM2-135M. */
const RANDOM = {
  '15M': { hidden: 288, intermediate: 768, layers: 6, heads: 6, kvHeads: 6, vocabulary: 32_000 },
  '135M': { hidden: 576, intermediate: 1536, layers: 30, heads: 9, kvHeads: 3, vocabulary: 49_152 },
} as const satisfies Record<string, Shape>

export const MODEL_SIZES = ['260K', '940K', '15M', '135M'] as const
export type ModelSize = (typeof MODEL_SIZES)[number]

/** The files of a model, or null where a trained one is not there. */
export async function filesOf(size: ModelSize): Promise<ModelFiles | null> {
  if (size === '15M' || size === '135M') return randomFiles(RANDOM[size])
  const [weights, tokenizer] = [sharedModel(TRAINED[size][0]), sharedModel(TRAINED[size][1])]
  return weights === null || tokenizer === null ? null : llama2cFiles(weights, tokenizer)
}

/** For models that are only fed ids. */
export const idsOnly: TextTokenizer = {
  encode: () => [],
  decode: () => '',
  plain: (text) => text,
  chat: () => [],
  stopIds: new Set(),
}

function randomFiles({ hidden, intermediate, layers, heads, kvHeads, vocabulary }: Shape): ModelFiles {
  const random = seededRandom(SEED)
  // Numbers are drawn once: what a pass costs does not depend on them.
  const pool = Float32Array.from({ length: 1 << 16 }, () => random(2 ** 32) / 2 ** 31 - 1)
  const matrix = (rows: number, columns: number): FileTensor => {
    const data = new Float32Array(rows * columns)
    const start = random(pool.length)
    const spread = Math.sqrt(3 / columns)
    for (let at = 0; at < data.length; at++) data[at] = pool[(start + at * 7) % pool.length]! * spread
    return { dtype: 'F16', shape: [rows, columns], data }
  }
  const gain = (): FileTensor => ({ dtype: 'F16', shape: [hidden], data: new Float32Array(hidden).fill(1) })
  const kv = (kvHeads * hidden) / heads
  const tensors: Record<string, FileTensor> = { 'model.embed_tokens.weight': matrix(vocabulary, hidden) }
  for (let layer = 0; layer < layers; layer++) {
    const path = `model.layers.${layer}`
    tensors[`${path}.input_layernorm.weight`] = gain()
    tensors[`${path}.self_attn.q_proj.weight`] = matrix(hidden, hidden)
    tensors[`${path}.self_attn.k_proj.weight`] = matrix(kv, hidden)
    tensors[`${path}.self_attn.v_proj.weight`] = matrix(kv, hidden)
    tensors[`${path}.self_attn.o_proj.weight`] = matrix(hidden, hidden)
    tensors[`${path}.post_attention_layernorm.weight`] = gain()
    tensors[`${path}.mlp.gate_proj.weight`] = matrix(intermediate, hidden)
    tensors[`${path}.mlp.up_proj.weight`] = matrix(intermediate, hidden)
    tensors[`${path}.mlp.down_proj.weight`] = matrix(hidden, intermediate)
  }
  tensors['model.norm.weight'] = gain()
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    rms_norm_eps: 1e-5,
    max_position_embeddings: POSITIONS,
    vocab_size: vocabulary,
    tie_word_embeddings: true,
  }
  return memoryFiles({
    'config.json': new TextEncoder().encode(JSON.stringify(config)),
    'model.safetensors': safetensorsFile(tensors),
    'tokenizer.json': new TextEncoder().encode('{}'),
  })
}
