import { z } from 'zod'
import { BlobRef, Sha256Hex } from './blob-ref.ts'
import { areCharacterStarts, canonicalString, isCanonicalText, utf8Length } from './canonical-text.ts'
import {
  CONTENT_INLINE_BYTES_MAX,
  LORA_MODULES_MAX,
  NAME_LENGTH_MAX,
  PROBE_TOKENS_MAX,
  RENDITION_MESSAGES_MAX,
} from './limits.ts'
import { TimestampMs } from './timestamp.ts'
import { Role } from './vocabulary.ts'

/** Logits that a probe compares. */
export const PROBE_LOGITS = 8

/** BCP 47 language tag in the form that registries use (`en`, `pt-BR`). */
export const LanguageTag = z.string().regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/, 'expected a BCP 47 language tag')

/** Facts about one message of the text: who said it, as what, when. They are part of what is remembered, so they are signed. */
export const MessageFacts = z
  .strictObject({
    startByte: z
      .int()
      .nonnegative()
      .describe('Where the message starts, UTF-8 bytes; it ends where the next one starts.'),
    role: Role.optional(),
    speaker: canonicalString(NAME_LENGTH_MAX).optional(),
    saidAtMs: TimestampMs.optional(),
  })
  .meta({ id: 'MessageFacts' })

/** The canonical reading of a memory (MIP 4.6 `text`: MIME, language, content). */
export const TextRendition = z
  .strictObject({
    kind: z.literal('text'),
    mime: z.enum(['text/plain', 'text/markdown', 'application/json']),
    language: LanguageTag.optional(),
    text: z
      .string()
      .refine(isCanonicalText, 'expected well-formed NFC text without a leading byte order mark')
      .optional(),
    blob: BlobRef.optional().describe('Text too large to stand inside the object, UTF-8.'),
    messages: z.array(MessageFacts).min(1).max(RENDITION_MESSAGES_MAX).optional(),
  })
  .superRefine((rendition, ctx) => {
    const problem = textProblem(rendition)
    if (problem) ctx.addIssue({ code: 'custom', path: [problem.field], message: problem.message })
  })
  .meta({ id: 'TextRendition' })

interface TextParts {
  text?: string | undefined
  blob?: { bytes: number } | undefined
  messages?: { startByte: number }[] | undefined
}

function textProblem({ text, blob, messages }: TextParts): { field: string; message: string } | undefined {
  if ((text === undefined) === (blob === undefined)) return { field: 'text', message: 'expected either text or blob' }
  const bytes = text === undefined ? (blob?.bytes ?? 0) : utf8Length(text)
  if (text !== undefined && bytes > CONTENT_INLINE_BYTES_MAX)
    return {
      field: 'text',
      message: `expected at most ${CONTENT_INLINE_BYTES_MAX} bytes of UTF-8; longer text is a blob`,
    }
  if (!messages) return undefined
  const starts = messages.map((message) => message.startByte)
  const ascending =
    starts.every((start, i) => (i === 0 ? start === 0 : start > starts[i - 1]!)) && starts.at(-1)! < bytes
  if (!ascending) return { field: 'messages', message: 'expected starts from 0, ascending, inside the text' }
  if (text !== undefined && !areCharacterStarts(text, starts))
    return { field: 'messages', message: 'expected each start between two characters' }
  return undefined
}

/** Number formats of tensors. q8 and q4 are symmetric integers with one scale for each group of values. */
export const TENSOR_DTYPES = ['fp32', 'fp16', 'bf16', 'q8', 'q4'] as const
export const TensorDtype = z.enum(TENSOR_DTYPES).meta({ id: 'TensorDtype' })

/**
 * A few tokens and the logits they must lead to. Wrong activations do not fail, they degrade answers silently, so a receiver runs the
 * probe before it trusts a rendition whose fingerprint does not match whole (MIP 4.6). Logits are milli-units: no floats on the wire.
 */
