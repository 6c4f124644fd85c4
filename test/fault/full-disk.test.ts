/** Goal: a database that takes no writes says so with a code, goes on answering reads, and takes writes again when it can. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant } from '../support/edge.ts'
import { openLocalEdge } from '../support/local-edge.ts'
import { lockDatabase } from '../support/lock-database.ts'
import { tempDir } from '../support/temp-dir.ts'
import { mountTinyDisk } from '../support/tiny-disk.ts'

const DISK_KIB = 12 * 1024
const WRITES_MAX = 1000

const disk = mountTinyDisk(DISK_KIB)
afterAll(() => disk?.remove())

it.skipIf(disk === null)(
  'answers storage_full on a full disk, reads on, and writes again when there is space (root only)',
  async () => {
    if (disk === null) return
    const filler = join(disk.path, 'filler')
    const blobs = new MemoryBlobStore()
    const opened = await openLibsql('default', `file:${join(disk.path, 'memos.db')}`)
    try {
      const edge = await openLocalEdge({ databases: new Map([['default', opened.database]]), blobs })
      const tenant = await newTenant(edge)
      writeFileSync(filler, new Uint8Array(4 * 1024 * 1024))
      let written = 0
      let refusal: Response | null = null
      while (refusal === null && written < WRITES_MAX) {
        const messages = Array.from({ length: 20 }, (_, at) => ({
          content: `Barrel ${written} ${at} holds salted herring`,
        }))
        const response = await tenant.admin.send('remember', { body: { messages } })
        if (response.ok) written += 1
        else refusal = response
      }
      expect(refusal?.status).toBe(507)
      expect(await refusal?.json()).toMatchObject({ code: 'storage_full' })
      const { results } = await tenant.admin.ok('search', { body: { query: 'herring' } })
      expect(results.length).toBeGreaterThan(0)
      expect(await faultsOf(opened.database, blobs, tenant.id)).toEqual([])

      rmSync(filler)
      await tenant.admin.ok('remember', { body: { text: 'There is room for a barrel of cod' } })
      expect((await tenant.admin.ok('search', { body: { query: 'cod' } })).results).toHaveLength(1)
      expect((await tenant.admin.ok('getUsage', {})).cubes).toBe(written * 20 + 1)
      expect(await faultsOf(opened.database, blobs, tenant.id)).toEqual([])
      await edge.close()
    } finally {
      await opened.close()
    }
  },
)

it('answers database_busy with a time to retry while another process writes, and reads on', async () => {
  await using home = await tempDir()
  const path = join(home.path, 'memos.db')
  const opened = await openLibsql('default', `file:${path}`)
  const edge = await openLocalEdge({ databases: new Map([['default', opened.database]]), blobs: new MemoryBlobStore() })
  const tenant = await newTenant(edge)
  await tenant.admin.ok('remember', { body: { text: 'The anchor is heavy' } })
  const unlock = await lockDatabase(path)
  const response = await tenant.admin.send('remember', { body: { text: 'too early' } })
  expect(response.status).toBe(503)
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await response.json()).toMatchObject({ code: 'database_busy' })
  expect((await tenant.admin.ok('search', { body: { query: 'anchor' } })).results).toHaveLength(1)
  await unlock()
  await tenant.admin.ok('remember', { body: { text: 'in time' } })
  expect((await tenant.admin.ok('listCubes', { query: {} })).items.map(({ content }) => content)).toEqual([
    'in time',
    'The anchor is heavy',
  ])
  await edge.close()
  await opened.close()
})
