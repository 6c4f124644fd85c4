import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PipelineInput } from '../../schemas/pipeline.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const CALLS_MAX = 200
const LARGE_TEXT = 'A long memory of the harbour. '.repeat(1200)
/** Tables that a pipeline may change, row by row. */
const TABLES = [
  'cubes',
  'revisions',
  'postings',
  'cold_postings',
  'embeddings',
  'cold_embeddings',
  'tombstones',
  'sessions',
  'transitions',
  'pipeline_runs',
  'outbox',
  'tasks',
]

/** Every kind of step that writes, over three memories of which one lies in a blob. */
const steps = ([first, second, third]: string[]): PipelineInput['steps'] => [
  { id: 'first', kind: 'retrieve', cubeIds: [first as never] },
  { id: 'second', kind: 'retrieve', cubeIds: [second as never] },
  { id: 'third', kind: 'retrieve', cubeIds: [third as never] },
  { id: 'found', kind: 'retrieve', query: 'harbour' },
  { id: 'text', kind: 'transform', from: 'found', op: 'concatenate' },
  { id: 'one', kind: 'create', from: 'text', relation: 'merged' },
  {
    id: 'longer',
    kind: 'transform',
    from: 'first',
    op: 'template',
    template: `{{content}} ${LARGE_TEXT.slice(0, 4000)}`,
  },
  { id: 'written', kind: 'update', from: 'longer' },
  { id: 'linked', kind: 'link', from: 'second', to: 'first', after: ['written'] },
  { id: 'away', kind: 'archive', from: 'second', after: ['linked'] },
  { id: 'gone', kind: 'forget', from: 'third', after: ['linked', 'one'] },
  { id: 'told', kind: 'publish', from: 'first', topic: 'ports', after: ['linked'] },
]

/**
 * Goal: a pipeline that fails at any call of any step leaves rows, postings, vectors and blobs exactly as before, or has done all of itself.
 * Method: the n-th call fails, for every n until the run no longer reaches it, before and after the call takes effect; every table is compared.
 */
export function pipelineFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`pipelines on ${host}`, () => {
    const fault = new Fault()
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    let edge: LocalEdge

    beforeAll(async () => {
      store = await open()
      edge = await openFailingEdge(store.database, blobs, fault, new WordEmbedder('m'))
    })
    afterAll(async () => {
      await edge.close()
      await store.close()
    })

    const prepare = async ({ admin }: Tenant): Promise<string[]> => {
      const cubes = [{ content: 'The harbour opens.' }, { content: 'The harbour closes.' }, { content: LARGE_TEXT }]
      const made = await admin.ok('createCubes', { body: { cubes } })
      await edge.runTasks()
      return made.cubes.map(({ cubeId }) => cubeId)
    }

    /** All rows of the tables, and all blobs; times, ids and salts of a run aside nothing may differ. */
    const everything = async ({ id }: Tenant) => {
      const rows = await Promise.all(
        TABLES.map((table) => store.database.all({ sql: `select * from ${table} order by 1, 2, 3`, params: [] })),
      )
      return JSON.stringify([rows, await blobs.list(`${id}/`)], (_, value) =>
        value instanceof Uint8Array ? value.length : value,
      )
    }

    it.each(['before', 'after'] as const)('that fail %s any call takes effect leave all or nothing', async (when) => {
      const outcomes = { nothing: 0, all: 0 }
      for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
        const tenant = await newTenant(edge)
        const ids = await prepare(tenant)
        await edge.settle()
        const before = await everything(tenant)
        fault.arm(atCall, when)
        const response = await tenant.admin.send('runPipeline', { body: { pipeline: { steps: steps(ids) } } })
        const text = await response.text()
        await edge.settle()
        fault.disarm()
        const runs = await store.database.all({
          sql: 'select count(*) from pipeline_runs where org_id = ?',
          params: [tenant.id],
        })
        const place = `${when} call ${atCall} (${fault.fired}): ${text.slice(0, 200)}`
        if (Number(runs[0]?.[0]) === 0) {
          outcomes.nothing += 1
          expect(response.status, place).toBeGreaterThanOrEqual(500)
          expect(await everything(tenant), place).toBe(before)
        } else {
          outcomes.all += 1
          const states = await store.database.all({
            sql: 'select c.state, c.revision from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ? order by c.seq',
            params: [tenant.id],
          })
          expect(states.map(String), place).toEqual(['generated,3', 'archived,1', 'generated,1'])
        }
        expect(await faultsOf(store.database, blobs, tenant.id), place).toEqual([])
        if (fault.fired !== null) continue
        expect(response.status, text).toBe(201)
        expect(outcomes.nothing).toBeGreaterThan(5)
        return
      }
      throw new Error(`the run still reached call ${CALLS_MAX}: raise CALLS_MAX`)
    })
  })
}