export const Probe = z
  .strictObject({
    tokenIds: z.array(z.int().nonnegative()).min(1).max(PROBE_TOKENS_MAX),
    topTokenIds: z.array(z.int().nonnegative()).length(PROBE_LOGITS),
    topLogitsMilli: z.array(z.int()).length(PROBE_LOGITS),
    toleranceMilli: z.int().nonnegative(),
  })
  .meta({ id: 'Probe' })

const tensorFacts = {
  modelFingerprint: Sha256Hex.describe('sha256 of the model descriptor (MIP 4.6). A model name is never evidence.'),
  blob: BlobRef.describe('safetensors file: data that cannot execute.'),
  dtype: TensorDtype,
  quantGroupSize: z
    .int()
    .positive()
    .optional()
    .describe('Values that share one scale; present exactly with q8 and q4.'),
  probe: Probe.optional(),
}

const hasGroupSizeIfQuantised = (facts: { dtype: string; quantGroupSize?: number | undefined }) =>
  facts.dtype.startsWith('q') === (facts.quantGroupSize !== undefined)
const GROUP_SIZE_ISSUE = { path: ['quantGroupSize'], message: 'expected exactly with dtype q8 or q4' }

/** Axis order of `past_key_values.N.key|value`: b batch (1), h key-value heads, t tokens, d head dimension. */
export const KV_LAYOUTS = ['bhtd', 'bthd'] as const

/** KV cache of a text on one model (activation memory). RoPE parameters are inside the fingerprint. */
export const KvRendition = z
  .strictObject({
    kind: z.literal('kv'),
    ...tensorFacts,
    layout: z.enum(KV_LAYOUTS),
    layers: z.int().positive(),
    kvHeads: z.int().positive(),
    headDim: z.int().positive(),
    tokenCount: z.int().positive(),
    positionOffset: z.int().nonnegative().describe('Position of the first token in the sequence it was computed for.'),
    tokens: BlobRef.describe(
      'The token ids, 32-bit little-endian: with the same tokenizer they save tokenising again.',
    ),
  })
  .refine(hasGroupSizeIfQuantised, GROUP_SIZE_ISSUE)
  .refine((kv) => kv.tokens.bytes === kv.tokenCount * 4, {
    path: ['tokens', 'bytes'],
    message: 'expected 4 bytes for each token',
  })
  .meta({ id: 'KvRendition' })

/** Where a steering vector is added inside a transformer layer. */
export const STEERING_SITES = ['residual', 'attention_output', 'mlp_output'] as const

/** A vector added to the hidden state at one layer (activation memory). */
export const SteeringRendition = z
  .strictObject({
    kind: z.literal('steering'),
    ...tensorFacts,
    layer: z.int().nonnegative(),
    site: z.enum(STEERING_SITES),
    width: z.int().positive().describe('Length of the vector: the hidden size of the model.'),
    strengthMicros: z.int().describe('Factor to apply it with, millionths.'),
  })
  .refine(hasGroupSizeIfQuantised, GROUP_SIZE_ISSUE)
  .meta({ id: 'SteeringRendition' })

/** A low-rank adapter for one base model (parametric memory). */
export const LoraRendition = z
  .strictObject({
    kind: z.literal('lora'),
    ...tensorFacts,
    rank: z.int().positive(),
    alphaMicros: z.int().positive().describe('LoRA alpha, millionths; the applied scale is alpha / rank.'),
    modules: z
      .array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.]{0,127}$/, 'expected a dotted module path'))
      .min(1)
      .max(LORA_MODULES_MAX)
      .refine((modules) => new Set(modules).size === modules.length, 'expected no module twice'),
  })
  .refine(hasGroupSizeIfQuantised, GROUP_SIZE_ISSUE)
  .meta({ id: 'LoraRendition' })

/** One form of a memory: text for any reader, or tensors for one model. */
export const Rendition = z
  .discriminatedUnion('kind', [TextRendition, KvRendition, SteeringRendition, LoraRendition])
  .meta({
    id: 'Rendition',
    description: 'One form of a memory: text for any reader, or tensors for one model. MIP 4.6.',
  })
export type Rendition = z.infer<typeof Rendition>
