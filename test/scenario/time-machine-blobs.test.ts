/**
 * Goal: a blob lives exactly as long as a revision, a snapshot or a branch needs it, and what is restored gets its vectors again.
 * Method: an edge inside the test with a clock that only the test moves, and its rows and blobs asked past every class.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BRANCH_CUBES_MAX, SNAPSHOT_RESTORE_CUBES_MAX } from '../../schemas/limits.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { type OpenDatabase, openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const HOUR_MS = 60 * 60 * 1000
const LARGE = 'lighthouse keeper '.repeat(3000)

let opened: OpenDatabase
let blobs: MemoryBlobStore
let edge: LocalEdge
let admin: Caller
let orgId: string

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  blobs = new MemoryBlobStore()
  const databases = new Map([['default', opened.database]])
  edge = await openLocalEdge({ databases, blobs, embedder: new WordEmbedder('m') })
  const tenant = await newTenant(edge)
  admin = tenant.admin
  orgId = tenant.id
})
afterEach(async () => {
  await edge.close()
  await opened.close()
})

const name = { name: 'default' }
const branch = { ...name, branch: 'idea' }
const keys = async () => (await blobs.list('cubes/')).length
const create = (content: string) => admin.ok('createCube', { body: { content } })
const onBranch = (cubeId: string, content: string) =>
  admin.ok('updateBranchCube', { params: { ...branch, cubeId }, body: { content } })

/** Rounds of the sweep, long enough apart for every suspicion to be acted on. */
async function sweep() {
  for (let round = 0; round < 4; round++) {
    edge.clock.nowMs += 2 * HOUR_MS
    await edge.components.tick()
  }
}

it('keeps what only a snapshot or a branch names, through every sweep', async () => {
  const { cubeId } = await create(LARGE)
  await admin.ok('createSnapshot', { params: name, body: { name: 'pin' } })
  await admin.ok('updateCube', { params: { cubeId }, body: { content: 'short' } })
  await admin.ok('updateNamespace', {
    params: name,
    body: { settings: { lifecycle: { revisionsKept: 1, idleDays: null } } },
  })
  await admin.ok('createBranch', { params: name, body: { name: 'idea' } })
  await onBranch(cubeId, `${LARGE} on the branch`)
  const made = await admin.ok('createBranchCube', { params: branch, body: { content: `${LARGE} new` } })
  await sweep()
  expect(await keys()).toBe(3)
  const at = async (id: string, asOf: string) =>
    (await admin.ok('getCube', { params: { cubeId: id }, query: { asOf } })).content
  expect(await at(cubeId, 'snapshot:pin')).toBe(LARGE)
  expect(await at(cubeId, 'branch:idea')).toBe(`${LARGE} on the branch`)
  expect(await at(made.cubeId, 'branch:idea')).toBe(`${LARGE} new`)
  await onBranch(cubeId, 'short on the branch')
  expect(await keys()).toBe(2)
  await admin.ok('discardBranch', { params: branch })
  expect(await keys()).toBe(1)
  await admin.ok('deleteSnapshot', { params: { ...name, snapshot: 'pin' } })
  await sweep()
  expect(await keys()).toBe(0)
  expect(await faultsOf(opened.database, blobs, orgId)).toEqual([])
})

it('takes a merged text over and leaves no other behind', async () => {
  const { cubeId } = await create(`${LARGE}\nfirst\nmiddle\nlast`)
  await admin.ok('createBranch', { params: name, body: { name: 'idea' } })
  await onBranch(cubeId, `${LARGE}\nFIRST\nmiddle\nlast`)
  await admin.ok('updateCube', { params: { cubeId }, body: { content: `${LARGE}\nfirst\nmiddle\nLAST` } })
  await admin.ok('mergeBranch', { params: branch, body: {} })
  expect((await admin.ok('getCube', { params: { cubeId } })).content).toBe(`${LARGE}\nFIRST\nmiddle\nLAST`)
  expect(await keys()).toBe(3)
  await sweep()
  expect(await faultsOf(opened.database, blobs, orgId)).toEqual([])
})

it('erases with a cube, or its namespace, every blob that a branch holds', async () => {
  const { cubeId } = await create('short')
  await admin.ok('createBranch', { params: name, body: { name: 'idea' } })
  await onBranch(cubeId, LARGE)
  await admin.ok('createBranchCube', { params: branch, body: { content: `${LARGE} new` } })
  await admin.ok('deleteCube', { params: { cubeId } })
  expect(await keys()).toBe(1)
  await admin.ok('deleteNamespace', { params: name })
  expect(await keys()).toBe(0)
})

it('embeds what a restore brought back', async () => {
  const { cubeId } = await create('the anchor is heavy')
  await admin.ok('updateCube', { params: { cubeId }, body: { content: 'a song about rain' } })
  await edge.runTasks()
  await admin.ok('restoreCube', { params: { cubeId }, body: { revision: 1 } })
  expect(await edge.rows('select count(*) from embeddings')).toEqual([[0]])
  await edge.runTasks()
  expect(await edge.rows('select count(*) from embeddings')).toEqual([[1]])
  const { results, retrieval } = await admin.ok('search', { body: { query: 'heavy anchor', mode: 'vector' } })
  expect([results[0]?.cube.cubeId, retrieval.mode]).toEqual([cubeId, 'vector'])
})

it('takes as many cubes at once as the limits say, in fewer statements than D1 gives one invocation', async () => {
  const contents = Array.from({ length: SNAPSHOT_RESTORE_CUBES_MAX }, (_, n) => ({
    content: `note ${n}`,
    session: `s${n}`,
  }))
  const { cubes } = await admin.ok('createCubes', { body: { cubes: contents } })
  await edge.runTasks()
  await admin.ok('createSnapshot', { params: name, body: { name: 'pin' } })
  await admin.ok('createBranch', { params: name, body: { name: 'idea' } })
  for (const { cubeId } of cubes.slice(0, BRANCH_CUBES_MAX)) await onBranch(cubeId, `idea of ${cubeId}`)
  const refused = await admin.refused('createBranchCube', { params: branch, body: { content: 'one too many' } })
  expect(refused).toMatchObject({ status: 409, field: 'branch' })
  const sizes: number[] = []
  const batch = opened.database.batch.bind(opened.database)
  opened.database.batch = (statements) => {
    sizes.push(statements.length)
    return batch(statements)
  }
  expect((await admin.ok('mergeBranch', { params: branch, body: {} })).revised).toHaveLength(BRANCH_CUBES_MAX)
  const restored = await admin.ok('restoreSnapshot', { params: { ...name, snapshot: 'pin' } })
  expect(restored.revised).toHaveLength(SNAPSHOT_RESTORE_CUBES_MAX)
  expect(Math.max(...sizes)).toBeLessThan(900)
  expect(await faultsOf(opened.database, blobs, orgId)).toEqual([])
})

it('asks the database nothing more when no point is named', async () => {
  await create('the anchor is heavy')
  const statements: string[] = []
  const all = opened.database.all.bind(opened.database)
  opened.database.all = (statement) => {
    statements.push(statement.sql)
    return all(statement)
  }
  await admin.ok('search', { body: { query: 'anchor', mode: 'lexical' } })
  await admin.ok('listCubes', { query: {} })
  expect(statements.length).toBeGreaterThan(3)
  expect(statements.filter((sql) => /snapshot|branch|created_at_ms <=/.test(sql))).toEqual([])
})
