import { expect, it } from 'vitest'
import { MemosApiError, MemosConnectionError, parseRetryAfter } from './errors.ts'
import { isRetryable, RETRY_AFTER_MS_MAX, RETRY_WAIT_MS_MAX, retryWaitMs, wait } from './retry.ts'

const refusal = (code: MemosApiError['code'], status: number, retryAfterMs?: number) =>
  new MemosApiError({ code, status, detail: 'no', retryAfterMs })
const broken = new MemosConnectionError('gone', { isTimeout: false, cause: undefined })

it.each([
  ['a rate limit', refusal('rate_limited', 429), true],
  ['a busy database', refusal('database_busy', 503), true],
  ['a request that still runs', refusal('idempotency_in_progress', 409), true],
  ['a 503 from a proxy', refusal('unexpected_answer', 503), true],
  ['a used-up quota', refusal('quota_exceeded', 429), false],
  ['a bad request', refusal('invalid_request', 400), false],
  ['a server error', refusal('internal', 500), false],
  ['a wait that is too long', refusal('rate_limited', 429, RETRY_AFTER_MS_MAX + 1), false],
  ['the abort of the caller', new DOMException('stop', 'AbortError'), false],
])('%s: retried %o', (_, error, expected) => {
  expect(isRetryable(error, false)).toBe(expected)
})

it('repeats after a broken connection only what has the same effect twice', () => {
  expect(isRetryable(broken, true)).toBe(true)
  expect(isRetryable(broken, false)).toBe(false)
})

it('doubles the longest wait with each retry, up to a limit', () => {
  expect([1, 2, 3].map((retry) => retryWaitMs(retry, undefined, 0.5))).toEqual([100, 200, 400])
  expect(retryWaitMs(40, undefined, 1)).toBe(RETRY_WAIT_MS_MAX)
})

it('never waits less than the server asked for', () => {
  expect(retryWaitMs(1, 3000, 0)).toBe(3000)
})

it('reads Retry-After as seconds and as a date', () => {
  const nowMs = Date.UTC(2026, 0, 1)
  expect(parseRetryAfter('7', nowMs)).toBe(7000)
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:05 GMT', nowMs)).toBe(5000)
  expect(parseRetryAfter('Thu, 01 Jan 2020 00:00:00 GMT', nowMs)).toBe(0)
  expect(parseRetryAfter('soon', nowMs)).toBeUndefined()
  expect(parseRetryAfter(null, nowMs)).toBeUndefined()
})

it('ends a wait with the reason of the signal', async () => {
  const stop = new AbortController()
  const waiting = wait(60_000, stop.signal)
  stop.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  await expect(wait(60_000, stop.signal)).rejects.toBe('enough')
})
