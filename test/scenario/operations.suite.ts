import { expect, it } from 'vitest'
import { ROUTES } from '../../schemas/routes/all.ts'
import { Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'

/**
 * Goal: whoever runs the edge can see that it runs, what it offers and what went wrong.
 * Method: the open pages, the metrics page, and refusals of every kind.
 */
export function operations(open: OpenEdge) {
  describeEdge('operations', open, (tenant, edge) => {
    it('answers liveness and readiness without a key', async () => {
      expect(await (await edge().fetch('/healthz')).json()).toEqual({ status: 'ok' })
      const ready = await edge().fetch('/readyz')
      expect(ready.status).toBe(200)
      expect(await ready.json()).toMatchObject({ status: 'ready', database: true, blobs: true })
    })

    it('shows metrics of all organisations to the root key and to keys that it made for that, and no names of tenants in them', async () => {
      const { admin } = await tenant()
      await admin.ok('createCube', { body: { content: 'Quokkas smile.' } })
      expect(await problemOf(await edge().fetch('/metrics'))).toMatchObject({ status: 401, code: 'unauthenticated' })
      const root = new Caller(edge(), edge().rootKey)
      expect(await problemOf(await admin.raw('GET', '/metrics'))).toMatchObject({ status: 403, code: 'forbidden' })
      const wider = { name: 'x', scopes: ['metrics:read' as const] }
      expect(await admin.refused('createKey', { body: wider })).toMatchObject({ status: 403, code: 'forbidden' })
      const reader = await root.newKey({ scopes: ['metrics:read'] })
      expect((await reader.raw('GET', '/metrics')).status).toBe(200)
      expect((await admin.ok('listKeys', {})).items[0]?.scopes).not.toContain('metrics:read')
      const page = await root.raw('GET', '/metrics')
      expect(page.headers.get('content-type')).toContain('text/plain')
      const text = await page.text()
      expect(text).toMatch(/memos_requests_total\{route="createCube",status="201"\} [1-9]/)
      expect(text).not.toContain('Quokka')
    })

    it('describes every route in /openapi.json, and no other one under /v1', async () => {
      const document = (await (await edge().fetch('/openapi.json')).json()) as { paths: Record<string, object> }
      const described = Object.entries(document.paths)
        .filter(([path]) => path.startsWith('/v1/'))
        .flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`))
      const bound = Object.values(ROUTES).map((r) => `${r.method} ${r.path.replace(/:(\w+)/g, '{$1}')}`)
      expect(described.toSorted()).toEqual(bound.toSorted())
    })

    it('repeats a harmless request id and replaces any other', async () => {
      const given = await edge().fetch('/healthz', { headers: { 'x-request-id': 'trace.me:1' } })
      expect(given.headers.get('x-request-id')).toBe('trace.me:1')
      const forged = await edge().fetch('/healthz', { headers: { 'x-request-id': 'a b"c' } })
      expect(forged.headers.get('x-request-id')).toMatch(/^[0-9A-Z]{26}$/)
    })

    it('refuses absent, malformed and unknown keys alike', async () => {
      const unknown = `memos_${'0'.repeat(26)}_${'0'.repeat(64)}`
      for (const authorization of ['', 'Basic abc', 'Bearer', 'Bearer x', `Bearer ${unknown}`]) {
        const response = await edge().fetch('/v1/cubes', { headers: { authorization } })
        expect(response.headers.get('www-authenticate')).toBe('Bearer')
        expect(await problemOf(response)).toMatchObject({ status: 401, code: 'unauthenticated' })
      }
    })

    it('says 404 for unknown paths and 405 with Allow for methods that a path does not have', async () => {
      const { admin } = await tenant()
      for (const path of ['/nothing', '/v1/nothing', '/v1/cubes/x/y/z'])
        expect(await problemOf(await admin.raw('GET', path))).toMatchObject({ status: 404, code: 'not_found' })
      for (const [method, path, allow] of [
        ['PUT', '/v1/cubes', 'POST, GET'],
        ['GET', '/v1/search', 'POST'],
        ['DELETE', '/v1/organisations', 'POST, GET'],
      ] as const) {
        const response = await admin.raw(method, path)
        expect(response.headers.get('allow')).toBe(allow)
        expect(await problemOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' })
      }
    })

    it('refuses a root key that acts in an organisation that does not exist', async () => {
      const lost = new Caller(edge(), edge().rootKey, { 'x-memos-org': 'nobody' })
      expect(await lost.refused('listNamespaces', {})).toMatchObject({ status: 404, code: 'not_found' })
    })

    it('lets only the root key see organisations', async () => {
      const { admin, id } = await tenant()
      expect(await admin.refused('listOrganisations', {})).toMatchObject({ code: 'forbidden' })
      expect(await admin.refused('createOrganisation', { body: { name: 'x' } })).toMatchObject({ code: 'forbidden' })
      const root = new Caller(edge(), edge().rootKey)
      const found = new Set<string>()
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: { items: { id: string }[]; nextCursor: string | null } = await root.ok('listOrganisations', {
          query: { limit: 2, ...(cursor === '' ? {} : { cursor }) },
        })
        for (const item of page.items) found.add(item.id)
        cursor = page.nextCursor
      }
      expect(found).toContain(id)
    })
  })
}
