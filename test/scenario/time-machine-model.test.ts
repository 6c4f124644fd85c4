/**
 * Goal: a read at any earlier time, or at any snapshot, equals what a plain list in memory recorded at that moment.
 * Method: random writes from a seed against an edge with a clock that only the test moves; after each the model notes every cube; then random
 * times are asked by list, by id and by search, and the namespace is brought back to snapshots.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { type OpenDatabase, openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

const STEPS = 60
const LOOKS = 25
const WORDS = ['anchor', 'buoy', 'cutter', 'dinghy', 'ebb', 'fender', 'galley', 'harbour', 'jetty', 'keel']
const LONG = ' and so the log goes on'.repeat(1700)

interface Known {
  content: string
  title: string | null
  tags: string[]
  revision: number
  isArchived: boolean
}
type World = Map<string, Known>

let opened: OpenDatabase
let edge: LocalEdge
let tenant: Tenant
const blobs = new MemoryBlobStore()

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  edge = await openLocalEdge({
    databases: new Map([['default', opened.database]]),
    blobs,
    embedder: new WordEmbedder('m'),
  })
  tenant = await newTenant(edge)
})
afterEach(async () => {
  await edge.close()
  await opened.close()
})

const name = { name: 'default' }
const copy = (world: World): World => new Map([...world].map(([id, known]) => [id, { ...known }]))

/** The namespace as the API shows it at a point. */
async function shown(asOf: string | undefined): Promise<World> {
  const world: World = new Map()
  for (let cursor: string | undefined; ; ) {
    const query = { limit: 7, includeArchived: 'true', ...(asOf && { asOf }), ...(cursor && { cursor }) }
    const page = await tenant.admin.ok('listCubes', { query })
    for (const { cubeId, content, revision, descriptive, behavioural } of page.items)
      world.set(cubeId, {
        content: content ?? '',
        title: descriptive.title,
        tags: descriptive.tags,
        revision,
        isArchived: behavioural.state === 'archived',
      })
    if (page.nextCursor === null) return world
    cursor = page.nextCursor
  }
}

it.each([1, 20_261, 99_173, 5_550_123])(
  'seed %i',
  async (seed) => {
    const { admin } = tenant
    const random = seededRandom(seed)
    const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
    const sentence = () =>
      `${Array.from({ length: 2 + random(4) }, () => pick(WORDS)).join(' ')}${random(6) === 0 ? LONG : ''}`
    const world: World = new Map()
    const erased = new Set<string>()
    const past: { asOf: string; world: World }[] = []
    const pins: { asOf: string; world: World }[] = []

    const create = async () => {
      const body = { content: sentence(), title: random(2) === 0 ? pick(WORDS) : undefined, tags: [pick(WORDS)] }
      const { cubeId } = await admin.ok('createCube', { body })
      world.set(cubeId, {
        content: body.content,
        title: body.title ?? null,
        tags: body.tags,
        revision: 1,
        isArchived: false,
      })
    }
    const revisions = new Map<string, Known[]>()
    const steps: Record<string, (cubeId: string, known: Known) => Promise<void>> = {
      update: async (cubeId, known) => {
        if (known.isArchived) return
        const content = sentence()
        const tags = [pick(WORDS)]
        await admin.ok('updateCube', { params: { cubeId }, body: { content, tags } })
        Object.assign(known, { content, tags, revision: known.revision + 1 })
      },
      restore: async (cubeId, known) => {
        const old = pick(revisions.get(cubeId) ?? [])
        if (old.revision === known.revision && !known.isArchived) return
        await admin.ok('restoreCube', { params: { cubeId }, body: { revision: old.revision } })
        Object.assign(known, { ...old, revision: known.revision + 1, isArchived: false })
      },
      move: async (cubeId, known) => {
        const event = known.isArchived ? 'restore' : 'archive'
        await admin.ok('changeLifecycle', { params: { cubeId }, body: { event } })
        known.isArchived = !known.isArchived
      },
      delete: async (cubeId) => {
        await admin.ok('deleteCube', { params: { cubeId } })
        world.delete(cubeId)
        erased.add(cubeId)
      },
    }

    for (let step = 0; step < STEPS; step++) {
      edge.clock.nowMs += 50
      const ids = [...world.keys()]
      const cubeId = ids.length === 0 ? undefined : pick(ids)
      const what =
        cubeId === undefined ? 'create' : pick(['create', 'update', 'update', 'update', 'restore', 'move', 'delete'])
      if (what === 'create') await create()
      else await steps[what]?.(cubeId as string, world.get(cubeId as string) as Known)
      for (const [id, known] of world) {
        const list = revisions.get(id) ?? []
        if (list.at(-1)?.revision !== known.revision) revisions.set(id, [...list, { ...known }])
      }
      edge.clock.nowMs += 50
      const asOf = new Date(edge.clock.nowMs).toISOString()
      past.push({ asOf, world: copy(world) })
      edge.clock.nowMs += 50
      if (random(10) === 0) {
        await admin.ok('createSnapshot', { params: name, body: { name: `pin-${step}` } })
        pins.push({ asOf: `snapshot:pin-${step}`, world: copy(world) })
      }
    }
    await edge.runTasks()

    const living = (then: World): World => new Map([...then].filter(([id]) => !erased.has(id)))
    for (const { asOf, world: then } of [...pins, ...Array.from({ length: LOOKS }, () => pick(past))]) {
      expect(await shown(asOf), `seed ${seed}, ${asOf}`).toEqual(living(then))
      const word = pick(WORDS)
      const found = await admin.ok('search', { body: { query: word, asOf, limit: 100, mode: 'lexical' } })
      const holders = [...living(then)].filter(
        ([, { content, title, isArchived }]) => !isArchived && `${title} ${content}`.includes(word),
      )
      expect(new Set(found.results.map(({ cube }) => cube.cubeId)), `seed ${seed}, ${word} at ${asOf}`).toEqual(
        new Set(holders.map(([id]) => id)),
      )
      for (const [cubeId, known] of living(then)) {
        const cube = await admin.ok('getCube', { params: { cubeId }, query: { asOf } })
        expect(cube).toMatchObject({ content: known.content, revision: known.revision })
      }
    }

    for (const { asOf, world: then } of pins) {
      await admin.ok('restoreSnapshot', { params: { ...name, snapshot: asOf.slice('snapshot:'.length) } })
      const strip = (one: World) =>
        new Map([...one].filter(([, known]) => !known.isArchived).map(([id, { revision: _, ...known }]) => [id, known]))
      expect(strip(await shown(undefined)), `seed ${seed}, back to ${asOf}`).toEqual(strip(living(then)))
      edge.clock.nowMs += 50
    }
    await edge.settle()
    await edge.runTasks()
    expect(await faultsOf(opened.database, blobs, tenant.id)).toEqual([])
  },
  120_000,
)
