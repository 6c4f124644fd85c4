import type { MiddlewareHandler } from 'hono'
import { MemosError } from '../../schemas/errors.ts'
import { REQUESTS_IN_FLIGHT_MAX } from '../../schemas/limits.ts'
import { ulid } from '../../schemas/ulid.ts'
import type { Edge } from '../interface/edge.ts'
import type { EdgeVariables } from '../interface/http/bind-route.ts'

/** A caller's own id is kept when it is harmless in a log line. */
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/

/** Gives each request an id, sheds load, counts, measures and logs. Log lines hold the route's name, never a query or a body. */
export const requestFrame =
  (edge: Edge): MiddlewareHandler<{ Variables: EdgeVariables }> =>
  async (c, next) => {
    const given = c.req.header('x-request-id')
    const startedMs = performance.now()
    c.set(
      'requestId',
      given !== undefined && REQUEST_ID.test(given) ? given : ulid(edge.runtime.nowMs(), edge.runtime.randomBytes),
    )
    c.set('operation', 'unknown')
    // A probe that is shed under load would have a busy server restarted.
    if (edge.metrics.inFlight >= REQUESTS_IN_FLIGHT_MAX && c.req.path !== '/healthz')
      throw new MemosError('overloaded', { retryAfterS: 1 })
    edge.metrics.inFlight += 1
    try {
      await next()
    } finally {
      edge.metrics.inFlight -= 1
      const ms = performance.now() - startedMs
      edge.metrics.request(c.get('operation'), c.res.status, ms / 1000)
      c.res.headers.set('x-request-id', c.get('requestId'))
      if (c.res.status >= 500 || edge.logRequests) {
        edge.logger.info('request', {
          requestId: c.get('requestId'),
          operation: c.get('operation'),
          method: c.req.method,
          status: c.res.status,
          ms: Math.round(ms * 10) / 10,
        })
      }
    }
  }
