/**
 * Goal: what stands in mip-wire.json is what goes over the wire, on both transports, and both mean the same.
 * Method: a real peer serves a fixed world; the recorded requests are written to raw streams and the bytes that come back are compared. The
 * HTTP client is given the recorded answers and has to ask as recorded; what it reads is compared with the stream's. The HTTP twin answers the
 * recorded requests.
 */

import { peerIdFromString } from '@libp2p/peer-id'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { Hono } from 'hono'
import { beforeAll, describe, expect, it } from 'vitest'
import { cidOf } from '../../protocol/core/cid.ts'
import { toJsonView } from '../../protocol/core/json-view.ts'
import { MipRemoteError } from '../../protocol/core/mip-remote-error.ts'
import { readReceiptOffer, readReconRequest } from '../../protocol/core/wire-codec.ts'
import { FrameBuffer, frameOf } from '../../protocol/host/frame-buffer.ts'
import { FrameStream } from '../../protocol/host/frames.ts'
import { HttpRemote } from '../../protocol/host/http-remote.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'
import { MIP_PROTOCOLS, readFrame, valueOfAnswer } from '../../protocol/host/protocols.ts'
import type { Cid } from '../../schemas/cid.ts'
import { MIP_FRAME_BYTES_MAX } from '../../schemas/limits-mip.ts'
import type { Edge } from '../../worker/interface/edge.ts'
import type { EdgeApp } from '../../worker/interface/http/bind-route.ts'
import { addMipTwin } from '../../worker/interface/mip/mip-twin.ts'
import { MemoryMipSource } from '../support/memory-mip-source.ts'
import { connect, memoryNode } from '../support/mip-nodes.ts'
import wireFile from '../vectors/mip-wire.json' with { type: 'json' }
import { type WireWorld, wireWorld } from './cases/mip-wire.ts'

interface WireVector {
  title: string
  valid: boolean
  reason?: string
  protocol?: string
  request?: string
  requestJson?: unknown
  answer?: string[]
  answerFrames?: Cid[]
  answerJson?: unknown[]
  http?: { request: Record<string, string>; answer: Record<string, string> & { status: number } }
  frame?: string
}
const VECTORS = wireFile as unknown as WireVector[]
const CALLS = VECTORS.filter((vector) => vector.request !== undefined)
const signal = AbortSignal.timeout(25_000)

let world: WireWorld
beforeAll(async () => {
  world = await wireWorld()
})

function filled(): MemoryMipSource {
  const source = new MemoryMipSource()
  source.entries.push(...world.entries)
  source.headBeacon = world.head
  source.ours = world.hello
  source.items = world.items
  source.addBlob(world.object, 'object')
  source.addBlob(world.blob)
  return source
}

async function served() {
  const source = filled()
  const [client, server] = await Promise.all([memoryNode(), memoryNode({ source })])
  await connect(client, server)
  return { client, server }
}

describe('streams', () => {
  it('carry the recorded frames, byte for byte', async () => {
    const { client, server } = await served()
    for (const { title, protocol, request, answer, answerFrames } of CALLS) {
      const stream = await client.libp2p.dialProtocol(peerIdFromString(server.peerId), protocol!)
      const frames = new FrameStream(stream)
      stream.send(hexToBytes(request!))
      const expected = answer ?? answerFrames!
      const found: string[] = []
      while (found.length < expected.length) {
        const frame = frameOf((await frames.read(signal))!)
        found.push(answer ? bytesToHex(frame) : cidOf(frame, 'raw'))
      }
      expect(found, title).toEqual(expected)
      await frames.end(signal)
    }
    expect(new Set(CALLS.map(({ protocol }) => protocol))).toEqual(new Set(Object.values(MIP_PROTOCOLS)))
  })

  it.each(VECTORS.filter((vector) => vector.frame))('refuse $title', ({ frame, reason }) => {
    const read = () => {
      const buffer = new FrameBuffer(MIP_FRAME_BYTES_MAX)
      buffer.push(hexToBytes(frame!))
      const payload = buffer.shift()
      if (!payload) throw new MipRemoteError('cut_short', 'inside a frame')
      return valueOfAnswer(payload)
    }
    expect(read).toThrow(expect.objectContaining({ reason }))
  })

  it('hold the values that stand beside them', () => {
    for (const { request, requestJson, answer, answerJson } of CALLS) {
      expect(toJsonView(readFrame(payloadOf(request!)))).toEqual(requestJson)
      for (const [i, json] of (answerJson ?? []).entries())
        expect(toJsonView(valueOfAnswer(payloadOf(answer![i]!)))).toEqual(json)
    }
  })
})

