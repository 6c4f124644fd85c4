import type { Context } from 'hono'
import { etag } from 'hono/etag'
import { secureHeaders } from 'hono/secure-headers'
import { MemosError } from '../../schemas/errors.ts'
import { authenticate } from '../middleware/authenticate.ts'
import type { Edge } from './edge.ts'
import type { EdgeApp, EdgeVariables } from './http/bind-route.ts'

/** What the host serves besides the API. */
export interface Pages {
  /** OpenAPI 3.1 document. */
  openApi(): object
  /** Static file of the console by path, or null. */
  asset(path: string, request: Request): Promise<Response | null>
  /** Whether the parts that requests depend on answer. */
  ready(): Promise<{ database: boolean; blobs: boolean }>
}

const STATIC_PATHS = ['/', '/docs', '/robots.txt', '/assets/*']

/** Pages hold an API key in memory, so they run no code and ask no server but their own. */
const PAGE_HEADERS = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    // The API reference writes style attributes into its markup. Styles alone cannot send a key anywhere: no other origin is allowed.
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // Whether a host is to be reached by TLS only is for its proxy to say, not for a page on it.
  strictTransportSecurity: false,
})

/** How long one answer of /readyz holds. */
const READY_MS = 2000

/** Health, metrics, API description and console. Only what says nothing about anybody is open. */
export function addPages(app: EdgeApp, edge: Edge, pages: Pages): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  // Open to anybody, so what it costs is bounded: one look at database and blobs serves everyone for a while.
  let looked: { atMs: number; parts: Promise<{ database: boolean; blobs: boolean }> } | null = null
  app.get('/readyz', async (c) => {
    const now = edge.runtime.nowMs()
    if (looked === null || now - looked.atMs > READY_MS) looked = { atMs: now, parts: pages.ready() }
    const parts = await looked.parts
    const isReady = Object.values(parts).every(Boolean)
    return c.json({ status: isReady ? 'ready' : 'not_ready', version: edge.version, ...parts }, isReady ? 200 : 503)
  })
  app.get('/metrics', authenticate(edge), (c) => {
    c.set('operation', 'metrics')
    // The counts are those of the whole process, of all its organisations: the scope comes from the root key, and no organisation starts with it.
    if (!c.get('principal').scopes.has('metrics:read'))
      throw new MemosError('forbidden', { detail: 'The key lacks the scope metrics:read.' })
    return c.text(edge.metrics.text(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
  })
  app.get('/openapi.json', (c) => c.json(pages.openApi()))
  for (const path of STATIC_PATHS) app.use(path, PAGE_HEADERS, etag())
  const serve = async (c: Context<{ Variables: EdgeVariables }>, path: string): Promise<Response> => {
    const file = await pages.asset(path, c.req.raw)
    if (file === null) return c.notFound()
    // Made anew because what a platform's file server answers cannot be given headers. Always asked for again: a page of the version before
    // would meet an API of this one.
    const answer = new Response(file.body, file)
    answer.headers.set('cache-control', 'no-cache')
    return answer
  }
  app.get('/', (c) => serve(c, '/index.html'))
  app.get('/docs', (c) => serve(c, '/docs.html'))
  app.get('/robots.txt', (c) => serve(c, c.req.path))
  app.get('/assets/*', (c) => serve(c, c.req.path))
}
