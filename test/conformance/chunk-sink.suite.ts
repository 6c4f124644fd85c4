import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countChunks, hasChunk } from '../../protocol/core/bitfield.ts'
import { type BlobShape, chunkLength, encodeManifest, manifestOf } from '../../protocol/core/manifest.ts'
import { BlobStarvedError, type ChunkProvider, downloadBlob } from '../../protocol/host/blob-transfer.ts'
import type { ChunkSink } from '../../protocol/host/chunk-sink.ts'
import type { Cid } from '../../schemas/cid.ts'
import { MIP_BLOB_FLUSH_CHUNKS, MIP_CHUNK_BYTES_MIN } from '../../schemas/limits-mip.ts'
import { seededRandom, startSeed } from './seeded-random.ts'

export interface ChunkSinkInit extends BlobShape {
  cid: Cid
  /** Digest of the whole, 64 hexadecimal digits. */
  sha256: string
}

export interface ChunkSinkHarness {
  /** A sink as a process that has just started opens it. */
  open(init: ChunkSinkInit): ChunkSink
  /** What is read under the name of the blob. */
  read(): Promise<Uint8Array | null>
  /** Names of everything that is there besides the blob. */
  besides(): Promise<string[]>
  /** Bytes for which there is never room. */
  tooMuch: number
  close(): Promise<void>
}

const CHUNK = MIP_CHUNK_BYTES_MIN
const CHUNKS = 150
const BLOB = Uint8Array.from({ length: CHUNKS * CHUNK - 77 }, (_, i) => (i * 31 + (i >> 9)) & 0xff)
const MANIFEST = manifestOf(BLOB, CHUNK)
const { cid: CID } = encodeManifest(MANIFEST)
const chunkOf = (index: number) => BLOB.slice(index * CHUNK, index * CHUNK + chunkLength(MANIFEST, index))
const isBlob = (bytes: Uint8Array | null) => bytes?.length === BLOB.length && bytes.every((byte, i) => byte === BLOB[i])

const hexOf = async (bytes: Uint8Array) =>
  [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice()))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')

/** Serves until it dies, one chunk at a time, and notes what it was asked for. */
function provider(after = Number.POSITIVE_INFINITY): ChunkProvider & { sent: number[] } {
  const sent: number[] = []
  return {
    id: 'provider',
    sent,
    async *chunks(_, indexes) {
      for (const index of indexes) {
        if (sent.length >= after) throw new Error('connection reset')
        sent.push(index)
        yield [index, chunkOf(index)]
      }
    },
  }
}

/** What every ChunkSink that outlives its process must do. Imports nothing of Node, so it also runs in workerd. */
export function testChunkSink(name: string, openHarness: () => Promise<ChunkSinkHarness>): void {
  describe(`ChunkSink: ${name}`, () => {
    let harness: ChunkSinkHarness
    let sha256: string
    beforeEach(async () => {
      harness = await openHarness()
      sha256 = await hexOf(BLOB)
    })
    afterEach(() => harness.close())

    const sink = () => harness.open({ cid: CID, sha256, size: BLOB.length, chunk: CHUNK })
    const download = (from: ChunkProvider, into = sink()) =>
      downloadBlob({ cid: CID, manifest: MANIFEST, providers: [from], sink: into })

    it('lets nothing be read before the whole is there, and keeps nothing besides it', async () => {
      const into = sink()
      await into.reserve(BLOB.length)
      for (let index = CHUNKS - 1; index >= 0; index--) await into.write(index, chunkOf(index))
      await into.flush()
      expect(await harness.read()).toBeNull()
      expect(countChunks(await into.bitfield())).toBe(CHUNKS)
      await into.complete()
      await into.close()
      expect(isBlob(await harness.read())).toBe(true)
      expect(await harness.besides()).toEqual([])
    })

    it('keeps what was written when the caller uses its bytes again', async () => {
      const into = sink()
      const bytes = new Uint8Array(CHUNK)
      await into.reserve(BLOB.length)
      for (let index = 0; index < CHUNKS; index++) {
        const part = bytes.subarray(0, chunkLength(MANIFEST, index))
        part.set(chunkOf(index))
        await into.write(index, part)
        part.fill(0)
      }
      await into.complete()
      await into.close()
      expect(isBlob(await harness.read())).toBe(true)
    })

    it.each([1, 63, 64, 100, CHUNKS - 1])(
      'goes on after %i chunks without fetching one of them again',
      async (after) => {
        await expect(download(provider(after))).rejects.toThrow(BlobStarvedError)
        expect(await harness.read()).toBeNull()
        const second = provider()
        const report = await download(second)
        expect(report).toEqual({ resumed: after, fetched: CHUNKS - after, wasted: 0, dropped: [] })
        expect(second.sent).toHaveLength(CHUNKS - after)
        expect(isBlob(await harness.read())).toBe(true)
      },
    )

    const seed = startSeed()
    it(`says after a crash anywhere no more than is there, and at most the last ${MIP_BLOB_FLUSH_CHUNKS} chunks are lost (SEED=${seed})`, async () => {
      const random = seededRandom(seed)
      let before = new Set<number>()
      const abandoned: ChunkSink[] = []
      for (let lives = 0; before.size < CHUNKS; lives++) {
        expect(lives, `SEED=${seed}`).toBeLessThan(100)
        const into = sink()
        abandoned.push(into)
        await into.reserve(BLOB.length)
        const have = await into.bitfield()
        const there = new Set([...Array(CHUNKS).keys()].filter((index) => hasChunk(have, index)))
        expect(
          [...there].every((index) => before.has(index)),
          `SEED=${seed}`,
        ).toBe(true)
        expect(before.size - there.size, `SEED=${seed}`).toBeLessThan(MIP_BLOB_FLUSH_CHUNKS)
        const missing = [...Array(CHUNKS).keys()].filter((index) => !there.has(index))
        before = there
        for (let left = 1 + random(90); left > 0 && missing.length > 0; left--) {
          const [index = 0] = missing.splice(random(missing.length), 1)
          await into.write(index, chunkOf(index))
          before.add(index)
        }
        // Nobody closes it while there is something to see: its process is gone.
      }
      await download(provider())
      expect(isBlob(await harness.read()), `SEED=${seed}`).toBe(true)
      expect(await harness.besides()).toEqual([])
      for (const into of abandoned) await into.close()
    })

    it('asks nobody when there is no room', async () => {
      const from = provider()
      const into = sink()
      const reserve = into.reserve.bind(into)
      into.reserve = () => reserve(harness.tooMuch)
      await expect(download(from, into)).rejects.toMatchObject({ code: 'storage_full' })
      expect(from.sent).toEqual([])
      expect(await harness.read()).toBeNull()
    })

    it('is not complete without every chunk', async () => {
      const into = sink()
      await into.reserve(BLOB.length)
      for (let index = 1; index < CHUNKS; index++) await into.write(index, chunkOf(index))
      await expect(into.complete()).rejects.toThrow(RangeError)
      await into.close()
      expect(await harness.read()).toBeNull()
    })

    it('does not take chunks of another manifest for its own', async () => {
      await expect(download(provider(100))).rejects.toThrow(BlobStarvedError)
      const other = manifestOf(BLOB.slice(0, 70 * CHUNK), CHUNK)
      const { cid } = encodeManifest(other)
      const into = harness.open({ cid, sha256, size: other.size, chunk: CHUNK })
      await into.reserve(other.size)
      expect(countChunks(await into.bitfield())).toBe(0)
      await into.close()
    })
  })
}
