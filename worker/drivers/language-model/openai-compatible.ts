import { z } from 'zod'
import { LANGUAGE_MODEL_ANSWER_BYTES_MAX, LANGUAGE_MODEL_MS_MAX } from '../../../schemas/limits.ts'
import {
  type ChatMessage,
  type CompletionOptions,
  type LanguageModel,
  LanguageModelError,
} from '../../ports/language-model.ts'
import { readBounded } from './read-bounded.ts'
import { retryAfterMs, waitFor } from './retry-after.ts'

export interface OpenAiCompatibleModelInit {
  /** Up to and without `/chat/completions`: `https://api.openai.com/v1`, `http://127.0.0.1:11434/v1`. */
  baseUrl: string
  model: string
  apiKey?: string | undefined
  fetch?: typeof fetch
  /** Milliseconds for one call with its repetition. */
  deadlineMs?: number
}

const Answer = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
})

/** Any server that speaks OpenAI's `POST /chat/completions` (OpenAI, Ollama, vLLM, llama.cpp, LM Studio). */
export class OpenAiCompatibleModel implements LanguageModel {
  readonly model: string
  readonly #init: OpenAiCompatibleModelInit
  /** Servers that know no `json_schema` refuse the whole request; they are asked without it from then on. */
  #takesSchema = true

  constructor(init: OpenAiCompatibleModelInit) {
    this.#init = init
    this.model = init.model
  }

  async complete(messages: readonly ChatMessage[], options: CompletionOptions): Promise<string> {
    const deadline = AbortSignal.timeout(this.#init.deadlineMs ?? LANGUAGE_MODEL_MS_MAX)
    const signal = AbortSignal.any([options.signal, deadline])
    try {
      return contentOf(
        await readBounded(await this.#answered(messages, options, signal), LANGUAGE_MODEL_ANSWER_BYTES_MAX),
      )
    } catch (cause) {
      if (cause instanceof LanguageModelError) throw cause
      throw new LanguageModelError(signal.aborted ? 'timeout' : 'unavailable', { cause })
    }
  }

  /** A good response. Overload is waited out once, if it lasts no longer than a caller can wait. */
  async #answered(
    messages: readonly ChatMessage[],
    options: CompletionOptions,
    signal: AbortSignal,
  ): Promise<Response> {
    let response = await this.#send(messages, options, signal)
    if (response.status === 400 && options.schema !== undefined && this.#takesSchema) {
      this.#takesSchema = false
      await response.body?.cancel()
      response = await this.#send(messages, options, signal)
    } else if (isOverload(response.status)) {
      const waitMs = retryAfterMs(response.headers.get('retry-after'))
      await response.body?.cancel()
      if (waitMs === null) throw new LanguageModelError(response.status === 429 ? 'rate_limited' : 'unavailable')
      await waitFor(waitMs, signal)
      response = await this.#send(messages, options, signal)
    }
    if (response.ok) return response
    await response.body?.cancel()
    throw new LanguageModelError(response.status === 429 ? 'rate_limited' : 'unavailable')
  }

  #send(
    messages: readonly ChatMessage[],
    { schema, maxTokens }: CompletionOptions,
    signal: AbortSignal,
  ): Promise<Response> {
    const { baseUrl, model, apiKey, fetch: request = fetch } = this.#init
    const format =
      schema === undefined || !this.#takesSchema
        ? {}
        : { response_format: { type: 'json_schema', json_schema: { ...schema, strict: true } } }
    return request(`${baseUrl.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, messages, max_tokens: maxTokens, temperature: 0, ...format }),
      signal,
    })
  }
}

const isOverload = (status: number): boolean => status === 429 || status >= 500

function contentOf(body: string): string {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (cause) {
    throw new LanguageModelError('malformed', { cause })
  }
  const parsed = Answer.safeParse(json)
  const choice = parsed.data?.choices[0]
  if (choice === undefined) throw new LanguageModelError('malformed')
  if (choice.message.refusal != null || choice.finish_reason === 'content_filter')
    throw new LanguageModelError('refused')
  if (choice.finish_reason === 'length') throw new LanguageModelError('cut_off')
  const { content } = choice.message
  if (content == null || content.trim() === '') throw new LanguageModelError('malformed')
  return content
}
