/**
 * Goal: blobs come from peers chunk by chunk, whole, and with the right one to blame.
 * Method: real libp2p nodes in one process (memory transport), and sources that misbehave.
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Cid } from '../../schemas/cid.ts'
import { MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { connect, memoryNode } from '../../test/support/mip-nodes.ts'
import { encodeManifest, type Manifest, manifestOf } from '../core/manifest.ts'
import { BlobStarvedError, downloadBlob } from './blob-transfer.ts'
import { MemoryChunkSink } from './chunk-sink.ts'
import { RemoteChunks } from './remote-chunks.ts'

const CHUNK = 64 * 1024
const { signal } = new AbortController()
const blob = new Uint8Array(randomBytes(20 * CHUNK + 100))
const manifest = manifestOf(blob, CHUNK)
const { cid } = encodeManifest(manifest)

/** Chunks as they come from a peer that serves this source. */
async function provider(source: MemoryMipSource, of: Manifest = manifest): Promise<RemoteChunks> {
  const [client, server] = await Promise.all([memoryNode(), memoryNode({ source })])
  await connect(client, server)
  return new RemoteChunks(client.remote(server.peerId), of)
}

const serving = (bytes: Uint8Array, as: Cid = cid) => {
  const source = new MemoryMipSource()
  source.blobs.set(as, bytes)
  return source
}

const download = (providers: RemoteChunks[], sink: MemoryChunkSink) =>
  downloadBlob({ cid, manifest, providers, sink, signal })

/** Comparing matchers take seconds for a megabyte. */
const isBlob = (bytes: Uint8Array | null, from?: number, to?: number) =>
  bytes !== null && Buffer.compare(bytes, blob.subarray(from, to)) === 0

describe('chunks of a remote peer', () => {
  it('use the buffers of earlier ones again, and not before their reader has gone on', async () => {
    const buffers = new Set<ArrayBufferLike>()
    const chunks = (await provider(serving(blob))).chunks(cid, [...Array(20).keys()], signal)
    for await (const [index, bytes] of chunks) {
      buffers.add(bytes.buffer)
      // Further ones arrive meanwhile: none of them may be written where this one lies.
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(isBlob(bytes, index * CHUNK, (index + 1) * CHUNK)).toBe(true)
    }
    expect(buffers.size).toBeLessThan(10)
  })

  it('become the blob, from one peer and from two at once', async () => {
    for (const count of [1, 2]) {
      const providers = await Promise.all(Array.from({ length: count }, () => provider(serving(blob))))
      const sink = new MemoryChunkSink(manifest)
      const report = await download(providers, sink)
      expect(report).toMatchObject({ resumed: 0, fetched: 21, dropped: [] })
      expect(isBlob(sink.bytes)).toBe(true)
    }
  })

  it('come in the order asked for, also when they lie apart', async () => {
    const one = await provider(serving(blob))
    const got: number[] = []
    for await (const [index, bytes] of one.chunks(cid, [20, 3, 4, 9], signal)) {
      got.push(index)
      expect(isBlob(bytes, index * CHUNK, (index + 1) * CHUNK)).toBe(true)
    }
    expect(got).toEqual([20, 3, 4, 9])
  })

  it('are absent when the peer does not serve the blob, without a strike', async () => {
    const error = await download([await provider(new MemoryMipSource())], new MemoryChunkSink(manifest)).catch(
      (cause: unknown) => cause,
    )
    expect(error).toBeInstanceOf(BlobStarvedError)
    expect((error as BlobStarvedError).report.dropped).toEqual([])
  })

  it.each([
    ['another byte', () => Uint8Array.from(blob, (byte, i) => (i === 5 * CHUNK ? byte ^ 1 : byte))],
    ['a shorter blob', () => blob.slice(0, 7 * CHUNK)],
  ])('cost a peer with %s a strike, and come from the other one', async (_, bytes) => {
    const [bad, good] = [await provider(serving(bytes())), await provider(serving(blob))]
    const sink = new MemoryChunkSink(manifest)
    const report = await download([bad, good], sink)
    expect(isBlob(sink.bytes)).toBe(true)
    expect(report.dropped).toEqual([{ provider: bad.id, reason: 'bad_chunk', strike: true }])
  })

  it('come from the other peer when one fails half way, and nothing that was verified comes twice', async () => {
    const source = serving(blob)
    let served = 0
    source.before = async () => {
      if (++served > 8) throw new Error('the disk is gone')
    }
    const failing = await provider(source)
    const sink = new MemoryChunkSink(manifest)
    const report = await download([failing], sink).catch((cause: unknown) => (cause as BlobStarvedError).report)
    expect(report.dropped).toEqual([{ provider: failing.id, reason: 'failed', strike: false }])
    const rest = await download([await provider(serving(blob))], sink)
    expect(rest).toMatchObject({ resumed: report.fetched, fetched: 21 - report.fetched, wasted: 0 })
    expect(isBlob(sink.bytes)).toBe(true)
  })

  it('end with the signal, and stop asking when nobody listens any more', async () => {
    const source = serving(blob)
    const one = await provider(source)
    for await (const [index] of one.chunks(cid, [0, 1, 2, 3, 4, 5, 6, 7], signal)) if (index === 1) break
    expect(source.calls.length).toBeLessThan(8)
    const ended = one.chunks(cid, [0], AbortSignal.abort(new Error('enough')))
    await expect(ended.next()).rejects.toThrow('enough')
  })
})
