import { beforeEach, describe, expect, it, vi } from 'vitest'
import { VECTOR_TOMBSTONES_MAX, VECTOR_UNPERSISTED_ROWS_MAX } from '../../../schemas/limits.ts'
import { searchLikeVault } from '../../../test/conformance/vector-index.suite.ts'
import { clusteredVectors, SEED } from '../../../test/support/clustered-vectors.ts'
import { VectorRows } from '../../../test/support/vector-rows.ts'
import type { VectorSpace } from '../../ports/vector-index.ts'
import { MemoryBlobStore } from '../blob-store/memory.ts'
import { EmbeddedVectorIndex } from './embedded-vector-index.ts'
import { readKernel } from './kernel/read-kernel.ts'
import { spacePrefix } from './persisted-space.ts'
import { ResidentIndex } from './resident-index.ts'
import { SOURCE_PAGE_ROWS } from './resident-space.ts'

const DIMENSIONS = 128
const MIB = 1024 * 1024
const kernel = await readKernel()
const POOL = clusteredVectors({ count: 9000, dimensions: DIMENSIONS, clusters: 20, seed: SEED })
const vectorAt = (seq: number) => POOL[seq] as Float32Array
const spaceOf = (namespaceId: number): VectorSpace => ({
  orgId: 'test',
  namespaceId,
  model: 'test/model',
  dimensions: DIMENSIONS,
})
const SPACE = spaceOf(1)
const KEY = spacePrefix(SPACE)

let rows: VectorRows
let blobs: MemoryBlobStore
const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }

const open = (budgetBytes = 64 * MIB) =>
  new EmbeddedVectorIndex({ source: rows, blobs, kernel, logger }, { budgetBytes })
const put = (space: VectorSpace, first: number, count: number) =>
  rows.put(space, new Map(POOL.slice(first, first + count).map((vector, i) => [first + i, vector])))
const nearest = async (index: EmbeddedVectorIndex, seq: number, space = SPACE) =>
  (await index.candidates(space, vectorAt(seq), 10)).hits[0]?.seq
const absorbed = async (index: EmbeddedVectorIndex, space = SPACE) =>
  (await index.candidates(space, vectorAt(0), 1)).absorbedChange

async function damage(key: string, change: (bytes: Uint8Array) => Uint8Array) {
  await blobs.put(key, change((await blobs.get(key)) as Uint8Array))
}

beforeEach(() => {
  rows = new VectorRows()
  blobs = new MemoryBlobStore()
  vi.clearAllMocks()
})

