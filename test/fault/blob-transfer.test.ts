/**
 * Goal: a blob arrives whole or not at all, whatever providers do, and nothing that was verified is fetched twice.
 * Method: providers with one fault each, counted; files on the real disk; a clock that is turned by hand where time matters.
 */
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { countChunks } from '../../protocol/core/bitfield.ts'
import { DOWNLOAD_RULES } from '../../protocol/core/download-rules.ts'
import { chunkLength, encodeManifest, manifestOf } from '../../protocol/core/manifest.ts'
import {
  BlobStarvedError,
  type ChunkProvider,
  downloadBlob,
  type TransferClock,
} from '../../protocol/host/blob-transfer.ts'
import { type ChunkSink, MemoryChunkSink } from '../../protocol/host/chunk-sink.ts'
import { FileChunkSink } from '../../protocol/host/file-chunk-sink.ts'
import { MIP_CHUNK_BYTES_MIN as CHUNK, MIP_BLOB_FLUSH_CHUNKS } from '../../schemas/limits-mip.ts'
import { tempDir } from '../support/temp-dir.ts'

const CHUNKS = 20
const BLOB = Uint8Array.from({ length: CHUNKS * CHUNK - 77 }, (_, i) => (i * 31 + (i >> 9)) & 0xff)
const MANIFEST = manifestOf(BLOB, CHUNK)
const { cid: CID } = encodeManifest(MANIFEST)

// Comparing item by item, as toEqual does, takes seconds.
const expectBlob = (bytes: Uint8Array | null) => expect(bytes && Buffer.compare(bytes, BLOB)).toBe(0)
const chunkOf = (index: number) => BLOB.slice(index * CHUNK, index * CHUNK + chunkLength(MANIFEST, index))

type Fault = (
  index: number,
  sent: number,
  signal: AbortSignal,
) => Promise<readonly [number, Uint8Array] | 'skip' | null>

interface Counted extends ChunkProvider {
  asked: number[]
  sent: number
}

/** A provider that serves the blob; `fault` may answer in its place, leave a chunk out, throw or wait. */
function provider(id: string, fault: Fault = async () => null): Counted {
  const self: Counted = {
    id,
    asked: [],
    sent: 0,
    async *chunks(_cid, indexes, signal) {
      self.asked.push(...indexes)
      for (const index of indexes) {
        await turn()
        if (signal.aborted) return
        const instead = await fault(index, self.sent, signal)
        if (instead === 'skip') continue
        self.sent += 1
        yield instead ?? [index, chunkOf(index)]
      }
    },
  }
  return self
}

const flips = (at: number) =>
  provider('flips', async (index) => {
    if (index !== at) return null
    const bytes = chunkOf(index)
    bytes[100]! ^= 1
    return [index, bytes]
  })
const dies = (after: number) =>
  provider('dies', async (_, sent) => {
    if (sent >= after) throw new Error('connection reset')
    return null
  })
const forever = () => new Promise<never>(() => {})

/** A clock that jumps to the next timer when nothing else happens. */
function jumpingClock(): TransferClock {
  let nowMs = 0
  return {
    nowMs: () => nowMs,
    at: (atMs, work) => {
      let isOff = false
      const jump = async () => {
        for (let i = 0; i < 500; i++) await turn()
        if (isOff) return
        nowMs = Math.max(nowMs, atMs)
        work()
      }
      void jump()
      return () => {
        isOff = true
      }
    },
  }
}

const SMALL = { windowChunksMax: 4, requestChunksMax: 2 }
const download = (providers: ChunkProvider[], sink: ChunkSink = new MemoryChunkSink(MANIFEST), extra = {}) =>
  downloadBlob({ cid: CID, manifest: MANIFEST, providers, sink, rules: SMALL, ...extra })

