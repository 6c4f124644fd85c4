/** The sinks of a download that outlive their process: files, and segments in a blob store. */
import { hash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countChunks } from '../../protocol/core/bitfield.ts'
import { encodeManifest, manifestOf } from '../../protocol/core/manifest.ts'
import { type ChunkProvider, downloadBlob } from '../../protocol/host/blob-transfer.ts'
import { FileChunkSink } from '../../protocol/host/file-chunk-sink.ts'
import { MIP_CHUNK_BYTES_MIN } from '../../schemas/limits-mip.ts'
import { FileSystemBlobStore } from '../../worker/drivers/blob-store/file-system.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { BlobChunkSink, type BlobChunkSinkInit } from '../../worker/infrastructure/mip/blob-chunk-sink.ts'
import type { BlobStore } from '../../worker/ports/blob-store.ts'
import { FailingBlobStore, Fault, InjectedFault } from '../support/failing.ts'
import { tempDir } from '../support/temp-dir.ts'
import { blobSinkHarness } from './blob-sink-harness.ts'
import { testChunkSink } from './chunk-sink.suite.ts'

testChunkSink('file', async () => {
  const home = await tempDir()
  const path = join(home.path, 'one')
  return {
    open: (init) => new FileChunkSink({ path, ...init }),
    read: () => readFile(path).catch(() => null),
    besides: async () => (await readdir(home.path)).filter((name) => name !== 'one'),
    tooMuch: 2 ** 60,
    close: home.remove,
  }
})

testChunkSink('blob store in memory', async () => blobSinkHarness(new MemoryBlobStore(), async () => {}))

testChunkSink('blob store of files', async () => {
  const home = await tempDir()
  return blobSinkHarness(new FileSystemBlobStore(home.path), home.remove)
})

describe('a download into a blob store', () => {
  const chunk = MIP_CHUNK_BYTES_MIN
  const bytes = Uint8Array.from({ length: 130 * chunk }, (_, i) => (i * 7 + (i >> 8)) & 0xff)
  const manifest = manifestOf(bytes, chunk)
  const { cid } = encodeManifest(manifest)
  const sha256 = hash('sha256', bytes)
  const key = 'cubes/org/cube/blob'
  const sinkIn = (blobs: BlobStore, more: Partial<BlobChunkSinkInit> = {}) =>
    new BlobChunkSink({ blobs, key, area: 'downloads/org/', cid, sha256, bytesMax: bytes.length, ...manifest, ...more })
  const fetched = async (blobs: BlobStore) => {
    const asked: number[] = []
    const provider: ChunkProvider = {
      id: 'provider',
      async *chunks(_, indexes) {
        asked.push(...indexes)
        for (const index of indexes) yield [index, bytes.slice(index * chunk, (index + 1) * chunk)]
      },
    }
    await downloadBlob({ cid, manifest, providers: [provider], sink: sinkIn(blobs) })
    return asked
  }
  const isThere = async (blobs: BlobStore) => Buffer.compare((await blobs.get(key)) ?? new Uint8Array(), bytes) === 0

  it('that is cut off at any call goes on from what is there, and leaves nothing besides the blob', async () => {
    for (const when of ['before', 'after'] as const)
      for (let call = 1; ; call++) {
        const blobs = new MemoryBlobStore()
        const fault = new Fault()
        fault.arm(call, when)
        const error = await fetched(new FailingBlobStore(blobs, fault)).catch((cause: unknown) => cause)
        if (fault.fired === null) break
        expect(error, `${when} ${fault.fired}`).toBeInstanceOf(InjectedFault)
        const look = sinkIn(blobs)
        await look.reserve(bytes.length)
        const missing = 130 - countChunks(await look.bitfield())
        expect((await fetched(blobs)).length, `${when} ${fault.fired}`).toBe(missing)
        expect(await isThere(blobs)).toBe(true)
        expect(await blobs.list('')).toEqual([key])
      }
  })

  it('counts what others have reserved, also those that have gone away, until they come to their end', async () => {
    const blobs = new MemoryBlobStore()
    const one = sinkIn(blobs)
    await one.reserve(bytes.length)
    const other = encodeManifest(manifestOf(bytes.slice(chunk), chunk)).cid
    const second = sinkIn(blobs, { cid: other, key: 'cubes/org/cube/other' })
    await expect(second.reserve(chunk)).rejects.toMatchObject({ code: 'storage_full' })
    // Its own reservation is not counted twice.
    await fetched(blobs)
    await second.reserve(chunk)
    expect(await blobs.list('downloads/')).toEqual([`downloads/org/reserved/${other}/${chunk}`])
  })

  it('of two that begin at once and do not fit together lets one wait at least', async () => {
    const blobs = new MemoryBlobStore()
    const cids = [1, 2].map((from) => encodeManifest(manifestOf(bytes.slice(from * chunk), chunk)).cid)
    const results = await Promise.allSettled(cids.map((one) => sinkIn(blobs, { cid: one }).reserve(bytes.length)))
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2)
    expect(await blobs.list('downloads/')).toHaveLength(results.filter(({ status }) => status === 'fulfilled').length)
  })

  it('is not read, and begins anew, when what lay in the store has changed', async () => {
    for (const damage of [
      (part: Uint8Array) => part.with(77, 1 ^ (part[77] ?? 0)),
      (part: Uint8Array) => part.slice(1),
    ]) {
      const blobs = new MemoryBlobStore()
      const sink = sinkIn(blobs)
      await sink.reserve(bytes.length)
      for (let index = 0; index < 100; index++) await sink.write(index, bytes.slice(index * chunk, (index + 1) * chunk))
      await sink.flush()
      const [segment = ''] = await blobs.list('downloads/org/parts/')
      await blobs.put(segment, damage((await blobs.get(segment)) ?? new Uint8Array()))
      await expect(fetched(blobs)).rejects.toMatchObject({ code: expect.stringMatching(/data_corrupt|blob_missing/) })
      expect(await blobs.get(key)).toBeNull()
      await fetched(blobs)
      expect(await isThere(blobs)).toBe(true)
    }
  })
})
