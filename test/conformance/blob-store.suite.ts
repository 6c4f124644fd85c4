import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BlobStore } from '../../worker/ports/blob-store.ts'

const LARGE_BYTES = 5 * 1024 * 1024

export interface BlobStoreHarness {
  blobs: BlobStore
  close(): Promise<void>
}

const bytesOf = (text: string) => new TextEncoder().encode(text)

async function* cut(bytes: Uint8Array, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

/**
 * What every BlobStore must do. `skip` maps a title to the reason why a driver cannot do it. Imports nothing of Node, so it also runs in
 * workerd.
 */
export function testBlobStore(
  name: string,
  open: () => Promise<BlobStoreHarness>,
  skip: Record<string, string> = {},
): void {
  const on = (title: string, body: () => Promise<void>) =>
    title in skip ? it.skip(`${title} (${skip[title]})`, body) : it(title, body)

  describe(`BlobStore: ${name}`, () => {
    let harness: BlobStoreHarness
    let blobs: BlobStore
    beforeAll(async () => {
      harness = await open()
      blobs = harness.blobs
    })
    afterAll(() => harness.close())

    on('gives back the bytes and the size that were put', async () => {
      const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await blobs.put('same/binary', every)
      await blobs.put('same/empty', new Uint8Array())
      expect(await blobs.get('same/binary')).toEqual(every)
      expect(await blobs.size('same/binary')).toBe(256)
      expect(await blobs.get('same/empty')).toEqual(new Uint8Array())
      expect(await blobs.size('same/empty')).toBe(0)
    })

    on('puts the bytes that a view shows, not the buffer under it', async () => {
      await blobs.put('view/part', new Uint8Array([1, 2, 3, 4]).subarray(1, 3))
      expect(await blobs.get('view/part')).toEqual(new Uint8Array([2, 3]))
    })

    on('keeps what was put when the caller changes its bytes', async () => {
      const bytes = bytesOf('before')
      await blobs.put('copy/a', bytes)
      bytes.fill(0)
      const read = await blobs.get('copy/a')
      expect(read).toEqual(bytesOf('before'))
      read?.fill(0)
      expect(await blobs.get('copy/a')).toEqual(bytesOf('before'))
    })

    on('replaces a blob that is put again', async () => {
      await blobs.put('again/a', bytesOf('the first and longer one'))
      await blobs.put('again/a', bytesOf('second'))
      expect(await blobs.get('again/a')).toEqual(bytesOf('second'))
      expect(await blobs.size('again/a')).toBe(6)
      expect(await blobs.list('again/')).toEqual(['again/a'])
    })

    on('answers null for what is absent', async () => {
      expect(await blobs.get('absent/a')).toBeNull()
      expect(await blobs.size('absent/a')).toBeNull()
      expect(await blobs.list('absent/')).toEqual([])
    })

    on('answers null for a key that is only the beginning of others', async () => {
      await blobs.put('folder/inner/a', bytesOf('x'))
      expect(await blobs.get('folder/inner')).toBeNull()
      expect(await blobs.size('folder/inner')).toBeNull()
      await blobs.delete(['folder/inner', 'folder/inner/a/b'])
      expect(await blobs.get('folder/inner/a/b')).toBeNull()
      expect(await blobs.get('folder/inner/a')).toEqual(bytesOf('x'))
    })

    on('reads the part that is asked for, short at the end, empty behind it', async () => {
      const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await blobs.put('slice/a', every)
      await blobs.put('slice/empty', new Uint8Array())
      const parts = [
        [0, 256],
        [0, 1],
        [7, 20],
        [255, 1],
        [250, 20],
        [0, 10_000],
        [256, 1],
        [1000, 5],
      ] as const
      for (const [offset, length] of parts) {
        const expected = { size: 256, bytes: every.slice(offset, offset + length) }
        expect(await blobs.slice('slice/a', offset, length), `${offset} + ${length}`).toEqual(expected)
      }
      for (const offset of [0, 1])
        expect(await blobs.slice('slice/empty', offset, 10)).toEqual({ size: 0, bytes: new Uint8Array() })
      await blobs.put('slice/in/side', every)
      for (const key of ['slice/absent', 'slice/in', 'slice/a/b']) expect(await blobs.slice(key, 0, 10), key).toBeNull()
    })

    on('gives a part of its own, not of what is stored', async () => {
      await blobs.put('slice/own', bytesOf('before'))
      const part = await blobs.slice('slice/own', 0, 3)
      part?.bytes.fill(0)
      expect(await blobs.get('slice/own')).toEqual(bytesOf('before'))
    })

    on('deletes the keys it is given and no other, present or absent', async () => {
      for (const key of ['gone/a', 'gone/ab', 'gone/b']) await blobs.put(key, bytesOf(key))
      await blobs.delete(['gone/a', 'gone/never', 'gone/b'])
      await blobs.delete([])
      expect(await blobs.list('gone/')).toEqual(['gone/ab'])
      expect(await blobs.get('gone/a')).toBeNull()
    })

    on('lists keys in ascending order, a page at a time', async () => {
      const keys = Array.from({ length: 25 }, (_, at) => `page/${String(at).padStart(3, '0')}/${at % 2 ? 'x' : 'y'}`)
      for (const key of keys.toReversed()) await blobs.put(key, bytesOf('.'))
      await blobs.put('pagf', bytesOf('.'))
      expect(await blobs.list('page/')).toEqual(keys)
      const found: string[] = []
      for (;;) {
        const after = found.at(-1)
        const page = await blobs.list('page/', { limit: 10, ...(after === undefined ? {} : { after }) })
        if (page.length === 0) break
        expect(page.length).toBeLessThanOrEqual(10)
        found.push(...page)
      }
      expect(found).toEqual(keys)
    })

    on('lists by a prefix that ends within a name', async () => {
      for (const key of ['pre/fix-1', 'pre/fix-2', 'pre/other', 'prefix']) await blobs.put(key, bytesOf('.'))
      expect(await blobs.list('pre/fix')).toEqual(['pre/fix-1', 'pre/fix-2'])
      expect(await blobs.list('pre/', { after: 'pre/fix-1' })).toEqual(['pre/fix-2', 'pre/other'])
    })

    on('keeps a large blob whole', async () => {
      const bytes = Uint8Array.from({ length: LARGE_BYTES }, (_, at) => (at * 31) % 251)
      await blobs.put('large/a', bytes)
      const read = await blobs.get('large/a')
      // Compared by hand: a failed assertion over megabytes would take minutes to print.
      expect(read?.length).toBe(LARGE_BYTES)
      expect(read?.every((byte, at) => byte === bytes[at])).toBe(true)
      const offset = LARGE_BYTES - 2 * 1024 * 1024
      const part = await blobs.slice('large/a', offset, 1024 * 1024)
      expect(part?.size).toBe(LARGE_BYTES)
      expect(part?.bytes.length).toBe(1024 * 1024)
      expect(part?.bytes.every((byte, at) => byte === bytes[offset + at])).toBe(true)
    })

    on('puts what comes in pieces, of whatever lengths', async () => {
      const bytes = Uint8Array.from({ length: 20 * 1024 * 1024 + 5 }, (_, at) => (at * 31 + (at >> 12)) % 251)
      for (const size of [0, 1, 3_000_000, 8 * 1024 * 1024, 8 * 1024 * 1024 + 1, bytes.length]) {
        await blobs.putPieces('pieces/a', size, cut(bytes.subarray(0, size), 3_000_000))
        const read = await blobs.get('pieces/a')
        expect([read?.length, await blobs.size('pieces/a')], `${size}`).toEqual([size, size])
        expect(read?.every((byte, at) => byte === bytes[at])).toBe(true)
      }
    })

    on('leaves all as it was when pieces are too many, too few, or fail', async () => {
      const bytes = new Uint8Array(17 * 1024 * 1024)
      async function* failing() {
        yield bytes
        throw new Error('the source is gone')
      }
      await blobs.put('pieces/kept', bytesOf('before'))
      for (const key of ['pieces/kept', 'pieces/never']) {
        for (const size of [bytes.length - 1, bytes.length + 1])
          await expect(blobs.putPieces(key, size, cut(bytes, 5_000_000))).rejects.toThrow(RangeError)
        await expect(blobs.putPieces(key, bytes.length, failing())).rejects.toThrow('the source is gone')
      }
      expect(await blobs.get('pieces/kept')).toEqual(bytesOf('before'))
      expect(await blobs.get('pieces/never')).toBeNull()
      expect(await blobs.list('pieces/never')).toEqual([])
    })

    on('shows a reader one version or the other while a blob is replaced', async () => {
      const versions = [1, 2].map((byte) => new Uint8Array(200_000).fill(byte))
      await blobs.put('race/a', versions[0] as Uint8Array)
      const writes = Promise.all(versions.map((bytes) => blobs.put('race/a', bytes)))
      for (let round = 0; round < 20; round++) {
        const read = (await blobs.get('race/a')) as Uint8Array
        expect(read.length).toBe(200_000)
        expect(read.every((byte) => byte === read[0])).toBe(true)
        const part = await blobs.slice('race/a', 100_000, 50_000)
        expect(part?.bytes.every((byte) => byte === part.bytes[0])).toBe(true)
        expect(await blobs.list('race/')).toEqual(['race/a'])
      }
      await writes
    })

    on('refuses keys that lead out of the store', async () => {
      for (const key of ['../outside', 'a/../../outside', '/etc/passwd', '..']) {
        await expect(blobs.put(key, bytesOf('x')), key).rejects.toThrow(RangeError)
        await expect(blobs.get(key), key).rejects.toThrow(RangeError)
        await expect(blobs.slice(key, 0, 1), key).rejects.toThrow(RangeError)
        await expect(blobs.size(key), key).rejects.toThrow(RangeError)
        await expect(blobs.delete([key]), key).rejects.toThrow(RangeError)
        await expect(blobs.list(`${key}/`), key).rejects.toThrow(RangeError)
      }
    })
  })
}
