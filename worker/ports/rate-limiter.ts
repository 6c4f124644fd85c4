export interface RateDecision {
  allowed: boolean
  remaining: number
  /** Seconds until one more request fits; 0 when allowed. */
  retryAfterS: number
}

/** Token bucket per API key. */
export interface RateLimiter {
  take(keyId: string, perMinute: number, nowMs: number): Promise<RateDecision>
}
