import { DurableObject } from 'cloudflare:workers'
import { type Bucket, takeToken } from '../drivers/rate-limiter/token-bucket.ts'
import type { RateDecision } from '../ports/rate-limiter.ts'

/** The token bucket of one API key. Held in memory only: an eviction gives a key that rested its burst back. */
export class RateLimiterObject extends DurableObject {
  #bucket: Bucket | undefined

  take(perMinute: number, nowMs: number): RateDecision {
    const { bucket, decision } = takeToken(this.#bucket, perMinute, nowMs)
    this.#bucket = bucket
    return decision
  }
}
