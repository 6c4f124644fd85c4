import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { FileSystemBlobStore } from '../../worker/drivers/blob-store/file-system.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { tempDir } from '../support/temp-dir.ts'
import { mountTinyDisk } from '../support/tiny-disk.ts'
import { testBlobStore } from './blob-store.suite.ts'

testBlobStore('memory', async () => ({ blobs: new MemoryBlobStore(), close: async () => {} }), {
  'refuses keys that lead out of the store': 'a key is a name in a Map: nothing lies outside',
})

testBlobStore('file system', async () => {
  const home = await tempDir()
  return { blobs: new FileSystemBlobStore(join(home.path, 'blobs')), close: home.remove }
})

const disk = mountTinyDisk(1024)
afterAll(() => disk?.remove())

it.skipIf(disk === null)(
  'says storage_full on a full disk, leaves no part behind, and works again after (root only)',
  async () => {
    if (disk === null) return
    const blobs = new FileSystemBlobStore(disk.path)
    await blobs.put('kept/a', new Uint8Array(600 * 1024).fill(1))
    await expect(blobs.put('kept/b', new Uint8Array(600 * 1024))).rejects.toMatchObject({ code: 'storage_full' })
    // Also a replacement that does not fit leaves the old version as it was.
    await expect(blobs.put('kept/a', new Uint8Array(700 * 1024))).rejects.toMatchObject({ code: 'storage_full' })
    expect(readdirSync(join(disk.path, 'kept'))).toEqual(['a'])
    expect(await blobs.size('kept/a')).toBe(600 * 1024)
    await rm(join(disk.path, 'kept', 'a'))
    await blobs.put('kept/b', new Uint8Array(600 * 1024).fill(2))
    expect((await blobs.get('kept/b'))?.[0]).toBe(2)
  },
)
