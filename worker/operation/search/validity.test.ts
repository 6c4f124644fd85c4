import { describe, expect, it } from 'vitest'
import { validityOf } from './validity.ts'

const NOW_MS = Date.UTC(2026, 4, 10)

describe('validityOf', () => {
  it('leaves out by default what is over, and not what is to come', () => {
    expect(validityOf({}, NOW_MS)).toEqual({ endsAfterMs: NOW_MS, beginsByMs: null })
  })

  it('looks at the time that is named', () => {
    const atMs = Date.UTC(2020, 0, 1)
    expect(validityOf({ validAt: '2020-01-01T00:00:00Z' }, NOW_MS)).toEqual({ endsAfterMs: atMs, beginsByMs: atMs })
  })

  it('leaves nothing out when asked to, or at an earlier point', () => {
    expect(validityOf({ includeInvalid: true }, NOW_MS)).toBeUndefined()
    expect(validityOf({ asOf: '2020-01-01T00:00:00Z' }, NOW_MS)).toBeUndefined()
  })

  it('refuses a valid time at an earlier point', () => {
    expect(() => validityOf({ validAt: 0, asOf: '2020-01-01T00:00:00Z' }, NOW_MS)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })
})