describe('EmbeddedVectorIndex persistence', () => {
  it('loads what stop() wrote and reads only later rows', async () => {
    put(SPACE, 0, 5000)
    const first = open()
    await first.candidates(SPACE, vectorAt(0), 1)
    await first.stop()
    expect(await blobs.list(KEY)).toHaveLength(3)
    put(SPACE, 5000, 3)
    const read = vi.spyOn(rows, 'read')
    const second = open()
    expect([await nearest(second, 4999), await nearest(second, 5002)]).toEqual([4999, 5002])
    expect(read.mock.calls.map(([, afterChange]) => afterChange)).toEqual([5000])
    expect(await absorbed(second)).toBe(5003)
  })

  it('persists in the background once enough rows are new', async () => {
    const index = open()
    await index.candidates(SPACE, vectorAt(0), 1)
    await index.upsert(SPACE, put(SPACE, 0, VECTOR_UNPERSISTED_ROWS_MAX - 1))
    expect(await blobs.list(KEY)).toEqual([])
    await index.upsert(SPACE, put(SPACE, VECTOR_UNPERSISTED_ROWS_MAX - 1, 1))
    await vi.waitFor(async () => expect(await blobs.list(KEY)).toHaveLength(2))
    expect(await absorbed(open())).toBe(VECTOR_UNPERSISTED_ROWS_MAX)
  })

  it('rewrites only chunks that have changed and leaves no old ones', async () => {
    put(SPACE, 0, 5000)
    const index = open()
    await index.candidates(SPACE, vectorAt(0), 1)
    await index.stop()
    const before = await blobs.list(KEY)
    await index.upsert(SPACE, put(SPACE, 4500, 1))
    await index.stop()
    const after = await blobs.list(KEY)
    expect(after).toHaveLength(before.length)
    expect(after.filter((key) => before.includes(key)).map((key) => key.slice(KEY.length, KEY.length + 7))).toEqual([
      'chunk-0',
      'manifes',
    ])
  })

  it('keeps one copy of a row that a removal has moved to another chunk', async () => {
    put(SPACE, 0, 5000)
    const index = open()
    await index.candidates(SPACE, vectorAt(0), 1)
    await index.stop()
    rows.delete(SPACE, [0])
    await index.remove(SPACE, [0])
    await index.stop()
    await index.upsert(SPACE, rows.put(SPACE, new Map([[4999, vectorAt(8000)]])))
    await index.stop()
    const again = open()
    expect(await nearest(again, 8000)).toBe(4999)
    expect(await nearest(again, 4999)).not.toBe(4999)
  })

  it.each<[string, (key: string) => Promise<void>]>([
    ['a chunk byte flipped', (key) => damage(key, (b) => b.fill((b[900] as number) ^ 1, 900, 901))],
    ['a chunk cut short', (key) => damage(key, (b) => b.subarray(0, 500))],
    ['a chunk missing', (key) => blobs.delete([key])],
    ['the manifest damaged', () => damage(`${KEY}manifest`, (b) => b.fill(0x39, 90, 91))],
    ['the manifest missing', () => blobs.delete([`${KEY}manifest`])],
  ])('is rebuilt from rows with %s', async (_, harm) => {
    put(SPACE, 0, 5000)
    const first = open()
    await first.candidates(SPACE, vectorAt(0), 1)
    await first.stop()
    await harm((await blobs.list(`${KEY}chunk-1`))[0] as string)
    const second = open()
    for (const seq of [0, 4095, 4096, 4999]) expect(await nearest(second, seq)).toBe(seq)
    expect(await absorbed(second)).toBe(5000)
    await second.stop()
    expect(await absorbed(open())).toBe(5000)
    expect(await blobs.list(KEY)).toHaveLength(3)
  })

  it('survives a stop at every blob call of a persist', async () => {
    put(SPACE, 0, 4200)
    const first = open()
    await first.candidates(SPACE, vectorAt(0), 1)
    await first.stop()
    for (let atCall = 1; ; atCall++) {
      const seq = 4200 + atCall
      const index = open()
      await index.candidates(SPACE, vectorAt(0), 1)
      rows.delete(SPACE, [atCall])
      await index.remove(SPACE, [atCall])
      await index.upsert(SPACE, put(SPACE, seq, 1))
      let calls = 0
      const fail = async () => {
        calls += 1
        if (calls >= atCall) throw new Error('the machine stopped')
      }
      const spies = (['put', 'delete', 'list'] as const).map((name) => {
        const real = blobs[name].bind(blobs) as (...args: unknown[]) => Promise<never>
        return vi.spyOn(blobs, name).mockImplementation(async (...args: unknown[]) => {
          await fail()
          return real(...args)
        })
      })
      await index.stop()
      for (const spy of spies) spy.mockRestore()
      const again = open()
      expect(await nearest(again, seq), `call ${atCall}`).toBe(seq)
      expect(await nearest(again, 4199), `call ${atCall}`).toBe(4199)
      expect(await nearest(again, atCall), `call ${atCall}`).not.toBe(atCall)
      await again.stop()
      if (calls < atCall) {
        expect(atCall).toBeGreaterThan(4)
        return
      }
    }
  })

  it('answers without the space while the blob store fails, and says so in the log', async () => {
    put(SPACE, 0, 10)
    const index = open()
    const get = vi.spyOn(blobs, 'get').mockRejectedValue(new Error('no network'))
    expect(await index.candidates(SPACE, vectorAt(0), 5)).toEqual({ hits: [], absorbedChange: 0 })
    expect(logger.warn).toHaveBeenCalledWith('vector_index.load_failed', expect.objectContaining({ space: KEY }))
    get.mockRestore()
    expect(await nearest(index, 3)).toBe(3)
  })

  it('brings no removed row back, told while it was resident or not', async () => {
    put(SPACE, 0, 100)
    const index = open()
    await index.candidates(SPACE, vectorAt(0), 1)
    await index.stop()
    rows.delete(SPACE, [5, 6])
    await index.remove(SPACE, [5])
    await open().remove(SPACE, [6])
    const again = open()
    for (const seq of [5, 6]) expect(await nearest(again, seq)).not.toBe(seq)
    await again.stop()
    const [chunk] = await blobs.list(`${KEY}chunk`)
    expect(await blobs.size(chunk as string)).toBe(12 + 98 * (20 + DIMENSIONS))
  })

  it('drops the persisted part rather than carry tombstones without end', async () => {
    put(SPACE, 0, 100)
    const index = open()
    await index.candidates(SPACE, vectorAt(0), 1)
    await index.stop()
    await open().remove(
      SPACE,
      Array.from({ length: VECTOR_TOMBSTONES_MAX + 1 }, (_, i) => 50 + i),
    )
    expect(await blobs.list(KEY)).toEqual([])
  })
})

