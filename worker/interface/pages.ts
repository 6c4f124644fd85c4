import { MemosError } from '../../schemas/errors.ts'
import { authenticate } from '../middleware/authenticate.ts'
import type { Edge } from './edge.ts'
import type { EdgeApp } from './http/bind-route.ts'

/** What the host serves besides the API. */
export interface Pages {
  /** OpenAPI 3.1 document. */
  openApi(): object
  /** Static file of the console by path, or null. */
  asset(path: string, request: Request): Promise<Response | null>
  /** Whether the parts that requests depend on answer. */
  ready(): Promise<{ database: boolean; blobs: boolean }>
}

/** Health, metrics, API description and console. Only what says nothing about anybody is open. */
export function addPages(app: EdgeApp, edge: Edge, pages: Pages): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    const parts = await pages.ready()
    const isReady = Object.values(parts).every(Boolean)
    return c.json({ status: isReady ? 'ready' : 'not_ready', version: edge.version, ...parts }, isReady ? 200 : 503)
  })
  app.get('/metrics', authenticate(edge), (c) => {
    c.set('operation', 'metrics')
    if (!c.get('principal').scopes.has('metrics:read'))
      throw new MemosError('forbidden', { detail: 'The key lacks the scope metrics:read.' })
    return c.text(edge.metrics.text(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
  })
  app.get('/openapi.json', (c) => c.json(pages.openApi()))
  app.get('/docs', async (c) => (await pages.asset('/docs.html', c.req.raw)) ?? c.notFound())
  app.get('/', async (c) => (await pages.asset('/index.html', c.req.raw)) ?? c.notFound())
  app.get('/assets/*', async (c) => (await pages.asset(c.req.path, c.req.raw)) ?? c.notFound())
}
