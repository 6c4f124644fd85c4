import {
  LANGUAGE_MODEL_ANSWER_BYTES_MAX,
  LANGUAGE_MODEL_MS_MAX,
  LANGUAGE_MODEL_PAUSE_MS_MAX,
  LANGUAGE_MODEL_RETRY_MS_MAX,
} from '../../../schemas/limits.ts'
import {
  type ChatMessage,
  type CompletionOptions,
  type LanguageModel,
  LanguageModelError,
} from '../../ports/language-model.ts'
import { contentOf } from './chat-answer.ts'
import { chatRequest, type Differing, refusedParameter } from './chat-request.ts'
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
  nowMs?: () => number
}

/** Any server that speaks OpenAI's `POST /chat/completions` (OpenAI, Ollama, vLLM, llama.cpp, LM Studio). */
export class OpenAiCompatibleModel implements LanguageModel {
  readonly model: string
  readonly #init: OpenAiCompatibleModelInit
  readonly #nowMs: () => number
  /** What this server was found not to take; it is asked without from then on. */
  readonly #refused = new Set<Differing>()
  /** Until when the server asked to be left alone. */
  #pausedUntilMs = 0

  constructor(init: OpenAiCompatibleModelInit) {
    this.#init = init
    this.#nowMs = init.nowMs ?? Date.now
    this.model = init.model
  }

  async complete(messages: readonly ChatMessage[], options: CompletionOptions): Promise<string> {
    if (this.#nowMs() < this.#pausedUntilMs) throw new LanguageModelError('rate_limited')
    const deadline = AbortSignal.timeout(this.#init.deadlineMs ?? LANGUAGE_MODEL_MS_MAX)
    const signal = AbortSignal.any([options.signal, deadline])
    try {
      const response = await this.#answered(messages, options, signal)
      return contentOf(parsed(await readBounded(response, LANGUAGE_MODEL_ANSWER_BYTES_MAX)))
    } catch (cause) {
      if (cause instanceof LanguageModelError) throw cause
      throw new LanguageModelError(signal.aborted ? 'timeout' : 'unavailable', { cause })
    }
  }

  /**
   * A good response. Overload is waited out once, if it lasts no longer than a caller can wait; a lost connection is repeated once, since a server
   * may close one that it kept open just as the next request goes out.
   */
  async #answered(
    messages: readonly ChatMessage[],
    options: CompletionOptions,
    signal: AbortSignal,
  ): Promise<Response> {
    const refused = new Set(this.#refused)
    const send = () => this.#send(chatRequest(this.model, messages, options, refused), signal)
    let isRepeated = false
    for (;;) {
      const response = await send().catch((error: unknown) => {
        if (isRepeated || signal.aborted) throw error
        return null
      })
      if (response?.ok === true) {
        // Only what helped is remembered: a request may be refused for what it says as well.
        for (const one of refused) this.#refused.add(one)
        return response
      }
      if (response?.status === 400) {
        const parameter = refusedParameter(await readBounded(response, LANGUAGE_MODEL_ANSWER_BYTES_MAX))
        if (parameter === null || refused.has(parameter)) throw new LanguageModelError('rejected')
        if (parameter === 'response_format' && options.schema === undefined) throw new LanguageModelError('rejected')
        refused.add(parameter)
        continue
      }
      if (response !== null) await response.body?.cancel()
      if (response !== null && !isOverload(response.status)) throw new LanguageModelError('rejected')
      const waitMs = this.#waitMs(response)
      if (isRepeated || waitMs === null)
        throw new LanguageModelError(response?.status === 429 ? 'rate_limited' : 'unavailable')
      isRepeated = true
      await waitFor(waitMs, signal)
    }
  }

  /** How long to wait before the repetition; null where nobody waits so long. Then nothing is asked before that time, up to a bound. */
  #waitMs(response: Response | null): number | null {
    const askedMs = retryAfterMs(response?.headers.get('retry-after') ?? null, this.#nowMs)
    if (askedMs <= LANGUAGE_MODEL_RETRY_MS_MAX) return askedMs
    this.#pausedUntilMs = this.#nowMs() + Math.min(askedMs, LANGUAGE_MODEL_PAUSE_MS_MAX)
    return null
  }

  #send(body: Record<string, unknown>, signal: AbortSignal): Promise<Response> {
    const { baseUrl, apiKey, fetch: request = fetch } = this.#init
    return request(`${baseUrl.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(body),
      signal,
    })
  }
}

const isOverload = (status: number): boolean => status === 408 || status === 429 || status >= 500

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new LanguageModelError('malformed', { cause })
  }
}
