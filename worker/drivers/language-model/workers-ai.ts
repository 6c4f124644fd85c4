import { z } from 'zod'
import { LANGUAGE_MODEL_ANSWER_BYTES_MAX, LANGUAGE_MODEL_MS_MAX } from '../../../schemas/limits.ts'
import {
  type ChatMessage,
  type CompletionOptions,
  type LanguageModel,
  LanguageModelError,
  type LanguageModelFailure,
} from '../../ports/language-model.ts'
import { contentOf } from './chat-answer.ts'
import { retryAfterMs, waitFor } from './retry-after.ts'

/** The part of the Workers AI binding that text generation needs. */
export interface WorkersAiText {
  run(model: string, input: Record<string, unknown>, options: { signal: AbortSignal }): Promise<unknown>
}

/** In JSON mode some models answer the object itself instead of its text. */
const Answer = z.object({
  response: z.union([z.string(), z.record(z.string(), z.unknown())]),
  usage: z.object({ completion_tokens: z.number().nullish() }).nullish(),
})
/** Newer models (gpt-oss, Qwen 3) answer as chat completions do. */
const Completion = z.object({ choices: z.array(z.unknown()) })

/** Codes that stand before the message of an error (https://developers.cloudflare.com/workers-ai/platform/errors/). */
const FAILURES: Record<string, LanguageModelFailure> = {
  ...{ 3036: 'rate_limited', 3040: 'rate_limited', 3007: 'timeout', 3008: 'timeout' },
  ...{ 3003: 'rejected', 3006: 'rejected', 3023: 'rejected', 3041: 'rejected', 3042: 'rejected' },
  ...{ 5004: 'rejected', 5005: 'rejected', 5007: 'rejected', 5016: 'rejected', 5018: 'rejected' },
}
const OUT_OF_CAPACITY = '3040'
/** What a model answers that could not keep to the schema (JSON mode). */
const NOT_MET = /JSON Mode couldn'?t be met/i

/** A text generation model of Workers AI (`@cf/meta/llama-3.3-70b-instruct-fp8-fast`), run by Cloudflare without a key of its own. */
export class WorkersAiModel implements LanguageModel {
  readonly model: string
  readonly #ai: WorkersAiText
  readonly #deadlineMs: number

  constructor({ ai, model, deadlineMs }: { ai: WorkersAiText; model: string; deadlineMs?: number }) {
    this.#ai = ai
    this.model = model
    this.#deadlineMs = deadlineMs ?? LANGUAGE_MODEL_MS_MAX
  }

  async complete(messages: readonly ChatMessage[], options: CompletionOptions): Promise<string> {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(this.#deadlineMs)])
    const answer = await this.#answered(messages, options, signal)
    const text = Completion.safeParse(answer).success ? contentOf(answer) : textOf(answer, options.maxTokens)
    if (text.length > LANGUAGE_MODEL_ANSWER_BYTES_MAX) throw new LanguageModelError('too_large')
    return text
  }

  /** What the binding answers. Where all machines are taken it is asked once more. */
  async #answered(messages: readonly ChatMessage[], options: CompletionOptions, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#run(messages, options, signal).catch(async (error: unknown) => {
        if (signal.aborted || codeOf(error) !== OUT_OF_CAPACITY) throw error
        await waitFor(retryAfterMs(null), signal)
        return await this.#run(messages, options, signal)
      })
    } catch (cause) {
      throw new LanguageModelError(signal.aborted ? 'timeout' : failureOf(cause), { cause })
    }
  }

  /** Ends with the signal, whether or not the model's part of the binding does. */
  async #run(
    messages: readonly ChatMessage[],
    { schema, maxTokens }: CompletionOptions,
    signal: AbortSignal,
  ): Promise<unknown> {
    signal.throwIfAborted()
    const { promise: ended, reject } = Promise.withResolvers<never>()
    const end = () => reject(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    const input = {
      messages,
      max_tokens: maxTokens,
      temperature: 0,
      ...(schema === undefined ? {} : { response_format: { type: 'json_schema', json_schema: schema.schema } }),
    }
    try {
      return await Promise.race([this.#ai.run(this.model, input, { signal }), ended])
    } finally {
      signal.removeEventListener('abort', end)
    }
  }
}

function textOf(answer: unknown, maxTokens: number): string {
  const parsed = Answer.safeParse(answer)
  if (!parsed.success) throw new LanguageModelError('malformed')
  const { response, usage } = parsed.data
  const text = typeof response === 'string' ? response : JSON.stringify(response)
  if (text.trim() === '') throw new LanguageModelError('malformed')
  // There is no reason to finish in this form: an answer of all the tokens that it may have is one that was cut.
  if (typeof response === 'string' && (usage?.completion_tokens ?? 0) >= maxTokens)
    throw new LanguageModelError('cut_off')
  return text
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error ? /^(?:\w+: )*(\d{4}):/.exec(error.message)?.[1] : undefined

function failureOf(error: unknown): LanguageModelFailure {
  if (error instanceof Error && NOT_MET.test(error.message)) return 'malformed'
  return FAILURES[codeOf(error) ?? ''] ?? 'unavailable'
}
