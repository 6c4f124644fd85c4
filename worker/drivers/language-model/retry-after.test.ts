import { describe, expect, it } from 'vitest'
import { retryAfterMs } from './retry-after.ts'

const now = () => Date.UTC(2026, 2, 18, 10)

describe('retryAfterMs', () => {
  it('reads seconds and dates, and waits a little where nothing useful is said', () => {
    expect(retryAfterMs('1', now)).toBe(1000)
    expect(retryAfterMs('Wed, 18 Mar 2026 10:00:01 GMT', now)).toBe(1000)
    expect(retryAfterMs('Wed, 18 Mar 2026 09:00:00 GMT', now)).toBe(0)
    expect(retryAfterMs('3600', now)).toBe(3_600_000)
    expect(retryAfterMs(null, now)).toBe(250)
    expect(retryAfterMs('soon', now)).toBe(250)
  })
})