describe('a download', () => {
  it('from one provider gives the blob and asks for each chunk once', async () => {
    const sink = new MemoryChunkSink(MANIFEST)
    const one = provider('one')
    expect(await download([one], sink)).toEqual({ resumed: 0, fetched: CHUNKS, wasted: 0, dropped: [] })
    expectBlob(sink.bytes)
    expect(one.asked.toSorted((a, b) => a - b)).toEqual([...Array(CHUNKS).keys()])
  })

  it('of an empty blob asks nobody', async () => {
    const empty = manifestOf(new Uint8Array(), CHUNK)
    const sink = new MemoryChunkSink(empty)
    await downloadBlob({ cid: encodeManifest(empty).cid, manifest: empty, providers: [], sink })
    expect(sink.bytes).toEqual(new Uint8Array())
  })

  it('from several providers shares the work', async () => {
    const all = ['a', 'b', 'c'].map((id) => provider(id))
    const sink = new MemoryChunkSink(MANIFEST)
    await download(all, sink)
    expectBlob(sink.bytes)
    for (const one of all) expect(one.sent).toBeGreaterThan(2)
  })

  it.each([0, 7, CHUNKS - 1])('wastes one chunk when chunk %i is flipped, and drops who sent it', async (at) => {
    const sink = new MemoryChunkSink(MANIFEST)
    const honest = provider('honest')
    const liar = flips(at)
    const report = await download([liar, honest], sink)
    expectBlob(sink.bytes)
    expect(report.fetched).toBe(CHUNKS)
    const isCaught = liar.asked.includes(at)
    const drop = { provider: 'flips', reason: 'bad_chunk', strike: true }
    // The honest one may win the chunk first: then the liar was never found out.
    expect([[], [drop]]).toContainEqual(report.dropped)
    if (at === 0) expect(report.dropped).toEqual([drop])
    if (!isCaught) expect(report.dropped).toEqual([])
  })

  it('has nothing to read when the only provider lies', async () => {
    const sink = new MemoryChunkSink(MANIFEST)
    await expect(download([flips(3)], sink)).rejects.toThrow(BlobStarvedError)
    expect(sink.bytes).toBe(null)
  })

  it('goes on without a provider that dies in the middle', async () => {
    const sink = new MemoryChunkSink(MANIFEST)
    const report = await download([dies(3), provider('honest')], sink)
    expectBlob(sink.bytes)
    expect(report.dropped).toEqual([{ provider: 'dies', reason: 'failed', strike: false }])
  })

  it('goes on without a provider that stalls and does not heed its signal', async () => {
    const stalls = provider('stalls', (_, sent) => (sent === 2 ? forever() : Promise.resolve(null)))
    const sink = new MemoryChunkSink(MANIFEST)
    const report = await download([stalls], sink, { clock: jumpingClock() }).catch((error: BlobStarvedError) => error)
    if (!(report instanceof BlobStarvedError)) throw new Error('expected to starve')
    expect(report.report.dropped).toEqual([{ provider: 'stalls', reason: 'too_slow', strike: false }])

    const fresh = new MemoryChunkSink(MANIFEST)
    const other = provider('stalls', (_, sent) => (sent === 2 ? forever() : Promise.resolve(null)))
    await download([other, provider('honest')], fresh, { clock: jumpingClock() })
    expectBlob(fresh.bytes)
  })

  it('stops reading an endless provider at the first chunk that it was not asked for', async () => {
    let sent = 0
    const endless: ChunkProvider = {
      id: 'endless',
      async *chunks(_cid, indexes) {
        for (;;) {
          sent += 1
          await turn()
          yield [indexes[0]!, chunkOf(indexes[0]!)]
        }
      },
    }
    const sink = new MemoryChunkSink(MANIFEST)
    const report = await download([endless, provider('honest')], sink)
    expectBlob(sink.bytes)
    expect(report.dropped).toEqual([{ provider: 'endless', reason: 'unrequested', strike: true }])
    expect(sent).toBeLessThanOrEqual(10)
  })

  it.each([
    ['one byte more than the chunk', (index: number) => new Uint8Array(chunkLength(MANIFEST, index) + 1)],
    ['sixty-four megabytes', () => new Uint8Array(64 * 1024 ** 2)],
    ['no bytes at all', () => new Uint8Array()],
    ['something that is no bytes', () => 'x' as unknown as Uint8Array],
  ])('drops who sends %s', async (_, make) => {
    const sink = new MemoryChunkSink(MANIFEST)
    const report = await download([provider('odd', async (index) => [index, make(index)]), provider('honest')], sink)
    expectBlob(sink.bytes)
    expect(report.dropped[0]).toEqual({ provider: 'odd', reason: 'bad_chunk', strike: true })
  })

  it.each([-1, 0.5, CHUNKS, Number.NaN, 2 ** 40])('drops who names chunk %d', async (index) => {
    const sink = new MemoryChunkSink(MANIFEST)
    const odd = provider('odd', async () => [index, chunkOf(0)])
    const report = await download([odd, provider('honest')], sink)
    expectBlob(sink.bytes)
    expect(report.dropped[0]).toMatchObject({ provider: 'odd', strike: true })
  })

  it('puts a blob together from providers that each have half of it', async () => {
    const halves = [0, 1].map((parity) =>
      provider(`half-${parity}`, async (index) => (index % 2 === parity ? null : 'skip')),
    )
    const sink = new MemoryChunkSink(MANIFEST)
    expect((await download(halves, sink)).dropped).toEqual([])
    expectBlob(sink.bytes)
  })

  it('asks nobody when there is no room', async () => {
    const one = provider('one')
    const full = new MemoryChunkSink(MANIFEST)
    full.reserve = async () => {
      throw new Error('quota')
    }
    await expect(download([one], full)).rejects.toThrow('quota')
    expect(one.asked).toEqual([])
  })

  it('ends with the error of a sink that cannot write', async () => {
    const broken = new MemoryChunkSink(MANIFEST)
    broken.write = async () => {
      throw new Error('no space left')
    }
    await expect(download([provider('one')], broken)).rejects.toThrow('no space left')
    expect(broken.bytes).toBe(null)
  })

  it('ends with its signal and asks no further', async () => {
    const stop = new AbortController()
    const one = provider('one', async (_, sent) => {
      if (sent === 3) stop.abort(new Error('enough'))
      return null
    })
    await expect(download([one], undefined, { signal: stop.signal })).rejects.toThrow('enough')
    const asked = one.asked.length
    for (let i = 0; i < 50; i++) await turn()
    expect(one.asked.length).toBe(asked)
  })
})

