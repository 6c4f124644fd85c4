import { z } from 'zod'
import { BlobRef, Sha256Hex } from './blob-ref.ts'
import { Name } from './common.ts'
import {
  NODE_CHAT_MESSAGES_MAX,
  NODE_DIMENSIONS_MAX,
  NODE_MEMORIES_MAX,
  NODE_STOPS_MAX,
  NODE_TEXT_LENGTH_MAX,
  NODE_TEXTS_MAX,
  NODE_TOKENS_MAX,
} from './limits-nodes.ts'
import { KvRendition, Probe, STEERING_SITES, SteeringRendition } from './rendition.ts'

/** What GPU nodes do, by operation: shapes of input and output. Tensors are never among them: they are blobs that the shapes name. */

const Text = z.string().max(NODE_TEXT_LENGTH_MAX)
const Texts = z.array(Text).min(1).max(NODE_TEXTS_MAX)
const Count = z.int().nonnegative()
const Ms = z.number().nonnegative()
/** sha256 of the model descriptor (MIP 4.6). */
const model = Sha256Hex

export const COMPOSITIONS = ['text', 'exact', 'blended'] as const

const GenerateInput = z.strictObject({
  model,
  messages: z
    .array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: Text }))
    .min(1)
    .max(NODE_CHAT_MESSAGES_MAX),
  memory: z
    .array(
      z.strictObject({
        cubeId: Name,
        text: Text,
        kv: z.strictObject({ rendition: KvRendition }).optional(),
      }),
    )
    .max(NODE_MEMORIES_MAX),
  composition: z.enum(COMPOSITIONS),
  conversation: z.strictObject({ id: Name, kv: BlobRef.optional() }).optional(),
  maxTokens: z.int().min(1).max(NODE_TOKENS_MAX),
  temperature: z.number().min(0).max(2),
  topP: z.number().min(0).max(1),
  topK: z.int().min(0).max(1_000_000),
  seed: z.int().nonnegative().optional(),
  stop: z.array(z.string().min(1).max(1024)).max(NODE_STOPS_MAX).optional(),
  steering: z
    .array(z.strictObject({ rendition: SteeringRendition }))
    .max(16)
    .optional(),
})

const GenerateOutput = z.strictObject({
  text: z.string().max(NODE_TEXT_LENGTH_MAX),
  finish: z.enum(['stop', 'length']),
  usage: z.strictObject({ promptTokens: Count, cachedTokens: Count, completionTokens: Count }),
  ms: z.strictObject({ load: Ms, prefill: Ms, firstToken: Ms, total: Ms }),
  injected: z
    .array(
      z.strictObject({
        cubeId: Name,
        as: z.enum(['text', 'kv']),
        tokens: Count,
        source: z.enum(['resident', 'blob', 'made']),
      }),
    )
    .max(NODE_MEMORIES_MAX),
  conversationKv: KvRendition.optional(),
})

/** Operations of GPU nodes with their input and output. */
export const NODE_TASKS = {
  generate: { input: GenerateInput, output: GenerateOutput },
  encode_kv: {
    input: z.strictObject({ model, text: Text.min(1), dtype: z.enum(['fp16', 'int8']) }),
    output: z.strictObject({ rendition: KvRendition }),
  },
  embed: {
    input: z.strictObject({ model, texts: Texts }),
    output: z.strictObject({
      dims: z.int().min(1).max(NODE_DIMENSIONS_MAX),
      vectors: z
        .array(z.base64())
        .max(NODE_TEXTS_MAX)
        .describe('One for each text: 32-bit floats, little-endian, base64.'),
    }),
  },
  rerank: {
    input: z.strictObject({ model, query: Text, texts: Texts }),
    output: z.strictObject({ scores: z.array(z.number()).max(NODE_TEXTS_MAX) }),
  },
  steer: {
    input: z.strictObject({
      model,
      pairs: z
        .array(z.strictObject({ positive: Text, negative: Text }))
        .min(1)
        .max(NODE_TEXTS_MAX),
      layer: Count,
      site: z.enum(STEERING_SITES),
      strengthMicros: z.int(),
    }),
    output: z.strictObject({ rendition: SteeringRendition }),
  },
  probe: {
    input: z.strictObject({ model, tokenIds: Probe.shape.tokenIds }),
    output: z.strictObject({ probe: Probe }),
  },
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

export const NODE_TASK_KINDS = ['generate', 'encode_kv', 'embed', 'rerank', 'steer', 'probe'] as const
export const NodeTaskKind = z.enum(NODE_TASK_KINDS).meta({ id: 'NodeTaskKind' })
export type NodeTaskKind = keyof typeof NODE_TASKS
export type NodeTaskInput<K extends NodeTaskKind> = z.infer<(typeof NODE_TASKS)[K]['input']>
export type NodeTaskOutput<K extends NodeTaskKind> = z.infer<(typeof NODE_TASKS)[K]['output']>

/** States of a durable task. A lease that ends makes it `queued` again. */
export const NODE_TASK_STATES = ['queued', 'leased', 'done', 'failed', 'cancelled'] as const
export const NodeTaskState = z.enum(NODE_TASK_STATES).meta({ id: 'NodeTaskState' })
export type NodeTaskState = z.infer<typeof NodeTaskState>
