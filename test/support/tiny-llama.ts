import { type ModelFiles, memoryFiles } from '../../gpu-node/core/model/model-files.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import { type FileTensor, safetensorsFile } from './safetensors-file.ts'

const WORDS = [
  'the',
  'cat',
  'sat',
  'on',
  'mat',
  'and',
  'saw',
  'a',
  'dog',
  'run',
  '##s',
  '##ing',
  '.',
  ',',
  '!',
  "'",
  't',
  'n',
]
const SPECIALS = ['<pad>', '<bos>', '<|user|>', '<|assistant|>', '<|end|>', '<|memory|>', '[UNK]']
const VOCABULARY = [...SPECIALS, ...WORDS]

/** A head wider than hidden / heads, queries in groups of two, and a head of its own: every way in which shapes can differ. */
export const TINY_CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_act: 'silu',
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 1200,
  vocab_size: VOCABULARY.length,
  tie_word_embeddings: false,
}

const CHAT_TEMPLATE =
  "{{ bos_token }}{% if memory %}<|memory|>{% for entry in memory %}{{ entry }} {% endfor %}<|end|>{% endif %}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"

const TOKENIZER = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: SPECIALS.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
  },
}

const TOKENIZER_CONFIG = {
  bos_token: '<bos>',
  eos_token: '<|end|>',
  pad_token: '<pad>',
  unk_token: '[UNK]',
  clean_up_tokenization_spaces: true,
  chat_template: CHAT_TEMPLATE,
}

export type TinyTensors = Record<string, FileTensor>

/** Random weights of the tiny model, by their Hugging Face names. */
export function tinyTensors(seed: number, dtype: FileTensor['dtype'] = 'F16'): TinyTensors {
  const random = seededRandom(seed)
  const { hidden_size: hidden, intermediate_size: inner, num_attention_heads: heads, head_dim: dim } = TINY_CONFIG
  const kv = TINY_CONFIG.num_key_value_heads * dim
  const matrix = (rows: number, columns: number): FileTensor => {
    const spread = 2 / Math.sqrt(columns)
    const numbers = Float32Array.from({ length: rows * columns }, () => (random(2 ** 32) / 2 ** 31 - 1) * spread)
    return {
      dtype,
      shape: [rows, columns],
      data: dtype === 'F16' ? Float32Array.from(new Float16Array(numbers)) : numbers,
    }
  }
  const gain = (): FileTensor => ({ ...matrix(1, hidden), shape: [hidden] })
  const tensors: TinyTensors = { 'model.embed_tokens.weight': matrix(VOCABULARY.length, hidden) }
  for (let layer = 0; layer < TINY_CONFIG.num_hidden_layers; layer++) {
    const path = `model.layers.${layer}`
    tensors[`${path}.input_layernorm.weight`] = gain()
    tensors[`${path}.self_attn.q_proj.weight`] = matrix(heads * dim, hidden)
    tensors[`${path}.self_attn.k_proj.weight`] = matrix(kv, hidden)
    tensors[`${path}.self_attn.v_proj.weight`] = matrix(kv, hidden)
    tensors[`${path}.self_attn.o_proj.weight`] = matrix(hidden, heads * dim)
    tensors[`${path}.post_attention_layernorm.weight`] = gain()
    tensors[`${path}.mlp.gate_proj.weight`] = matrix(inner, hidden)
    tensors[`${path}.mlp.up_proj.weight`] = matrix(inner, hidden)
    tensors[`${path}.mlp.down_proj.weight`] = matrix(hidden, inner)
  }
  tensors['model.norm.weight'] = gain()
  tensors['lm_head.weight'] = matrix(VOCABULARY.length, hidden)
  return tensors
}

/** The files of a whole model: what differs from the tiny one is given. */
export function tinyFiles(
  tensors: TinyTensors,
  changes: { config?: object; files?: Record<string, Uint8Array> } = {},
): ModelFiles {
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  return memoryFiles({
    'config.json': json({ ...TINY_CONFIG, ...changes.config }),
    'model.safetensors': safetensorsFile(tensors),
    'tokenizer.json': json(TOKENIZER),
    'tokenizer_config.json': json(TOKENIZER_CONFIG),
    ...changes.files,
  })
}
