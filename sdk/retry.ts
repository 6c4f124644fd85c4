import { MemosApiError, MemosConnectionError } from './errors.ts'

/** First wait; each further one may be twice as long. */
export const RETRY_BASE_MS = 200
/** Longest wait that we choose ourselves. */
export const RETRY_WAIT_MS_MAX = 10_000
/** Longest wait that a server may ask for; when it asks for more, the caller is told instead of kept waiting. */
export const RETRY_AFTER_MS_MAX = 60_000

/** Answers that mean "nothing was done, ask again". `quota_exceeded` shares the status 429 with one of them and is none. */
const RETRYABLE_CODES: ReadonlySet<string> = new Set([
  'rate_limited',
  'database_busy',
  'idempotency_in_progress',
  'organisation_moving',
])

/**
 * Whether a failed attempt may be repeated. After a broken connection nobody knows whether the server acted, so that needs a request that
 * has the same effect twice as once.
 */
export function isRetryable(error: unknown, isRepeatable: boolean): boolean {
  if (error instanceof MemosConnectionError) return isRepeatable
  if (!(error instanceof MemosApiError)) return false
  if ((error.retryAfterMs ?? 0) > RETRY_AFTER_MS_MAX) return false
  const isShed = error.code === 'unexpected_answer' && (error.status === 429 || error.status === 503)
  return isShed || RETRYABLE_CODES.has(error.code)
}

/**
 * Wait before attempt `retry` (1 for the first retry), milliseconds: exponential with full jitter, never shorter than what the server asked for.
 * `random` is uniform in [0, 1).
 */
export function retryWaitMs(retry: number, retryAfterMs: number | undefined, random: number): number {
  const ceilingMs = Math.min(RETRY_WAIT_MS_MAX, RETRY_BASE_MS * 2 ** (retry - 1))
  return Math.round(Math.max(retryAfterMs ?? 0, ceilingMs * random))
}

/** Resolves after `ms`; rejects with the reason of the signal when that comes first. */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  if (signal?.aborted) {
    reject(signal.reason)
    return promise
  }
  const abort = () => {
    clearTimeout(timer)
    reject(signal?.reason)
  }
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', abort)
    resolve()
  }, ms)
  signal?.addEventListener('abort', abort, { once: true })
  return promise
}