describe('EmbeddedVectorIndex memory', () => {
  it('reads the rows once for searches that come together', async () => {
    put(SPACE, 0, 1000)
    const index = open()
    const seqs = [1, 20, 300, 999]
    expect(await Promise.all(seqs.map((seq) => nearest(index, seq)))).toEqual(seqs)
    expect(rows.reads).toBe(Math.ceil(1000 / SOURCE_PAGE_ROWS))
  })

  it('looks for rows that nobody told it of, now and then', async () => {
    const index = open()
    expect(await absorbed(index)).toBe(0)
    put(SPACE, 0, 10)
    let searches = 0
    while ((await absorbed(index)) === 0) expect(++searches).toBeLessThan(200)
    expect(await absorbed(index)).toBe(10)
  })

  it('holds a space larger than the budget in order of change; the tail scan finds the rest', async () => {
    put(SPACE, 0, 9000)
    const budgetBytes = MIB
    const index = open(budgetBytes)
    const change = await absorbed(index)
    expect(change).toBeGreaterThan(2000)
    expect(change).toBeLessThan(9000)
    expect(index.bytes).toBeLessThanOrEqual(budgetBytes)
    for (const seq of [0, change - 1, change, 8999])
      expect((await searchLikeVault(index, rows, SPACE, vectorAt(seq)))[0]).toBe(seq)
    await index.upsert(SPACE, rows.put(SPACE, new Map([[0, vectorAt(8000)]])))
    expect((await searchLikeVault(index, rows, SPACE, vectorAt(8000))).slice(0, 2)).toEqual([0, 8000])
    await index.stop()
    expect(await absorbed(open(budgetBytes))).toBe(change)
    expect(await absorbed(open())).toBe(9001)
  })

  it('holds nothing when not even an empty space fits', async () => {
    put(SPACE, 0, 10)
    const index = open(1000)
    expect(await index.candidates(SPACE, vectorAt(0), 5)).toEqual({ hits: [], absorbedChange: 0 })
    expect(index.bytes).toBe(0)
  })

  it('evicts the least recently used space, and takes it back from its chunks', async () => {
    const spaces = [1, 2, 3].map(spaceOf)
    for (const [i, space] of spaces.entries()) put(space, i * 1000, 1000)
    const one = new ResidentIndex(kernel, DIMENSIONS)
    one.reserve(1000)
    const budgetBytes = 2 * one.bytes
    const index = open(budgetBytes)
    const search = async (i: number) => {
      expect(await nearest(index, i * 1000 + 7, spaces[i] as VectorSpace)).toBe(i * 1000 + 7)
      expect(index.bytes).toBeLessThanOrEqual(budgetBytes)
    }
    for (const i of [0, 1, 0]) await search(i)
    const reads = rows.reads
    await search(2)
    expect(await blobs.list(spacePrefix(spaces[1] as VectorSpace))).toHaveLength(2)
    await search(0)
    expect(rows.reads - reads).toBe(2)
    const read = vi.spyOn(rows, 'read')
    await search(1)
    expect(read.mock.calls.map(([, afterChange]) => afterChange)).toEqual([1000])
  })

  it('stays within the budget while many spaces load and grow together', async () => {
    const budgetBytes = 2 * MIB
    const index = open(budgetBytes)
    const spaces = Array.from({ length: 12 }, (_, i) => spaceOf(i))
    for (const space of spaces) put(space, 0, 1200)
    const check = async (space: VectorSpace, seq: number) => {
      const found = await searchLikeVault(index, rows, space, vectorAt(seq))
      expect(index.bytes).toBeLessThanOrEqual(budgetBytes)
      expect(found[0]).toBe(seq)
    }
    await Promise.all(spaces.flatMap((space, i) => [check(space, i), check(space, 1199 - i)]))
    await Promise.all(
      spaces.map(async (space, i) => {
        await index.upsert(space, put(space, 1200 + i, 500))
        await check(space, 1200 + i)
        await check(space, i)
      }),
    )
  })

  it('lets one caller leave a shared load without ending it', async () => {
    put(SPACE, 0, 1000)
    const index = open()
    const leaving = new AbortController()
    const left = index.candidates(SPACE, vectorAt(1), 5, leaving.signal)
    const stayed = nearest(index, 2)
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    expect(await stayed).toBe(2)
  })

  it('passes over rows that hold no usable vector', async () => {
    rows.put(
      SPACE,
      new Map([
        [1, new Float32Array(DIMENSIONS).fill(Number.NaN)],
        [2, vectorAt(2)],
      ]),
    )
    const index = open()
    expect((await index.candidates(SPACE, vectorAt(2), 5)).hits.map(({ seq }) => seq)).toEqual([2])
    expect(await absorbed(index)).toBe(2)
  })
})
