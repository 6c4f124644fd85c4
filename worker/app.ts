import { Hono } from 'hono'
import { MemosError } from '../schemas/errors.ts'
import type { Route } from '../schemas/route.ts'
import { ROUTES } from '../schemas/routes/all.ts'
import type { Edge } from './interface/edge.ts'
import { HANDLERS } from './interface/handlers/all.ts'
import { bindRoute, type EdgeApp, type EdgeVariables, type Handler } from './interface/http/bind-route.ts'
import { isOpenAiPath, openAiErrorResponse } from './interface/http/openai-error.ts'
import { problemResponse } from './interface/http/problem.ts'
import { addMipTwin } from './interface/mip/mip-twin.ts'
import { addNodeDoors } from './interface/nodes/node-doors.ts'
import { addPages, type Pages } from './interface/pages.ts'
import { authenticate } from './middleware/authenticate.ts'
import { requestFrame } from './middleware/request-frame.ts'

/** The one application of both hosts. Everything that differs between them arrives in `edge` and `pages`. */
export function createApp(edge: Edge, pages: Pages): EdgeApp {
  const app: EdgeApp = new Hono<{ Variables: EdgeVariables }>()
  app.use(requestFrame(edge))
  app.onError((error, c) => {
    const known = error instanceof MemosError ? error : unexpected(edge, error, c.get('requestId'))
    const principal = c.get('principal')
    if (principal !== undefined && known.status < 500) {
      const context = {
        principal,
        requestId: c.get('requestId'),
        nowMs: edge.runtime.nowMs(),
        signal: c.req.raw.signal,
        operation: c.get('operation'),
        idempotencyKey: null,
      }
      edge.activity.record({ context, outcome: known.code, metric: null, audited: true })
    }
    return (isOpenAiPath(c.req.path) ? openAiErrorResponse : problemResponse)(known, c.get('requestId'))
  })
  app.notFound((c) => problemResponse(new MemosError('not_found'), c.get('requestId')))
  addPages(app, edge, pages)
  addMipTwin(app, edge)
  addNodeDoors(app, edge)
  app.use('/v1/*', authenticate(edge))
  for (const [name, route] of Object.entries(ROUTES)) {
    bindRoute(app, edge, name, route as Route, HANDLERS[name as keyof typeof HANDLERS] as unknown as Handler<Route>)
  }
  refuseOtherMethods(app)
  return app
}

/** A path that exists answers 405 with `Allow` (RFC 9110, section 15.5.6) to a method that it does not have. Comes after every route. */
function refuseOtherMethods(app: EdgeApp): void {
  const byPath = Map.groupBy(Object.values(ROUTES), (route) => route.path)
  for (const [path, routes] of byPath) {
    const allow = routes.map((route) => route.method.toUpperCase()).join(', ')
    app.all(path, (c) => {
      const response = problemResponse(new MemosError('method_not_allowed', { expected: allow }), c.get('requestId'))
      response.headers.set('allow', allow)
      return response
    })
  }
}

/** Whatever was not foreseen: the log gets the kind of error and where it arose, the caller a request id. */
function unexpected(edge: Edge, error: Error, requestId: string): MemosError {
  const cause = error.cause instanceof MemosError ? error.cause : null
  if (cause !== null) return cause
  const where =
    error.stack
      ?.split('\n')
      .find((line) => line.trimStart().startsWith('at '))
      ?.trim() ?? null
  edge.logger.error('unexpected_error', {
    requestId,
    name: error.name,
    cause: error.cause instanceof Error ? error.cause.name : null,
    where,
  })
  return new MemosError('internal', {}, { cause: error })
}
