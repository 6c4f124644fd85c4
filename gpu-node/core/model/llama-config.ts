import { z } from 'zod'
import { NodeError } from '../node-error.ts'
import type { DecoderConfig } from './decoder-model.ts'

const Size = z.int().positive()

/** What is read of a Hugging Face `config.json`. Settings that would need another graph must have the value that ours has. */
const LlamaConfig = z
  .object({
    architectures: z.array(z.string()).length(1),
    model_type: z.literal('llama'),
    hidden_act: z.literal('silu'),
    hidden_size: Size,
    intermediate_size: Size,
    num_hidden_layers: Size,
    num_attention_heads: Size,
    num_key_value_heads: Size.optional(),
    head_dim: Size.nullish(),
    rms_norm_eps: z.number().positive(),
    rope_theta: z.number().positive().default(10_000),
    rope_scaling: z.null().optional(),
    max_position_embeddings: Size,
    vocab_size: Size,
    tie_word_embeddings: z.boolean().default(false),
    attention_bias: z.literal(false).default(false),
    mlp_bias: z.literal(false).default(false),
  })
  .refine((read) => read.num_attention_heads % (read.num_key_value_heads ?? read.num_attention_heads) === 0, {
    path: ['num_key_value_heads'],
    message: 'expected a divisor of num_attention_heads',
  })
  .refine((read) => (read.head_dim ?? read.hidden_size / read.num_attention_heads) % 2 === 0, {
    path: ['head_dim'],
    message: 'expected an even number',
  })

export interface LlamaShape extends DecoderConfig {
  arch: string
  /** The head is the embedding. */
  isTied: boolean
}

/** Reads a `config.json` of a Llama. @throws NodeError `invalid_input` naming the setting */
export function readLlamaConfig(json: unknown): LlamaShape {
  const result = LlamaConfig.safeParse(json)
  if (!result.success) {
    const issue = result.error.issues[0]!
    throw new NodeError('invalid_input', `config.json: "${issue.path.join('.')}" ${issue.message}`)
  }
  const read = result.data
  return {
    arch: read.architectures[0]!,
    hidden: read.hidden_size,
    intermediate: read.intermediate_size,
    layers: read.num_hidden_layers,
    heads: read.num_attention_heads,
    kvHeads: read.num_key_value_heads ?? read.num_attention_heads,
    headDim: read.head_dim ?? read.hidden_size / read.num_attention_heads,
    vocabulary: read.vocab_size,
    ropeTheta: read.rope_theta,
    positionsMax: read.max_position_embeddings,
    eps: read.rms_norm_eps,
    isTied: read.tie_word_embeddings,
  }
}
