import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const CALLS_MAX = 120
const LARGE_TEXT = 'A long memory of the harbour. '.repeat(1200)
const CUBES = [
  { content: LARGE_TEXT, session: 'talk' },
  { content: 'The harbour opens.', session: 'talk' },
  { content: 'The harbour closes.', tags: ['port'] },
]

/**
 * Goal: an import that fails at any call leaves whole cubes or none, and importing the same archive again ends what it began, each cube once.
 * Method: the n-th call fails, for every n until the import no longer reaches it, before and after the call takes effect; then the archive is
 * imported again. Cube ids are unique in a database, so what was imported is erased before the next n.
 */
export function importFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`imports on ${host}`, () => {
    const fault = new Fault()
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    let edge: LocalEdge
    let archive: ArrayBuffer
    let tenant: Tenant

    beforeAll(async () => {
      store = await open()
      edge = await openFailingEdge(store.database, blobs, fault, new WordEmbedder('m'))
      tenant = await newTenant(edge)
      const { cubes } = await tenant.admin.ok('createCubes', { body: { cubes: CUBES } })
      const params = { cubeId: cubes[2]?.cubeId ?? '' }
      await tenant.admin.ok('updateCube', { params, body: { mode: 'append', content: 'In winter at four.' } })
      archive = await (await tenant.admin.raw('GET', '/v1/export?namespace=default')).arrayBuffer()
      await erase()
    })
    afterAll(async () => {
      await edge.close()
      await store.close()
    })

    const erase = () => tenant.admin.ok('deleteNamespace', { params: { name: 'default' } })
    const importIt = () => tenant.admin.raw('POST', '/v1/import?namespace=default', { body: archive })
    const stored = async () =>
      (
        await store.database.all({
          sql: 'select c.revision, c.content_bytes from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ? order by c.seq',
          params: [tenant.id],
        })
      ).map(([revision, bytes]) => [revision, Number(bytes) > 1000 ? 'long' : 'short'])

    it.each(['before', 'after'] as const)(
      'that fail %s any call takes effect are ended by importing again',
      async (when) => {
        for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
          fault.arm(atCall, when)
          const first = await importIt()
          const text = await first.text()
          await edge.settle()
          fault.disarm()
          const place = `${when} call ${atCall} (${fault.fired}): ${first.status} ${text.slice(0, 200)}`
          expect(await faultsOf(store.database, blobs, tenant.id), place).toEqual([])
          const again = await importIt()
          expect(again.status, `${place}; again ${again.status}`).toBe(200)
          const report = JSON.parse(await again.text())
          expect(report.created + report.updated + report.unchanged, place).toBe(CUBES.length)
          expect(await stored(), place).toEqual([
            [1, 'long'],
            [1, 'short'],
            [2, 'short'],
          ])
          expect(await faultsOf(store.database, blobs, tenant.id), place).toEqual([])
          await erase()
          if (fault.fired !== null) continue
          expect(first.status, text).toBe(200)
          expect(atCall).toBeGreaterThan(5)
          return
        }
        throw new Error(`the import still reached call ${CALLS_MAX}: raise CALLS_MAX`)
      },
    )
  })
}
