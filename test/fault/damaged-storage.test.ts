/** Goal: one damaged memory costs that memory: its error has a code and names the cube, and everything else goes on. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { Database } from '../../worker/ports/database.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'

const LARGE_TEXT = 'The log book of the lighthouse. '.repeat(1500)

let edge: LocalEdge
let database: Database
let blobs: MemoryBlobStore
let tenant: Tenant
let cubeIds: string[]
let close: () => Promise<void>

beforeEach(async () => {
  const home = await tempDir()
  const opened = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  database = opened.database
  blobs = new MemoryBlobStore()
  edge = await openLocalEdge({ databases: new Map([['default', database]]), blobs })
  tenant = await newTenant(edge)
  const messages = ['The lighthouse is white', LARGE_TEXT, 'The lighthouse keeper is Ana'].map((content) => ({
    content,
  }))
  const made = await tenant.admin.ok('remember', { body: { session: 'talk', messages } })
  cubeIds = made.cubes.map(({ cubeId }) => cubeId)
  close = async () => {
    await edge.close()
    await opened.close()
    await home.remove()
  }
})
afterEach(() => close())

const damages: Record<string, { code: string; damage: () => Promise<unknown> }> = {
  'a blob that is missing': {
    code: 'blob_missing',
    damage: async () => blobs.delete(await blobs.list('cubes/')),
  },
  'a blob with other bytes': {
    code: 'data_corrupt',
    damage: async () => {
      for (const key of await blobs.list('cubes/')) await blobs.put(key, new TextEncoder().encode('something else'))
    },
  },
  'revision bytes that have changed': {
    code: 'data_corrupt',
    damage: () =>
      database.batch([
        {
          sql: "update revisions set bytes = cast(substr(bytes, 1, 40) || x'ff' || substr(bytes, 42) as blob) where cube_id = ?",
          params: [cubeIds[1] ?? ''],
        },
      ]),
  },
}

describe.each(Object.entries(damages))('%s', (_, { code, damage }) => {
  beforeEach(async () => {
    await damage()
  })

  it('is an error that names the cube, and only where that cube is asked for', async () => {
    const problem = await tenant.admin.refused('getCube', { params: { cubeId: cubeIds[1] ?? '' } })
    expect(problem).toMatchObject({ code, status: 500 })
    expect(problem.detail).toContain(cubeIds[1])
    expect(JSON.stringify(problem)).not.toContain('log book')
    const other = await tenant.admin.ok('getCube', { params: { cubeId: cubeIds[0] ?? '' } })
    expect(other.content).toBe('The lighthouse is white')
  })

  it('leaves searches, contexts and lists to the other memories, and says so', async () => {
    const { results, retrieval } = await tenant.admin.ok('search', { body: { query: 'lighthouse' } })
    expect(results.map(({ cube }) => cube.cubeId).sort()).toEqual([cubeIds[0], cubeIds[2]].sort())
    expect(retrieval.notes.join()).toContain('damaged')
    const context = await tenant.admin.ok('context', { body: { query: 'lighthouse' } })
    expect(context.text).toContain('keeper is Ana')
    const first = await tenant.admin.ok('listCubes', { query: { limit: 1 } as never })
    const second = await tenant.admin.ok('listCubes', { query: { limit: 1, cursor: first.nextCursor ?? '' } as never })
    expect([first, second].map(({ items }) => items[0]?.cubeId)).toEqual([cubeIds[2], cubeIds[0]])
    expect(second.nextCursor).toBeNull()
  })

  it('can be deleted, and leaves nothing behind', async () => {
    await tenant.admin.ok('deleteCube', { params: { cubeId: cubeIds[1] ?? '' } })
    expect(await faultsOf(database, blobs, tenant.id)).toEqual([])
    expect(await blobs.list('cubes/')).toEqual([])
    await tenant.admin.ok('remember', { body: { text: 'The lighthouse has a new log book' } })
  })

  it('does not keep its namespace from being deleted', async () => {
    await tenant.admin.ok('deleteNamespace', { params: { name: 'default' } })
    expect(await faultsOf(database, blobs, tenant.id)).toEqual([])
    expect(await blobs.list('cubes/')).toEqual([])
  })
})
