import { z } from 'zod'
import { Sha256Hex } from './blob-ref.ts'
import { Name, NamespaceName } from './common.ts'
import { CONTEXT_TOKENS_MAX, NAME_LENGTH_MAX } from './limits.ts'
import {
  CHAT_CONTENT_LENGTH_MAX,
  CHAT_MEMORY_TOKENS_DEFAULT,
  CHAT_MESSAGES_MAX,
  CHAT_STOP_LENGTH_MAX,
  CHAT_STOPS_MAX,
  CHAT_TOKENS_MAX,
} from './limits-nodes.ts'
import { COMPOSITIONS } from './node-task.ts'
import { CubeId } from './revision.ts'

const Text = z
  .string()
  .max(CHAT_CONTENT_LENGTH_MAX)
  .refine((text) => text.isWellFormed(), 'well-formed Unicode')
const TextParts = z
  .array(z.strictObject({ type: z.literal('text'), text: Text }))
  .min(1)
  .max(CHAT_MESSAGES_MAX)

/** One turn, as clients of OpenAI's API send it. */
export const ChatMessage = z
  .strictObject({
    role: z.enum(['system', 'developer', 'user', 'assistant']),
    content: z.union([Text, TextParts]),
    name: Name.optional(),
  })
  .meta({ id: 'ChatMessage' })
export type ChatMessage = z.infer<typeof ChatMessage>

export const CHAT_COMPOSITIONS = ['auto', ...COMPOSITIONS] as const

/** How memory takes part in a completion. */
export const ChatMemory = z
  .strictObject({
    namespace: NamespaceName.optional().meta({ description: 'Or the header x-memos-namespace; default: the own one.' }),
    userId: Name.optional(),
    session: Name.optional().meta({
      description:
        'Conversation, or the header x-memos-session. Its turns are remembered together, and its KV cache is kept.',
    }),
    tokens: z
      .int()
      .min(0)
      .max(CONTEXT_TOKENS_MAX)
      .default(CHAT_MEMORY_TOKENS_DEFAULT)
      .meta({ description: 'Budget for memory; 0: nothing is looked for.' }),
    composition: z.enum(CHAT_COMPOSITIONS).default('auto').meta({
      description:
        'auto: KV caches that are kept, the rest as text. text: all as text. exact: prefilled jointly. blended: one by one, put together.',
    }),
    remember: z.boolean().default(true).meta({ description: 'Whether what was said is written back.' }),
    explain: z.boolean().default(false).meta({ description: 'Whether the answer tells what was injected, and where.' }),
  })
  .meta({ id: 'ChatMemory', examples: [{ session: 'trip-planning', explain: true }] })

const MEMORY_DEFAULT = {
  tokens: CHAT_MEMORY_TOKENS_DEFAULT,
  composition: 'auto',
  remember: true,
  explain: false,
} as const

/** A completion in the shape of OpenAI's API. What is not here is refused by name; what is here with one value means just that value. */
export const ChatRequest = z
  .strictObject({
    model: z.string().min(1).max(NAME_LENGTH_MAX).meta({ description: 'A name or fingerprint of `GET /v1/models`.' }),
    messages: z.array(ChatMessage).min(1).max(CHAT_MESSAGES_MAX),
    stream: z.boolean().default(false),
    stream_options: z.strictObject({ include_usage: z.boolean().default(false) }).optional(),
    max_tokens: z.int().min(1).max(CHAT_TOKENS_MAX).optional(),
    max_completion_tokens: z.int().min(1).max(CHAT_TOKENS_MAX).optional(),
    temperature: z.number().min(0).max(2).default(0),
    top_p: z.number().gt(0).max(1).default(1),
    top_k: z.int().min(1).max(CHAT_TOKENS_MAX).optional(),
    seed: z.int().nonnegative().optional(),
    stop: z
      .union([
        z.string().min(1).max(CHAT_STOP_LENGTH_MAX),
        z.array(z.string().min(1).max(CHAT_STOP_LENGTH_MAX)).max(CHAT_STOPS_MAX),
      ])
      .nullish(),
    n: z.literal(1).optional(),
    presence_penalty: z.literal(0).optional(),
    frequency_penalty: z.literal(0).optional(),
    logprobs: z.literal(false).optional(),
    response_format: z.strictObject({ type: z.literal('text') }).optional(),
    user: z.string().max(NAME_LENGTH_MAX).optional(),
    memos: ChatMemory.default(MEMORY_DEFAULT),
  })
  .refine(({ messages }) => messages.some(({ role }) => role === 'user'), {
    path: ['messages'],
    message: 'at least one message of the user',
  })
  .meta({
    id: 'ChatRequest',
    examples: [
      {
        model: 'default',
        messages: [{ role: 'user', content: 'Where do I like to sit?' }],
        memos: { session: 'trip-planning', explain: true },
      },
    ],
  })
