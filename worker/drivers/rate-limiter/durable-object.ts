import type { DurableObjectNamespace } from '@cloudflare/workers-types'
import type { RateDecision, RateLimiter } from '../../ports/rate-limiter.ts'

/** What the Durable Object answers; kept apart from its class, which only workerd can load. */
export interface RateLimiterStub {
  take(perMinute: number, nowMs: number): Promise<RateDecision>
}

/** Token buckets in Durable Objects, one per API key: every isolate draws from the same bucket. */
export class DurableObjectRateLimiter implements RateLimiter {
  readonly #objects: DurableObjectNamespace

  constructor(objects: DurableObjectNamespace) {
    this.#objects = objects
  }

  take(keyId: string, perMinute: number, nowMs: number): Promise<RateDecision> {
    const stub = this.#objects.get(this.#objects.idFromName(keyId)) as unknown as RateLimiterStub
    return stub.take(perMinute, nowMs)
  }
}
