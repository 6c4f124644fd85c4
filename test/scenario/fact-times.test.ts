/**
 * Goal: what a caller is shown of valid time and system time follows from the statements alone, and is what is stored.
 * Method: random statements, retractions, undone links and deletions through the API; the end that each read works out against the end that the
 * plans have written, and each earlier moment of system time against what was shown then. SEED=n repeats a run.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { seededRandom, startSeed } from '../conformance/seeded-random.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'

const SEED = startSeed()
const ROUNDS = 6
const STEPS = 30
const DAY_MS = 86_400_000
const START_MS = Date.UTC(2025, 0, 1)

let edge: LocalEdge
let close: () => Promise<void>

beforeAll(async () => {
  const home = await tempDir()
  const opened = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  edge = await openLocalEdge({ databases: new Map([['default', opened.database]]), blobs: new MemoryBlobStore() })
  close = async () => {
    await edge.close()
    await opened.close()
    await home.remove()
  }
})
afterAll(() => close())

const shown = async (admin: Caller, query: object = {}) =>
  (await admin.ok('listFacts', { query: { limit: 200, ...query } })).items
    .map(({ id, validTo, supersededBy }) => [id, validTo === null ? null : Date.parse(validTo), supersededBy].join(' '))
    .sort()

const stored = async (orgId: string) =>
  (
    await edge.rows(
      `select f.id, f.valid_to_ms, f.superseded_by from facts f join namespaces n on n.id = f.namespace_id
       where n.org_id = ? and f.retracted_at_ms is null`,
      orgId,
    )
  )
    .map((row) => row.join(' '))
    .sort()

it(`shows what is stored, and at an earlier moment what was shown then (SEED=${SEED})`, async () => {
  const random = seededRandom(SEED)
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T
  for (let round = 0; round < ROUNDS; round++) {
    const { admin, id: orgId } = await newTenant(edge)
    const cubes: string[] = []
    const facts: string[] = []
    const history: { atMs: number; seen: string[] }[] = []
    for (let step = 0; step < STEPS; step++) {
      const choice = random(10)
      const factId = facts.length > 0 ? pick(facts) : ''
      if (choice === 0 && factId !== '') await (await admin.send('retractFact', { params: { id: factId } })).text()
      else if (choice === 1 && factId !== '')
        await (await admin.send('undoFact', { params: { id: factId }, body: {} })).text()
      else {
        const cubeId =
          cubes.length > 3 && random(2) === 0
            ? pick(cubes)
            : (await admin.ok('createCube', { body: { content: 'x' } })).cubeId
        cubes.push(cubeId)
        const validFrom = START_MS + random(8) * DAY_MS
        const ended = random(6) === 0
        const body = {
          cubeId,
          subject: pick(['Ana', 'Bo']),
          predicate: pick(['lives_in', 'lives_in', 'likes', 'dislikes']),
          object: pick(['A', 'B', 'C']),
          validFrom,
          ...(random(4) === 0 && !ended ? { validTo: validFrom + (1 + random(5)) * DAY_MS } : {}),
          ended,
        }
        facts.push((await admin.ok('stateFact', { body })).id)
      }
      const where = `SEED=${SEED}, round ${round}, step ${step}`
      const seen = await shown(admin)
      expect(seen, where).toEqual(await stored(orgId))
      history.push({ atMs: edge.clock.nowMs, seen })
    }
    for (const { atMs, seen } of history)
      expect(await shown(admin, { knownAt: new Date(atMs).toISOString() })).toEqual(seen)
    for (const cubeId of new Set(cubes)) {
      if (random(3) > 0) continue
      await admin.ok('deleteCube', { params: { cubeId } })
      expect(await shown(admin), `SEED=${SEED}, round ${round}, after a deletion`).toEqual(await stored(orgId))
    }
  }
}, 120_000)
