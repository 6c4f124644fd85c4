import type { Principal } from './principal.ts'

/** What every operation knows of the request it serves. */
export interface RequestContext {
  principal: Principal
  requestId: string
  nowMs: number
  signal: AbortSignal
  /** Route name; the word of the audit log. */
  operation: string
  /** Present when the caller sent an Idempotency-Key: the write stores the answer in the same batch. */
  idempotencyKey: string | null
}
