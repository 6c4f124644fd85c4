/**
 * Goal: the console and the API reference work without any other server, and nothing in them can run code that is not ours.
 * Method: a real server; every file that a page names is fetched, headers and markup are read. Browsers are tried by scripts/pictures.ts.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer } from '../support/process.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const PAGES = ['/', '/docs']
const REFERENCE = /(?:src|href)="([^"]+)"/g

let home: TempDir
let server: ServerProcess
beforeAll(async () => {
  home = await tempDir()
  server = await startServer({ home: home.path })
})
afterAll(async () => {
  await server.stop()
  await home.remove()
})

describe.each(PAGES)('page %s', (path) => {
  it('names only files of this server, and they are there', async () => {
    const html = await (await fetch(`${server.url}${path}`)).text()
    const names = [...html.matchAll(REFERENCE)].map(([, name = '']) => name)
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !name.startsWith('/') || name.startsWith('//'))).toEqual([])
    for (const name of names) expect((await fetch(`${server.url}${name}`)).status, name).toBe(200)
  })

  it('has no script and no event handler in its markup', async () => {
    const html = await (await fetch(`${server.url}${path}`)).text()
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|javascript:|<style/)
  })

  it('comes with headers that forbid foreign code, framing and sniffing', async () => {
    const { headers } = await fetch(`${server.url}${path}`)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("connect-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('is answered with 304 when nothing has changed', async () => {
    const etag = (await fetch(`${server.url}${path}`)).headers.get('etag') ?? ''
    expect(etag).not.toBe('')
    const again = await fetch(`${server.url}${path}`, { headers: { 'if-none-match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })
})

it('modules of the console import only files that are there', async () => {
  const pending = ['/assets/console.js']
  const seen = new Set<string>()
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const response = await fetch(`${server.url}${name}`)
    expect(response.status, name).toBe(200)
    expect(response.headers.get('content-type'), name).toContain('text/javascript')
    seen.add(name)
    for (const [, next = ''] of (await response.text()).matchAll(/from '\.\/([\w-]+\.js)'/g))
      if (!seen.has(`/assets/${next}`)) pending.push(`/assets/${next}`)
  }
  expect(seen.size).toBeGreaterThan(3)
})

it.each([
  '/assets/../../../package.json',
  '/assets/%2e%2e/%2e%2e/package.json',
  '/assets/..%2f..%2f..%2fpackage.json',
  '/assets/nothing.js',
  '/assets/',
])('%s is not found', async (path) => {
  // fetch would tidy the path up before it sends it.
  const { hostname: host, port } = new URL(server.url)
  const [response] = (await once(get({ host, port, path }), 'response')) as [IncomingMessage]
  response.resume()
  expect(response.statusCode).toBe(404)
})

it('the API key never goes into storage that outlives the tab', () => {
  const folder = join(import.meta.dirname, '../../console/public/assets')
  const sources = ['api.js', 'console.js', 'overview.js', 'results.js', 'dom.js'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  )
  expect(
    sources.filter((source) => /localStorage|document\.cookie|indexedDB|innerHTML|insertAdjacentHTML/.test(source)),
  ).toEqual([])
})
