/**
 * Goal: every stream protocol works between two peers, and what either side does wrong ends the call, not the peer.
 * Method: real libp2p nodes in one process (memory transport, noise, yamux); raw streams where a peer misbehaves.
 */
import { randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { MIP_LOG_PAGE_ENTRIES_MAX } from '../../schemas/limits-mip.ts'
import { HELLO, LOG, MemoryMipSource, ORG } from '../../test/support/memory-mip-source.ts'
import { connect, memoryNode, until } from '../../test/support/mip-nodes.ts'
import { cidOf } from '../core/cid.ts'
import type { MipRemoteError } from '../core/mip-remote-error.ts'
import type { SignedBytes } from '../core/wire-types.ts'
import { frameOf } from './frame-buffer.ts'
import { FrameStream } from './frames.ts'
import type { MipNodeInit } from './node.ts'
import { MIP_PROTOCOLS, readFrame, writeFrame } from './protocols.ts'

const signal = AbortSignal.timeout(120_000)
const from = { epoch: 0, seq: 0 }
const BEACON: SignedBytes = [Uint8Array.of(1, 2, 3), new Uint8Array(64).fill(9)]

async function pair(init: Partial<MipNodeInit> = {}) {
  const source = new MemoryMipSource()
  const [client, server] = await Promise.all([memoryNode(), memoryNode({ source, ...init })])
  await connect(client, server)
  const peer = peerIdFromString(server.peerId)
  return { source, client, server, remote: client.remote(server.peerId), peer }
}

const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (cause: MipRemoteError) => cause.reason ?? cause.message,
  )

describe('calls', () => {
  it('hello: each side hears what the other says', async () => {
    const { source, client, remote } = await pair()
    source.ours = { ...HELLO, heads: [BEACON], delegation: BEACON, fingerprints: [new Uint8Array(32)] }
    expect(await remote.hello({ signal })).toEqual(source.ours)
    expect(source.hellos).toEqual([HELLO])
    expect(client.peerId).not.toBe(remote.name)
  })

  it('hello: a delegation is judged by the PeerId of the connection, and a lie is told by its name', async () => {
    const [ours, theirs] = [new MemoryMipSource(), new MemoryMipSource()]
    ours.ours = { ...HELLO, delegation: BEACON }
    const [client, server] = await Promise.all([memoryNode({ source: ours }), memoryNode({ source: theirs })])
    await connect(client, server)
    const remote = client.remote(server.peerId)
    expect(await remote.hello({ signal })).toEqual(HELLO)
    expect(theirs.presentations).toEqual([{ delegation: BEACON, peerId: client.peerId }])
    theirs.judged = { outcome: 'refused', reason: 'delegation_broken' }
    expect(await reasonOf(remote.hello({ signal }))).toBe('bad_delegation')
    ours.ours = HELLO
    expect(await remote.hello({ signal })).toEqual(HELLO)
  })

  it('log: pages, the head, and null for a log that is not served', async () => {
    const { source, remote } = await pair()
    source.fill(100)
    source.headBeacon = BEACON
    const page = await remote.log({ ...LOG, from: { epoch: 0, seq: 60 }, limit: 64 }, { signal })
    expect(page?.entries).toEqual(source.entries.slice(60))
    expect(page?.head).toEqual(BEACON)
    expect(await remote.head(LOG, { signal })).toEqual(BEACON)
    expect(await remote.log({ org: ORG, log: 'other', from, limit: 1 }, { signal })).toBeNull()
    expect(await remote.head({ org: ORG, log: 'other' }, { signal })).toBeNull()
  })

  it('objects: more than one call and one frame take, missing ones left out', async () => {
    const { source, remote } = await pair()
    const cids = Array.from({ length: 300 }, () => source.addBlob(randomBytes(20_000), 'object'))
    const missing = cidOf(Uint8Array.of(1), 'object')
    const found = await remote.objects([...cids, missing, cids[0]!], { signal })
    expect([...found.keys()]).toEqual(cids)
    expect(isSame(found.get(cids[299]!), source.blobs.get(cids[299]!))).toBe(true)
    expect(source.calls.filter((call) => call === 'objects')).toHaveLength(2)
  })

  it('blob: parts over several frames, the end, beyond the end, and a missing one', async () => {
    const { source, remote } = await pair()
    const bytes = randomBytes(1_000_000)
    const cid = source.addBlob(bytes)
    const whole = await remote.blobChunk(cid, { offset: 0, length: 4 << 20 }, { signal })
    expect([whole?.size, isSame(whole?.bytes, bytes)]).toEqual([bytes.length, true])
    const tail = await remote.blobChunk(cid, { offset: 999_990, length: 100 }, { signal })
    expect(tail?.bytes).toEqual(Uint8Array.from(bytes.subarray(999_990)))
    expect((await remote.blobChunk(cid, { offset: 2_000_000, length: 5 }, { signal }))?.bytes).toHaveLength(0)
    expect(await remote.blobChunk(cidOf(Uint8Array.of(1), 'raw'), { offset: 0, length: 1 }, { signal })).toBeNull()
  })

  it('proof: is handed to the source', async () => {
    const { source, remote } = await pair()
    expect(await remote.offerProof(Uint8Array.of(5), { signal })).toBe('accepted')
    expect(source.proofs).toEqual([Uint8Array.of(5)])
  })

  it('reuse their stream, and survive that the other side closed it', async () => {
    const { source, client, remote, peer } = await pair()
    source.headBeacon = BEACON
    for (let i = 0; i < 20; i++) await remote.head(LOG, { signal })
    const streams = () => client.libp2p.getConnections(peer).flatMap(({ streams }) => streams.filter(isLog))
    expect(streams()).toHaveLength(1)
    for (const stream of streams()) stream.abort(new Error('test'))
    expect(await remote.head(LOG, { signal })).toEqual(BEACON)
  })

  it('wait for their turn instead of being refused', async () => {
    const { source, remote } = await pair()
    source.fill(10)
    let running = 0
    let most = 0
    source.before = async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 20))
      running -= 1
    }
    await Promise.all(Array.from({ length: 12 }, () => remote.log({ ...LOG, from, limit: 1 }, { signal })))
    expect(most).toBe(2)
  })
})

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined) => a && b && Buffer.compare(a, b) === 0

