import { describe, expect, it } from 'vitest'
import { LANGUAGE_MODEL_RETRY_MS_MAX } from '../../../schemas/limits.ts'
import { retryAfterMs } from './retry-after.ts'

const now = () => Date.UTC(2026, 2, 18, 10)

describe('retryAfterMs', () => {
  it('reads seconds and dates, and waits a little where nothing useful is said', () => {
    expect(retryAfterMs('1', now)).toBe(1000)
    expect(retryAfterMs('Wed, 18 Mar 2026 10:00:01 GMT', now)).toBe(1000)
    expect(retryAfterMs('Wed, 18 Mar 2026 09:00:00 GMT', now)).toBe(0)
    expect(retryAfterMs(null, now)).toBe(250)
    expect(retryAfterMs('soon', now)).toBe(250)
  })

  it('says that a longer wait is not worth it', () => {
    expect(retryAfterMs(String(LANGUAGE_MODEL_RETRY_MS_MAX / 1000), now)).toBe(LANGUAGE_MODEL_RETRY_MS_MAX)
    expect(retryAfterMs('3', now)).toBeNull()
  })
})
