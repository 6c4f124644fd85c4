/** Goal: an organisation moves between two D1 databases row by row, and back; D1 binds and limits differ from libSQL. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { OLD_ROWS_MS } from '../../schemas/limits.ts'
import { R2BlobStore } from '../../worker/drivers/blob-store/r2.ts'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { RowWalk, START } from '../../worker/infrastructure/placement/row-walk.ts'
import type { Database } from '../../worker/ports/database.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { Caller, newTenant } from '../support/edge.ts'
import { openLocalEdge } from '../support/local-edge.ts'

const bindings = env as unknown as { DB: D1Database; DB_SHARD_1: D1Database; BLOBS: R2Bucket }

async function rowsOf(database: Database, orgId: string): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {}
  const walk = await RowWalk.over(database, orgId)
  for (let at: typeof START | null = START; at !== null; ) {
    const { pages, next } = await walk.next(at)
    for (const { table, rows } of pages) all[table.name] = [...(all[table.name] ?? []), ...rows]
    at = next
  }
  return all
}

it('moves an organisation between D1 databases and back, equal to the last row', async () => {
  const databases = new Map<string, Database>([
    ['default', new D1Driver('default', bindings.DB as never)],
    ['shard-1', new D1Driver('shard-1', bindings.DB_SHARD_1 as never)],
  ])
  const blobs = new R2BlobStore(bindings.BLOBS as never)
  const edge = await openLocalEdge({ databases, blobs })
  const root = new Caller(edge, edge.rootKey)
  const { id, admin } = await newTenant(edge)
  for (const session of ['one', 'two', 'three']) {
    const messages = Array.from({ length: 250 }, (_, at) => ({
      content: `Boat ${at} of fleet ${session}`,
      speaker: 'Ana',
    }))
    await admin.ok('remember', { body: { session, messages } })
  }
  const embedding = { model: 'test', values: [0.6, 0.8, 0] }
  const { cubeId } = await admin.ok('createCube', { body: { content: 'A red lighthouse', embedding } })
  await admin.ok('createCube', { body: { userId: 'ana', content: 'The harbour at night. '.repeat(2000) } })
  for (const [from, to] of [
    ['default', 'shard-1'],
    ['shard-1', 'default'],
  ] as const) {
    await edge.settle()
    const before = await rowsOf(databases.get(from) as Database, id)
    const task = await root.ok('moveOrganisation', { params: { id }, body: { database: to } })
    await edge.runTasks()
    edge.clock.nowMs += OLD_ROWS_MS
    await edge.runTasks()
    expect(await root.ok('getTask', { params: { id: task.id } })).toMatchObject({ state: 'succeeded', error: null })
    expect(await rowsOf(databases.get(to) as Database, id)).toEqual(before)
    const left = Object.entries(await rowsOf(databases.get(from) as Database, id)).filter(([, rows]) => rows.length > 0)
    expect(left).toEqual([])
    const nearest = await admin.ok('search', { body: { query: 'tower', mode: 'vector', vector: embedding.values } })
    expect(nearest.results[0]?.cube.cubeId).toBe(cubeId)
    expect(await faultsOf(databases.get(to) as Database, blobs, id)).toEqual([])
  }
  await edge.close()
}, 60_000)
