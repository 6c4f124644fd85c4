import { RATE_BUCKETS_MAX } from '../../../schemas/limits.ts'
import type { RateDecision, RateLimiter } from '../../ports/rate-limiter.ts'

export interface Bucket {
  tokens: number
  atMs: number
}

/** One step of a token bucket that holds a minute's worth of requests. Time that runs backwards adds nothing. */
export function takeToken(
  bucket: Bucket | undefined,
  perMinute: number,
  nowMs: number,
): { bucket: Bucket; decision: RateDecision } {
  const before = bucket ?? { tokens: perMinute, atMs: nowMs }
  const refilled = Math.min(perMinute, before.tokens + (Math.max(0, nowMs - before.atMs) * perMinute) / 60_000)
  const allowed = refilled >= 1
  const tokens = allowed ? refilled - 1 : refilled
  return {
    bucket: { tokens, atMs: Math.max(nowMs, before.atMs) },
    decision: { allowed, remaining: Math.floor(tokens), retryAfterS: allowed ? 0 : ((1 - refilled) * 60) / perMinute },
  }
}

/** Token buckets of this process. */
export class MemoryRateLimiter implements RateLimiter {
  readonly #buckets = new Map<string, Bucket>()

  async take(keyId: string, perMinute: number, nowMs: number): Promise<RateDecision> {
    const { bucket, decision } = takeToken(this.#buckets.get(keyId), perMinute, nowMs)
    this.#buckets.delete(keyId)
    this.#buckets.set(keyId, bucket)
    if (this.#buckets.size > RATE_BUCKETS_MAX) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    return decision
  }
}
