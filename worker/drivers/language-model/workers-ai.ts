import { z } from 'zod'
import { LANGUAGE_MODEL_ANSWER_BYTES_MAX, LANGUAGE_MODEL_MS_MAX } from '../../../schemas/limits.ts'
import {
  type ChatMessage,
  type CompletionOptions,
  type LanguageModel,
  LanguageModelError,
} from '../../ports/language-model.ts'

/** The part of the Workers AI binding that text generation needs. */
export interface WorkersAiText {
  run(model: string, input: Record<string, unknown>, options: { signal: AbortSignal }): Promise<unknown>
}

/** In JSON mode some models answer the object itself instead of its text. */
const Answer = z.object({ response: z.union([z.string(), z.record(z.string(), z.unknown())]) })

/** A text generation model of Workers AI (`@cf/meta/llama-3.3-70b-instruct-fp8-fast`), run by Cloudflare without a key of its own. */
export class WorkersAiModel implements LanguageModel {
  readonly model: string
  readonly #ai: WorkersAiText

  constructor({ ai, model }: { ai: WorkersAiText; model: string }) {
    this.#ai = ai
    this.model = model
  }

  async complete(messages: readonly ChatMessage[], options: CompletionOptions): Promise<string> {
    const { schema, maxTokens } = options
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(LANGUAGE_MODEL_MS_MAX)])
    let answer: unknown
    try {
      answer = await this.#ai.run(
        this.model,
        {
          messages,
          max_tokens: maxTokens,
          temperature: 0,
          ...(schema === undefined ? {} : { response_format: { type: 'json_schema', json_schema: schema.schema } }),
        },
        { signal },
      )
    } catch (cause) {
      throw new LanguageModelError(signal.aborted ? 'timeout' : 'unavailable', { cause })
    }
    const parsed = Answer.safeParse(answer)
    if (!parsed.success) throw new LanguageModelError('malformed')
    const { response } = parsed.data
    const text = typeof response === 'string' ? response : JSON.stringify(response)
    if (text.trim() === '') throw new LanguageModelError('malformed')
    if (text.length > LANGUAGE_MODEL_ANSWER_BYTES_MAX) throw new LanguageModelError('too_large')
    return text
  }
}