describe('a file', () => {
  const sinkAt = (path: string) => new FileChunkSink({ path, cid: CID, ...MANIFEST })

  it('appears under its name when it is complete, and alone', async () => {
    await using dir = await tempDir()
    const path = join(dir.path, 'blobs', 'one')
    let seenEarly = false
    const watching = provider('one', async () => {
      seenEarly ||= await stat(path).then(
        () => true,
        () => false,
      )
      return null
    })
    await download([watching], sinkAt(path))
    expect(seenEarly).toBe(false)
    expectBlob(await readFile(path))
    expect(await readdir(join(dir.path, 'blobs'))).toEqual(['one'])
  })

  it.each([1, 5, CHUNKS - 1])('is continued after %i chunks without fetching one of them again', async (after) => {
    await using dir = await tempDir()
    const path = join(dir.path, 'one')
    const first = dies(after)
    await expect(download([first], sinkAt(path))).rejects.toThrow(BlobStarvedError)
    await expect(stat(path)).rejects.toThrow('ENOENT')
    const second = provider('second')
    const report = await download([second], sinkAt(path))
    expect(report).toEqual({ resumed: after, fetched: CHUNKS - after, wasted: 0, dropped: [] })
    expect(second.asked).toHaveLength(CHUNKS - after)
    expectBlob(await readFile(path))
  })

  it('claims after a crash only what was synced: at least all but the last 64 chunks', async () => {
    await using dir = await tempDir()
    const bytes = new Uint8Array(200 * CHUNK)
    const shape = { path: join(dir.path, 'one'), cid: CID, size: bytes.length, chunk: CHUNK }
    const sink = new FileChunkSink(shape)
    await sink.reserve(shape.size)
    for (let i = 0; i < 150; i++) await sink.write(i, bytes.subarray(0, CHUNK))
    // No close: the process is gone. What a second sink reads is what the disk says.
    const after = new FileChunkSink(shape)
    await after.reserve(shape.size)
    expect(countChunks(await after.bitfield())).toBe(Math.floor(150 / MIP_BLOB_FLUSH_CHUNKS) * MIP_BLOB_FLUSH_CHUNKS)
    await after.close()
    await sink.close()
  })

  it.each([
    [
      'chunks of another manifest',
      async (path: string) => writeFile(`${path}.have`, new Uint8Array(36 + 3).fill(0xff)),
    ],
    ['a part that is too short', async (path: string) => truncate(`${path}.part`, CHUNK)],
    ['a record that is cut', async (path: string) => truncate(`${path}.have`, 37)],
    ['no part at all', async (path: string) => truncate(`${path}.part`, 0)],
  ])('starts over with %s', async (_, damage) => {
    await using dir = await tempDir()
    const path = join(dir.path, 'one')
    await expect(download([dies(5)], sinkAt(path))).rejects.toThrow(BlobStarvedError)
    await damage(path)
    const report = await download([provider('second')], sinkAt(path))
    expect(report.resumed).toBe(0)
    expectBlob(await readFile(path))
  })

  it('is refused when the disk has no room for it, before a byte is asked for', async () => {
    await using dir = await tempDir()
    const huge = { ...MANIFEST, size: 2 ** 60 }
    const sink = new FileChunkSink({ path: join(dir.path, 'one'), cid: CID, size: CHUNK, chunk: CHUNK })
    await expect(sink.reserve(huge.size)).rejects.toMatchObject({ code: 'storage_full' })
    await sink.close()
  })

  it('keeps what a slow disk is still writing from counting as silence', async () => {
    const slow = new MemoryChunkSink(MANIFEST)
    const write = slow.write.bind(slow)
    slow.write = async (index, bytes) => {
      for (let i = 0; i < 30; i++) await turn()
      await write(index, bytes)
    }
    let nowMs = 0
    const clock: TransferClock = {
      nowMs: () => {
        nowMs += DOWNLOAD_RULES.graceMs / 4
        return nowMs
      },
      at: () => () => {},
    }
    expect((await download([provider('one')], slow, { clock })).dropped).toEqual([])
  })
})
