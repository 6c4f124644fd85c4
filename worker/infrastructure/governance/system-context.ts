import { RATE_PER_MINUTE_MAX } from '../../../schemas/limits.ts'
import { SCOPES } from '../../../schemas/vocabulary.ts'
import { SYSTEM_CALLER } from '../../ports/principal.ts'
import type { RequestContext } from '../../ports/request-context.ts'

/** The context in which background work acts on an organisation's own behalf. */
export const systemContext = (
  orgId: string,
  operation: string,
  nowMs: number,
  signal: AbortSignal,
): RequestContext => ({
  principal: {
    keyId: SYSTEM_CALLER,
    orgId,
    scopes: new Set(SCOPES),
    subject: null,
    namespaces: null,
    clearance: 'secret',
    purposes: null,
    tasks: null,
    purpose: null,
    task: null,
    atMs: nowMs,
    ratePerMinute: RATE_PER_MINUTE_MAX,
    expiresAtMs: null,
    root: false,
  },
  requestId: `system-${operation}`,
  nowMs,
  signal,
  operation,
  idempotencyKey: null,
})
