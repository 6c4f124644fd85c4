import { errorOf, MemosApiError, MemosConnectionError } from './errors.ts'
import { isRetryable, retryWaitMs, wait } from './retry.ts'

/** A little more than the 30 s that the server gives a request, so that its own answer arrives first. */
export const TIMEOUT_MS_DEFAULT = 35_000
export const RETRIES_DEFAULT = 3

export interface ClientOptions {
  /** Where the server is, without `/v1`. */
  baseUrl: string
  apiKey: string
  /** Organisation to act in; for the root key only. */
  organisation?: string | undefined
  fetch?: typeof globalThis.fetch | undefined
  /** Deadline of one attempt, milliseconds. Streams (export, import) have none: give a signal. */
  timeoutMs?: number | undefined
  /** Attempts after the first; 0 switches retries off. */
  retries?: number | undefined
}

export interface Outgoing {
  method: string
  /** From the root of the server, query included. */
  path: string
  headers: Record<string, string>
  body?: string | Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined
  /** Whether the same effect comes of sending it twice as of sending it once. */
  isRepeatable: boolean
  signal?: AbortSignal | undefined
}

/** Sends requests: key, deadline, retries. Knows nothing of operations. */
export class Transport {
  readonly #baseUrl: string
  readonly #fetch: typeof globalThis.fetch
  readonly #headers: Record<string, string>
  readonly #timeoutMs: number
  readonly #retries: number

  constructor({ baseUrl, apiKey, organisation, fetch, timeoutMs, retries }: ClientOptions) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '')
    // Looked up at each call and without a receiver: browsers refuse `fetch` as a method of another object.
    this.#fetch = fetch ?? ((...request) => globalThis.fetch(...request))
    this.#headers = {
      authorization: `Bearer ${apiKey}`,
      ...(organisation !== undefined && { 'x-memos-org': organisation }),
    }
    this.#timeoutMs = timeoutMs ?? TIMEOUT_MS_DEFAULT
    this.#retries = retries ?? RETRIES_DEFAULT
  }

  /** The parsed JSON answer; undefined for 204. @throws MemosApiError, MemosConnectionError, or the reason of the signal */
  json(request: Outgoing): Promise<unknown> {
    return this.#retrying(request, () =>
      this.#withDeadline(request, async (signal) => {
        const response = await this.#send(request, signal)
        if (response.status === 204) return undefined
        return parseJson(await response.text(), response.status)
      }),
    )
  }

  /** The answer as soon as its head is there; its body is the caller's to read. @throws as `json` */
  stream(request: Outgoing): Promise<Response> {
    const isStreamed = request.body instanceof ReadableStream
    if (isStreamed) return this.#once(request) // A stream can be read only once, so there is nothing to send again.
    return this.#retrying(request, () => this.#once(request))
  }

  async #once(request: Outgoing): Promise<Response> {
    try {
      return await this.#send(request, request.signal)
    } catch (error) {
      throw this.#describe(error, request.signal)
    }
  }

  async #retrying<T>(request: Outgoing, attempt: () => Promise<T>): Promise<T> {
    for (let retry = 1; ; retry++) {
      try {
        return await attempt()
      } catch (error) {
        if (retry > this.#retries || !isRetryable(error, request.isRepeatable)) throw error
        const retryAfterMs = error instanceof MemosApiError ? error.retryAfterMs : undefined
        await wait(retryWaitMs(retry, retryAfterMs, Math.random()), request.signal)
      }
    }
  }

  async #withDeadline<T>(request: Outgoing, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // AbortSignal.timeout cannot be cancelled: a busy client would hold the timers of all requests of the last half minute.
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), this.#timeoutMs)
    try {
      return await run(request.signal ? AbortSignal.any([request.signal, deadline.signal]) : deadline.signal)
    } catch (error) {
      throw this.#describe(error, request.signal, deadline.signal)
    } finally {
      clearTimeout(timer)
    }
  }

  async #send({ method, path, headers, body }: Outgoing, signal: AbortSignal | undefined): Promise<Response> {
    signal?.throwIfAborted()
    const response = await this.#fetch(`${this.#baseUrl}${path}`, {
      method,
      headers: { ...this.#headers, ...headers },
      ...(body !== undefined && { body }),
      ...(body instanceof ReadableStream && { duplex: 'half' }),
      ...(signal && { signal }),
    } as RequestInit)
    if (response.ok) return response
    throw await errorOf(response, Date.now())
  }

  /** Tells the caller's own abort (passed on as it is) from a deadline and from a broken connection. */
  #describe(error: unknown, signal: AbortSignal | undefined, deadline?: AbortSignal): unknown {
    if (signal?.aborted) return signal.reason
    if (error instanceof MemosApiError) return error
    if (deadline?.aborted)
      return new MemosConnectionError(`no answer from ${this.#baseUrl} within ${this.#timeoutMs} ms`, {
        isTimeout: true,
        cause: error,
      })
    return new MemosConnectionError(`cannot reach ${this.#baseUrl}`, { isTimeout: false, cause: error })
  }
}

/** The value of an answer's body. @throws MemosApiError unexpected_answer */
export function parseJson(text: string, status: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new MemosApiError({
      code: 'unexpected_answer',
      status,
      detail: `HTTP ${status} with a body that is not JSON`,
    })
  }
}
