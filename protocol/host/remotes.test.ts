/**
 * Goal: whoever follows a log sees no difference between a peer and a mirror.
 * Method: one source, asked over libp2p streams and over HTTP, with the same expectations.
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { httpTwin } from '../../test/support/http-twin.ts'
import { HELLO, LOG, MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { connect, memoryNode } from '../../test/support/mip-nodes.ts'
import { cidOf } from '../core/cid.ts'
import type { SignedBytes } from '../core/wire-types.ts'
import { HttpRemote } from './http-remote.ts'
import { lookupHost } from './lookup-host.ts'
import type { MipRemote } from './mip-remote.ts'
import { checkResolved } from './mirror-url.ts'

const options = { signal: AbortSignal.timeout(120_000) }
const BEACON: SignedBytes = [Uint8Array.of(1, 2, 3), new Uint8Array(64).fill(9)]
const bytesOf = (length: number) => new Uint8Array(randomBytes(length))

const REMOTES: Record<string, (source: MemoryMipSource) => Promise<MipRemote>> = {
  'a peer': async (source) => {
    const [client, server] = await Promise.all([memoryNode(), memoryNode({ source })])
    await connect(client, server)
    return client.remote(server.peerId)
  },
  'a mirror': async (source) => new HttpRemote({ url: await httpTwin(source), fetch, allowPrivate: true }),
}

describe.each(Object.entries(REMOTES))('%s', (_, open) => {
  it('is followed from the first entry to the last, page by page', async () => {
    const source = new MemoryMipSource().fill(300)
    source.headBeacon = BEACON
    const remote = await open(source)
    const got: SignedBytes[] = []
    for (;;) {
      const page = await remote.log({ ...LOG, from: { epoch: 0, seq: got.length }, limit: 64 }, options)
      expect(page?.head).toEqual(BEACON)
      if (!page || page.entries.length === 0) break
      got.push(...page.entries)
    }
    expect(got).toEqual(source.entries)
    expect(await remote.head(LOG, options)).toEqual(BEACON)
  })

  it('says null for what it does not serve', async () => {
    const remote = await open(new MemoryMipSource())
    const log = { ...LOG, log: 'other' }
    const cid = cidOf(Uint8Array.of(1), 'raw')
    expect(await remote.log({ ...log, from: { epoch: 0, seq: 0 }, limit: 1 }, options)).toBeNull()
    expect(await remote.head(log, options)).toBeNull()
    expect(await remote.blobChunk(cid, { offset: 0, length: 1 }, options)).toBeNull()
    expect([...(await remote.objects([cid], options))]).toEqual([])
  })

  it('gives objects, parts of blobs, a hello, and takes a proof', async () => {
    const source = new MemoryMipSource()
    const objects = Array.from({ length: 20 }, () => bytesOf(500))
    const cids = objects.map((bytes) => source.addBlob(bytes, 'object'))
    const blob = bytesOf(600_000)
    const cid = source.addBlob(blob)
    const remote = await open(source)
    const found = await remote.objects(cids, options)
    expect(cids.map((one) => found.get(one))).toEqual(objects)
    const part = await remote.blobChunk(cid, { offset: 599_000, length: 5000 }, options)
    expect(part).toEqual({ size: 600_000, bytes: blob.subarray(599_000) })
    expect(await remote.blobChunk(cid, { offset: 700_000, length: 1 }, options)).toEqual({
      size: 600_000,
      bytes: new Uint8Array(),
    })
    expect(await remote.hello(options)).toEqual(HELLO)
    expect(await remote.offerProof(Uint8Array.of(1, 2), options)).toBe('accepted')
    expect(source.proofs).toEqual([Uint8Array.of(1, 2)])
    await remote.close()
  })
})

it('the addresses of a name are looked up by this machine, and its own are refused', async () => {
  const addresses = await lookupHost('localhost')
  expect(() => checkResolved(addresses)).toThrow('refused_url')
})
