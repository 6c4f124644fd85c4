import { readFile } from 'node:fs/promises'
import { type ModelFiles, memoryFiles } from '../../gpu-node/core/model/model-files.ts'
import { type FileTensor, safetensorsFile } from './safetensors-file.ts'

/** A `.bin` of llama2.c (https://github.com/karpathy/llama2.c, "legacy export") as the files of a Hugging Face model. */
export async function llama2cFiles(path: string, tokenizerPath: string): Promise<ModelFiles> {
  const file = await readFile(path)
  const [hidden = 0, intermediate = 0, layers = 0, heads = 0, kvHeads = 0, signed = 0, positions = 0] = new Int32Array(
    file.buffer.slice(file.byteOffset, file.byteOffset + 28),
  )
  const vocabulary = Math.abs(signed)
  const headDim = hidden / heads
  const reader = new FloatReader(file)
  const embedding = reader.tensor(vocabulary, hidden)
  const each = (rows: number, columns?: number) => Array.from({ length: layers }, () => reader.tensor(rows, columns))
  const parts = {
    input_layernorm: each(hidden),
    'self_attn.q_proj': each(hidden, hidden).map((tensor) => halfSplit(tensor, heads)),
    'self_attn.k_proj': each(kvHeads * headDim, hidden).map((tensor) => halfSplit(tensor, kvHeads)),
    'self_attn.v_proj': each(kvHeads * headDim, hidden),
    'self_attn.o_proj': each(hidden, hidden),
    post_attention_layernorm: each(hidden),
    'mlp.gate_proj': each(intermediate, hidden),
    'mlp.down_proj': each(hidden, intermediate),
    'mlp.up_proj': each(intermediate, hidden),
  }
  const tensors: Record<string, FileTensor> = { 'model.embed_tokens.weight': embedding }
  for (const [part, list] of Object.entries(parts))
    list.forEach((tensor, layer) => {
      tensors[`model.layers.${layer}.${part}.weight`] = tensor
    })
  tensors['model.norm.weight'] = reader.tensor(hidden)
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
    max_position_embeddings: positions,
    vocab_size: vocabulary,
    tie_word_embeddings: signed > 0,
  }
  return memoryFiles({
    'config.json': new TextEncoder().encode(JSON.stringify(config)),
    'model.safetensors': safetensorsFile(tensors),
    // Its text form is not Hugging Face's; it is here for its hash.
    'tokenizer.json': new TextEncoder().encode(JSON.stringify([...(await readFile(tokenizerPath))])),
  })
}

class FloatReader {
  readonly #file: Buffer
  #at = 28

  constructor(file: Buffer) {
    this.#file = file
  }

  tensor(rows: number, columns?: number): FileTensor {
    const count = rows * (columns ?? 1)
    const from = this.#file.byteOffset + this.#at
    this.#at += count * 4
    const data = new Float32Array(this.#file.buffer.slice(from, from + count * 4))
    return { dtype: 'F32', shape: columns === undefined ? [rows] : [rows, columns], data }
  }
}

/** llama2.c turns neighbouring rows against each other, Hugging Face the first half of a head against the second. */
function halfSplit({ dtype, shape, data }: FileTensor, heads: number): FileTensor {
  const [rows = 0, columns = 0] = shape
  const headDim = rows / heads
  const moved = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim
    const to = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2)
    moved.set(data.subarray(row * columns, (row + 1) * columns), to * columns)
  }
  return { dtype, shape, data: moved }
}