const isLog = (stream: Stream) => stream.protocol === MIP_PROTOCOLS.log

describe('failures', () => {
  it('of the source become `internal`, the cause stays here, and the stream goes on', async () => {
    const errors: unknown[] = []
    const { source, remote } = await pair({ onError: (error) => errors.push(error) })
    source.before = () => Promise.reject(new Error('a secret path'))
    expect(await reasonOf(remote.head(LOG, { signal }))).toBe('internal')
    source.before = async () => {}
    expect(await remote.head(LOG, { signal })).toBeNull()
    expect(String(errors)).toContain('a secret path')
  })

  it('abort ends a call at once, and frees its place', async () => {
    const { source, remote } = await pair()
    source.headBeacon = BEACON
    source.before = () => new Promise(() => {})
    for (let i = 0; i < 3; i++) {
      const abort = new AbortController()
      const call = remote.head(LOG, { signal: abort.signal })
      setTimeout(() => abort.abort(new Error('enough')), 50)
      await expect(call).rejects.toThrow('enough')
    }
    await expect(remote.head(LOG, { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow('never')
  })

  it('a peer that nobody knows is unreachable', async () => {
    const { client, server } = await pair()
    await server.close()
    await until(() => client.peers().length === 0)
    expect(await reasonOf(client.remote(server.peerId).hello({ signal }))).toBe('unreachable')
  })

  it('bytes that are not what their CID names are refused', async () => {
    const { source, remote } = await pair()
    const [object, blob] = [cidOf(Uint8Array.of(1), 'object'), cidOf(Uint8Array.of(1), 'raw')]
    source.blobs.set(object, Uint8Array.of(2)).set(blob, Uint8Array.of(2))
    expect(await reasonOf(remote.objects([object], { signal }))).toBe('wrong_bytes')
    expect(await reasonOf(remote.blobChunk(blob, { offset: 0, length: 10 }, { signal }))).toBe('wrong_bytes')
  })

  it('rate: an empty bucket is waited for; a long wait is not', async () => {
    const { source, remote } = await pair({ limits: { callsPerSecond: 20, proofsPerMinute: 1 } })
    source.headBeacon = BEACON
    const heads = await Promise.all(Array.from({ length: 45 }, () => remote.head(LOG, { signal })))
    expect(heads).toEqual(Array.from({ length: 45 }, () => BEACON))
    await remote.offerProof(Uint8Array.of(1), { signal })
    expect(await reasonOf(remote.offerProof(Uint8Array.of(1), { signal }))).toBe('rate_limited')
  })
})

describe('a server', () => {
  const open = async (protocol: keyof typeof MIP_PROTOCOLS = 'log') => {
    const { client, peer, source } = await pair()
    const stream = await client.libp2p.dialProtocol(peer, MIP_PROTOCOLS[protocol])
    return { stream, frames: new FrameStream(stream), source, remote: client.remote(peer.toString()) }
  }

  it.each([
    ['no MIP-CBOR', Uint8Array.of(0xff, 0x01)],
    ['a float', Uint8Array.of(0xfb, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['another shape', writeFrame({ org: 1 })],
    ['a list', writeFrame([1, 2])],
    ['a limit out of range', writeFrame({ ...LOG, from, limit: MIP_LOG_PAGE_ENTRIES_MAX + 1 })],
    ['a position below zero', writeFrame({ ...LOG, from: { epoch: -1, seq: 0 }, limit: 1 })],
  ])('answers `bad_request` to %s, and goes on', async (_, request) => {
    const { frames, source } = await open()
    source.headBeacon = BEACON
    await frames.write(request, signal)
    expect(readFrame((await frames.read(signal))!)).toEqual({ error: 'bad_request' })
    await frames.write(writeFrame({ ...LOG }), signal)
    expect(readFrame((await frames.read(signal))!)).toHaveProperty('ok')
  })

  it.each([
    ['a frame beyond the bound of a request', frameOf(new Uint8Array(300_000))],
    ['a length of 200 MiB', Uint8Array.of(0x80, 0x80, 0x80, 0x64)],
    ['garbage', new Uint8Array(64).fill(0xff)],
  ])('resets a stream with %s, and serves the next one', async (_, sent) => {
    const { stream, frames, remote } = await open()
    stream.send(sent)
    expect(await reasonOf(frames.read(signal))).toBe('cut_short')
    expect(await remote.head(LOG, { signal })).toBeNull()
  })

  it('resets a stream that ends inside a frame', async () => {
    const { stream, frames, source } = await open()
    stream.send(frameOf(writeFrame({ ...LOG })).subarray(0, 20))
    await stream.close()
    expect(await reasonOf(frames.read(signal))).toBe('cut_short')
    expect(source.calls).toEqual([])
  })

  it('closes a stream when the caller does', async () => {
    const { frames } = await open('hello')
    await frames.end(signal)
    expect(await frames.read(signal)).toBeNull()
  })
})

describe('a client', () => {
  /** A peer that answers calls to the log with these bytes, and then closes. */
  const answering = async (...sent: Uint8Array[]) => {
    const { client, server, remote } = await pair()
    await server.libp2p.unhandle(MIP_PROTOCOLS.log)
    await server.libp2p.handle(MIP_PROTOCOLS.log, async (stream) => {
      const frames = new FrameStream(stream)
      await frames.read(signal)
      for (const bytes of sent) stream.send(bytes)
      await frames.end(signal)
    })
    expect(client.peers()).toContain(server.peerId)
    return reasonOf(remote.log({ ...LOG, from, limit: 1 }, { signal }))
  }
  const page = writeFrame({ ok: { entries: [], head: null } })

  it.each<[string, string, Uint8Array[]]>([
    ['a frame that is cut', 'cut_short', [frameOf(page).subarray(0, 10)]],
    ['no frame at all', 'cut_short', []],
    ['a frame of more than 4 MiB', 'too_large', [frameOf(new Uint8Array((4 << 20) + 1))]],
    ['bytes that are no MIP-CBOR', 'bad_answer', [frameOf(new Uint8Array(50).fill(0xff))]],
    ['another shape', 'bad_answer', [frameOf(writeFrame({ ok: { entries: 5, head: null } }))]],
    ['more entries than asked for', 'bad_answer', [frameOf(twoEntries())]],
    ['a reason that is unknown here', 'internal', [frameOf(writeFrame({ error: 'out_of_tea' }))]],
    ['a page', 'no error', [frameOf(page)]],
  ])('that is sent %s says so', async (_, reason, sent) => {
    expect(await answering(...sent)).toBe(reason)
  })

  it('takes a frame of nearly 4 MiB', async () => {
    const { client, server, peer } = await pair()
    const payload = randomBytes((4 << 20) - 10)
    await server.libp2p.handle('/test/1', (stream) => new FrameStream(stream).write(payload, signal))
    const frames = new FrameStream(await client.libp2p.dialProtocol(peer, '/test/1'))
    expect((await frames.read(signal))?.length).toBe(payload.length)
  })
})

describe('a writer', () => {
  /** A stream whose reader stopped reading. */
  const stalled = async () => {
    const { client, server, peer } = await pair()
    const { promise, resolve } = Promise.withResolvers<Stream>()
    await server.libp2p.handle('/test/1', (stream) => {
      stream.pause()
      resolve(stream)
    })
    const frames = new FrameStream(await client.libp2p.dialProtocol(peer, '/test/1'))
    return { frames, reader: await promise }
  }
  const frame = new Uint8Array(500_000)

  it('waits for its reader, each time anew, and goes on when it reads', async () => {
    const { frames, reader } = await stalled()
    let written = 0
    const writing = (async () => {
      for (; written < 20; written++) await frames.write(frame, signal)
    })()
    await new Promise((resolve) => setTimeout(resolve, 200))
    const before = written
    expect(before).toBeLessThan(8)
    let read = 0
    reader.addEventListener('message', ({ data }) => {
      read += data.byteLength
    })
    reader.resume()
    await writing
    await until(() => read > 20 * frame.length)
  })

  it('that waits is ended by its signal, and by the other side', async () => {
    const write = async (frames: FrameStream, until: AbortSignal) => {
      for (;;) await frames.write(frame, until)
    }
    const first = await stalled()
    const abort = new AbortController()
    setTimeout(() => abort.abort(new Error('enough')), 100)
    await expect(write(first.frames, abort.signal)).rejects.toThrow('enough')
    const second = await stalled()
    setTimeout(() => second.reader.abort(new Error('gone')), 100)
    expect(await reasonOf(write(second.frames, signal))).toBe('cut_short')
  })
})

function twoEntries(): Uint8Array {
  const entry = [new Uint8Array(8), new Uint8Array(64)]
  return writeFrame({ ok: { entries: [entry, entry], head: null } })
}
