import type { MiddlewareHandler } from 'hono'
import { MemosError } from '../../schemas/errors.ts'
import type { Edge } from '../interface/edge.ts'
import type { EdgeVariables } from '../interface/http/bind-route.ts'

/** Who may be served at all: `Authorization: Bearer KEY` (or `Token KEY`), within the key's rate. */
export const authenticate =
  (edge: Edge): MiddlewareHandler<{ Variables: EdgeVariables }> =>
  async (c, next) => {
    const secret = /^(?:Bearer|Token)\s+(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (secret === undefined)
      throw new MemosError('unauthenticated', { field: 'Authorization', expected: 'Bearer and an API key' })
    const principal = await edge.keyRing.authenticate(secret, c.req.header('x-memos-org') ?? null)
    const decision = await edge.rateLimiter.take(principal.keyId, principal.ratePerMinute, edge.runtime.nowMs())
    if (!decision.allowed) throw new MemosError('rate_limited', { retryAfterS: decision.retryAfterS })
    c.set('principal', principal)
    await next()
  }