export type ChatRequest = z.infer<typeof ChatRequest>

/** What went into a completion and what it cost. */
export const ChatReport = z
  .strictObject({
    namespace: z.string().nullable().meta({ description: 'Where it is written back; null: nowhere.' }),
    session: z.string().nullable(),
    node: z.strictObject({ id: z.string(), name: z.string(), attempts: z.int() }),
    model: Sha256Hex,
    composition: z.enum(COMPOSITIONS),
    injected: z.array(
      z.strictObject({
        cubeId: CubeId,
        as: z.enum(['text', 'kv']),
        tokens: z.int(),
        source: z.enum(['resident', 'blob', 'made']),
        because: z.string().meta({ description: 'Rule that chose the form.' }),
      }),
    ),
    omitted: z.int().meta({ description: 'Memories that were found and had no room.' }),
    conversation: z.enum(['none', 'new', 'continued', 'changed']).meta({
      description: 'Whether the KV cache of the conversation was used; changed: its memory is not what it was.',
    }),
    remembered: z.array(CubeId),
    ms: z.strictObject({
      retrieval: z.number(),
      waiting: z.number(),
      load: z.number(),
      prefill: z.number(),
      firstToken: z.number(),
      total: z.number(),
    }),
    routing: z.array(
      z.strictObject({
        nodeId: z.string(),
        because: z.string().nullable(),
        resident: z.number(),
        load: z.number(),
        hasFailed: z.boolean(),
      }),
    ),
    notes: z.array(z.string()),
  })
  .meta({ id: 'ChatReport' })
export type ChatReport = z.infer<typeof ChatReport>

const Usage = z.strictObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.strictObject({ cached_tokens: z.int() }),
})

const Finish = z.enum(['stop', 'length'])

export const ChatCompletion = z
  .strictObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.strictObject({
        index: z.int(),
        message: z.strictObject({ role: z.literal('assistant'), content: z.string() }),
        finish_reason: Finish,
        logprobs: z.null(),
      }),
    ),
    usage: Usage,
    memos: ChatReport.optional(),
  })
  .meta({
    id: 'ChatCompletion',
    description: 'With `stream`, chunks of `chat.completion.chunk` as server-sent events.',
  })
export type ChatCompletion = z.infer<typeof ChatCompletion>

/** One event of a stream. The last one before `[DONE]` carries usage and report where they were asked for. */
export interface ChatChunk {
  id: string
  object: 'chat.completion.chunk'
  created: number
  model: string
  choices: {
    index: number
    delta: { role?: 'assistant'; content?: string }
    finish_reason: 'stop' | 'length' | null
    logprobs: null
  }[]
  usage?: ChatCompletion['usage'] | null
  memos?: ChatReport
}

export const ModelList = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(
      z.strictObject({
        id: z.string(),
        object: z.literal('model'),
        created: z.int(),
        owned_by: z.string(),
        memos: z.strictObject({
          fingerprint: Sha256Hex,
          operations: z.array(z.string()),
          positionsMax: z.int(),
          nodes: z.int(),
          running: z.int(),
          concurrency: z.int(),
        }),
      }),
    ),
  })
  .meta({ id: 'ModelList', description: 'Models of the GPU nodes that are connected now.' })
export type ModelList = z.infer<typeof ModelList>