function payloadOf(frame: string): Uint8Array {
  const buffer = new FrameBuffer(MIP_FRAME_BYTES_MAX)
  buffer.push(hexToBytes(frame))
  return buffer.shift()!
}

describe('HTTP', () => {
  it('says the same as the streams', async () => {
    const { client, server } = await served()
    const streams = client.remote(server.peerId)
    for (const { title, http } of CALLS) {
      if (!http) continue
      const mirror = new HttpRemote({ url: 'https://mirror.example.org', fetch: recorded(http) })
      const ask = asked(http.request)
      expect(await ask(mirror), title).toEqual(withoutHead(title, await ask(streams)))
    }
  })
})

describe('the HTTP twin', () => {
  it('answers as recorded', async () => {
    const app: EdgeApp = new Hono()
    const edge: unknown = {
      mipSource: filled(),
      rateLimiter: { take: async () => ({ allowed: true, retryAfterS: 0 }) },
      runtime: { nowMs: () => 0 },
      logger: { error: () => {} },
    }
    addMipTwin(app, edge as Edge)
    for (const { title, http } of CALLS) {
      if (!http) continue
      const { method, path, body, ...headers } = http.request
      const init = { method: method!, headers, ...(body && { body: Uint8Array.from(hexToBytes(body)) }) }
      const response = await app.request(path!, init)
      const { status, type, 'content-range': range } = http.answer
      expect([response.status, response.headers.get('content-range')], title).toEqual([status, range ?? null])
      if (type === undefined) continue
      expect(response.headers.get('content-type'), title).toBe(type)
      expect(bytesToHex(new Uint8Array(await response.arrayBuffer())), title).toBe(http.answer.body)
    }
  })
})

/** A full page over HTTP never changes, so it does not say where the log ends. */
const withoutHead = (title: string, answer: unknown) =>
  title.includes('a full page') ? { ...(answer as object), head: null } : answer

/** Answers as recorded, if it is asked as recorded. */
const recorded =
  ({ request, answer }: NonNullable<WireVector['http']>) =>
  async (url: URL, init: RequestInit): Promise<Response> => {
    expect([init.method, `${url.pathname}${url.search}`]).toEqual([request.method, request.path])
    const headers = new Headers(init.headers)
    for (const name of ['range', 'content-type']) expect(headers.get(name) ?? undefined).toBe(request[name])
    if (request.body) expect(bytesToHex(init.body as Uint8Array)).toBe(request.body)
    const { status, body, type, 'content-range': range } = answer
    const said = { ...(type && { 'content-type': type }), ...(range && { 'content-range': range }) }
    return new Response(body ? Uint8Array.from(hexToBytes(body)) : null, { status, headers: said })
  }

/** The call of the interface that makes such a request. */
function asked({ path = '', range, body }: Record<string, string>): (remote: MipRemote) => Promise<unknown> {
  const options = { signal }
  const [, kind, name = '', log = '', isHead] = path.split('?')[0]!.split('/').slice(2)
  const query = new URLSearchParams(path.split('?')[1])
  const org = decodeURIComponent(name)
  if (kind === 'hello') return (remote) => remote.hello(options)
  if (kind === 'proof') return (remote) => remote.offerProof(hexToBytes(body!), options)
  if (kind === 'recon') {
    const request = readReconRequest(readFrame(hexToBytes(body!)))
    return (remote) => remote.recon(request, options)
  }
  if (kind === 'receipt') {
    const offer = readReceiptOffer(readFrame(hexToBytes(body!)))
    return (remote) => remote.offerReceipt(offer, options)
  }
  if (kind === 'obj') return async (remote) => [...(await remote.objects([name as Cid], options))]
  if (kind === 'blob') {
    const [first, last] = range!.replace('bytes=', '').split('-').map(Number)
    return (remote) => remote.blobChunk(name as Cid, { offset: first!, length: last! - first! + 1 }, options)
  }
  if (isHead) return (remote) => remote.head({ org, log }, options)
  const from = { epoch: Number(query.get('epoch')), seq: Number(query.get('from')) }
  return (remote) => remote.log({ org, log, from, limit: Number(query.get('limit')) }, options)
}
