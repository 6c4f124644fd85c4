import { randomBytes } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { HELLO, LOG, MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { cidOf } from '../core/cid.ts'
import type { MipRemoteError } from '../core/mip-remote-error.ts'
import { encodeHello, encodeLogPage, encodeProofAnswer, encodeSigned } from '../core/wire-codec.ts'
import type { SignedBytes } from '../core/wire-types.ts'
import { HttpRemote } from './http-remote.ts'

const signal = AbortSignal.timeout(120_000)
const from = { epoch: 0, seq: 0 }
const BEACON: SignedBytes = [Uint8Array.of(1, 2, 3), new Uint8Array(64).fill(9)]
const URL_OF_LOG = `/mip/v1/log/${encodeURIComponent(LOG.org)}/main`

/** A server that answers each path with these bytes, or as a function says. */
async function serving(paths: Record<string, Uint8Array | RequestListener>) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const answer = paths[request.url ?? '']
    if (answer instanceof Uint8Array) response.end(answer)
    else if (answer) answer(request, response)
    else response.writeHead(404).end('nothing')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { asked, remote: new HttpRemote({ url: `http://127.0.0.1:${port}`, fetch, allowPrivate: true }) }
}

const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (cause: MipRemoteError) => cause.reason ?? cause.message,
  )

const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(code, headers).end('x')

describe('HttpRemote', () => {
  it('asks past caches where it is told to, and else lets them answer', async () => {
    const asked: (string | undefined)[] = []
    const page = encodeLogPage({ entries: [], head: null })
    const { remote } = await serving({
      [`${URL_OF_LOG}?epoch=0&from=0&limit=64`]: ({ headers }, response) => {
        asked.push(headers['cache-control'])
        response.end(page)
      },
    })
    const range = { ...LOG, from, limit: 64 }
    await remote.log(range, { signal, isFresh: true })
    await remote.log(range, { signal })
    expect(asked).toEqual(['no-cache', undefined])
  })

  it('reads hello, log, head and objects, and null where there is nothing', async () => {
    const source = new MemoryMipSource().fill(3)
    const object = randomBytes(100)
    const cid = cidOf(object, 'object')
    const { remote, asked } = await serving({
      '/mip/v1/hello': encodeHello(HELLO),
      [`${URL_OF_LOG}?epoch=0&from=0&limit=64`]: encodeLogPage({ entries: source.entries, head: BEACON }),
      [`${URL_OF_LOG}/head`]: encodeSigned(BEACON),
      [`/mip/v1/obj/${cid}`]: object,
      '/mip/v1/proof': (request, response) =>
        request.resume().on('end', () => response.end(encodeProofAnswer('known'))),
    })
    expect(await remote.hello({ signal })).toEqual(HELLO)
    expect(await remote.log({ ...LOG, from, limit: 64 }, { signal })).toEqual({ entries: source.entries, head: BEACON })
    expect(await remote.head(LOG, { signal })).toEqual(BEACON)
    expect(await remote.head({ ...LOG, log: 'other' }, { signal })).toBeNull()
    const missing = cidOf(Uint8Array.of(1), 'object')
    expect([...(await remote.objects([cid, missing, cid], { signal })).keys()]).toEqual([cid])
    expect(await remote.offerProof(Uint8Array.of(1), { signal })).toBe('known')
    expect(asked).toContain('POST /mip/v1/proof')
  })

  it('reads a part of a blob, also from a mirror that knows no ranges', async () => {
    const blob = randomBytes(1000)
    const cid = cidOf(blob, 'raw')
    const ranged: RequestListener = (request, response) => {
      const [, start = '', end = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      if (Number(start) >= 1000) return response.writeHead(416, { 'content-range': 'bytes */1000' }).end()
      const last = Math.min(999, Number(end))
      response.writeHead(206, { 'content-range': `bytes ${start}-${last}/1000` })
      return response.end(blob.subarray(Number(start), last + 1))
    }
    for (const answer of [ranged, blob]) {
      const { remote } = await serving({ [`/mip/v1/blob/${cid}`]: answer })
      const part = await remote.blobChunk(cid, { offset: 900, length: 500 }, { signal })
      expect(part).toEqual({ size: 1000, bytes: Uint8Array.from(blob.subarray(900)) })
      expect((await remote.blobChunk(cid, { offset: 2000, length: 5 }, { signal }))?.bytes).toHaveLength(0)
    }
  })

  it.each<[string, string, RequestListener | Uint8Array]>([
    ['a redirect', 'refused_url', status(302, { location: 'http://127.0.0.1/' })],
    ['a redirect for good', 'refused_url', status(308, { location: 'https://elsewhere.memos.dev/' })],
    ['too many requests', 'rate_limited', status(429, { 'retry-after': '7' })],
    ['busy', 'busy', status(503)],
    ['an error', 'internal', status(500)],
    ['a login', 'internal', status(401)],
    ['a page of HTML', 'bad_answer', Buffer.from('<html></html>')],
    ['nothing', 'bad_answer', new Uint8Array()],
    ['a length beyond the bound', 'too_large', status(200, { 'content-length': '99999999' })],
    [
      'a body without an end',
      'too_large',
      (_, response) => {
        const more = () => response.writable && response.write(Buffer.alloc(65_536), () => setImmediate(more))
        more()
      },
    ],
    ['a body that is cut', 'unreachable', (_, response) => response.write('x', () => response.destroy())],
    ['another epoch of HTTP', 'unreachable', (_, response) => response.socket?.end('BOO\r\n\r\n')],
  ])('to %s says %s', async (_, reason, answer) => {
    const { remote } = await serving({ '/mip/v1/hello': answer })
    expect(await reasonOf(remote.hello({ signal }))).toBe(reason)
  })

  it('tells when to come back', async () => {
    const { remote } = await serving({ '/mip/v1/hello': status(429, { 'retry-after': '7' }) })
    await expect(remote.hello({ signal })).rejects.toMatchObject({ retryAfterMs: 7000 })
  })

  it('refuses objects that are not what their CID names', async () => {
    const cid = cidOf(Uint8Array.of(1), 'object')
    const { remote } = await serving({ [`/mip/v1/obj/${cid}`]: Uint8Array.of(2) })
    expect(await reasonOf(remote.objects([cid], { signal }))).toBe('wrong_bytes')
  })

  it('ends with its signal, also when fetch does not listen to it', async () => {
    const remote = new HttpRemote({ url: 'https://mirror.memos.dev', fetch: () => new Promise(() => {}) })
    const abort = new AbortController()
    const call = remote.hello({ signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
  })

  it('opens no private address: not as written, not where a name leads', async () => {
    let fetched = 0
    const counting = async () => {
      fetched += 1
      return new Response(encodeHello(HELLO).slice())
    }
    expect(() => new HttpRemote({ url: 'https://127.0.0.1', fetch: counting })).toThrow('refused_url')
    const remote = (addresses: string[]) =>
      new HttpRemote({ url: 'https://mirror.memos.dev/base/', fetch: counting, lookup: async () => addresses })
    expect(await reasonOf(remote(['10.0.0.1']).hello({ signal }))).toBe('refused_url')
    expect(fetched).toBe(0)
    expect(await remote(['1.1.1.1']).hello({ signal })).toEqual(HELLO)
    expect(fetched).toBe(1)
  })
})
