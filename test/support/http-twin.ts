import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { encodeHello, encodeLogPage, encodeProofAnswer, encodeSigned } from '../../protocol/core/wire-codec.ts'
import type { MipServeOptions, MipSource } from '../../protocol/host/mip-source.ts'
import type { Cid } from '../../schemas/cid.ts'

/** Serves a source as the HTTP twin does, on loopback; the address of it. */
export async function httpTwin(source: MipSource): Promise<string> {
  const server = createServer((request, response) => {
    answer(source, request, response).catch(() => response.writeHead(500).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function answer(source: MipSource, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://twin')
  const [, , , kind, first = '', second = '', last] = pathname.split('/').map(decodeURIComponent)
  const options: MipServeOptions = { caller: { transport: 'http' }, signal: AbortSignal.timeout(10_000) }
  const send = (bytes: Uint8Array | null | undefined) => (bytes ? response.end(bytes) : response.writeHead(404).end())
  if (kind === 'hello') send(encodeHello(await source.hello(null, options)))
  else if (kind === 'obj') send((await source.objects([first as Cid], options))[0])
  else if (kind === 'blob') await sendBlob(source, first as Cid, request, response, options)
  else if (kind === 'proof') send(encodeProofAnswer(await source.offerProof(await bodyOf(request), options)))
  else if (kind === 'log' && last === 'head') {
    const head = await source.head({ org: first, log: second }, options)
    send(head && encodeSigned(head))
  } else if (kind === 'log') {
    const number = (name: string) => Number(searchParams.get(name))
    const from = { epoch: number('epoch'), seq: number('from') }
    const page = await source.readLog({ org: first, log: second, from, limit: number('limit') }, options)
    send(page && encodeLogPage(page))
  } else send(null)
}

async function sendBlob(
  source: MipSource,
  cid: Cid,
  request: IncomingMessage,
  response: ServerResponse,
  options: MipServeOptions,
): Promise<void> {
  const [, start = '0', end = '0'] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
  const offset = Number(start)
  const part = await source.blob(cid, { offset, length: Number(end) - offset + 1 }, options)
  if (!part) response.writeHead(404).end()
  else if (offset >= part.size) response.writeHead(416, { 'content-range': `bytes */${part.size}` }).end()
  else {
    const last = offset + part.bytes.length - 1
    response.writeHead(206, { 'content-range': `bytes ${start}-${last}/${part.size}` }).end(part.bytes)
  }
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return new Uint8Array(Buffer.concat(pieces))
}
