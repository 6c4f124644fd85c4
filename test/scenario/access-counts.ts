import type { Sensitivity } from '../../schemas/vocabulary.ts'
import type { EdgeUnderTest } from '../support/edge.ts'
import { differences, type Expectation } from './access-checks.ts'
import {
  type AccessWorld,
  isOpen,
  type Place,
  type PlacedCube,
  type Reader,
  rank,
  rankIn,
  reachOf,
} from './access-world.ts'

const SNAPSHOT = 'counted'

/** What is there to be counted in one world, by the place that it lies in. */
export interface Counted {
  /** The world with the cubes that blocks and branches brought; only they are not of its definition. */
  world: AccessWorld
  pinned: ReadonlyMap<string, readonly PlacedCube[]>
  blocks: ReadonlyMap<string, string>
}

/** Makes something of each kind that counts, in every place. */
export async function furnishCounts(edge: EdgeUnderTest, world: AccessWorld): Promise<Counted> {
  const { admin, places } = world
  const blocks = new Map<string, string>()
  for (const { name } of places) {
    const { blockId } = await admin.ok('createBlock', { body: { namespace: name, name: SNAPSHOT, text: 'Counted.' } })
    const cubeIds = world.cubes.filter(({ place }) => place.name === name).map(({ cubeId }) => cubeId)
    await admin.ok('addMembers', { params: { id: blockId }, body: { cubeIds } })
    blocks.set(name, blockId)
    await admin.ok('runSchedule', { params: { name }, body: {} })
    await admin.ok('createSnapshot', { params: { name }, body: { name: SNAPSHOT } })
  }
  const rows = await edge.rows(
    'select n.name, c.cube_id, c.sensitivity from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ?',
    world.id,
  )
  const further = rows.flatMap(([name, cubeId, sensitivity]): PlacedCube[] => {
    const place = places.find((one) => one.name === name)
    const isKnown = world.cubes.some((cube) => cube.cubeId === cubeId)
    if (isKnown || place === undefined) return []
    return [{ cubeId: String(cubeId), place, sensitivity: sensitivity as Sensitivity, marker: '' }]
  })
  const cubes = [...world.cubes, ...further]
  const pinned = new Map(places.map(({ name }) => [name, cubes.filter(({ place }) => place.name === name)]))
  return { world: { ...world, cubes }, pinned, blocks }
}

/** Every number that a reader is shown, compared with what it may read. */
export async function countFaults(counted: Counted, reader: Reader, reach: Expectation = reachOf): Promise<string[]> {
  const { world } = counted
  const faults: string[] = []
  for (const place of world.places) faults.push(...(await placeFaults(counted, reader, place, reach)))
  faults.push(...(await logFaults(world, reader, reach)), ...(await taskFaults(world, reader)))
  if (reader.subject === null && reader.names === null) {
    const { cubes } = await reader.caller.ok('getUsage', { headers: reader.headers })
    const wanted = world.cubes.filter((cube) => reach(world, reader, cube) === 'all').length
    faults.push(...unless(cubes, wanted, `usage for ${reader.title}`))
  }
  return faults
}

async function placeFaults(
  { world, pinned, blocks }: Counted,
  reader: Reader,
  place: Place,
  reach: Expectation,
): Promise<string[]> {
  const { caller, headers } = reader
  const { name } = place
  const params = { name }
  const about = (what: string) => `${what} of ${name} for ${reader.title}`
  if (!isOpen(world, reader, place, 'read')) {
    const { status } = await caller.send('getNamespace', { params, headers })
    return unless(status, 404, about('status'))
  }
  const readable = (cubes: readonly PlacedCube[]) => cubes.filter((cube) => reach(world, reader, cube) === 'all')
  const here = readable(world.cubes.filter((cube) => cube.place === place))
  const namespace = await caller.ok('getNamespace', { params, headers })
  const { items } = await caller.ok('listSnapshots', { params, headers })
  const snapshot = items.find((one) => one.name === SNAPSHOT)
  const detail = await caller.ok('getSnapshot', { params: { name, snapshot: SNAPSHOT }, headers })
  const block = await caller.ok('getBlock', { params: { id: blocks.get(name) ?? '' }, headers })
  const query = { from: '2020-01-01T00:00:00Z', limit: 200 }
  const diff = await caller.ok('diffNamespace', { params, query, headers })
  const pins = readable(pinned.get(name) ?? []).length
  const ids = diff.items.map(({ cubeId }) => cubeId)
  return [
    ...unless(namespace.cubes, here.length, about('namespace')),
    ...unless(snapshot?.cubes, pins, about('snapshot in the list')),
    ...unless(detail.cubes, pins, about('snapshot')),
    ...unless(block.members, here.filter(({ marker }) => marker !== '').length, about('block')),
    ...differences(
      ids,
      here.map(({ cubeId }) => cubeId),
      about('diff'),
    ),
    ...(await scheduleFaults(world, reader, place, about('hot set'))),
  ]
}

async function scheduleFaults(world: AccessWorld, reader: Reader, place: Place, about: string): Promise<string[]> {
  const { caller, headers } = reader
  const { decision } = await caller.ok('getSchedule', { params: { name: place.name }, headers })
  if (decision === null) return [`${about}: no decision`]
  const readsAll = rankIn(world, reader, place, 'read') === rank('secret')
  const ids = decision.choice.cubeIds as string[]
  return [
    ...unless(decision.choice.cubes, ids.length, about),
    ...unless('candidates' in decision.inputs, readsAll, `candidates, ${about}`),
    ...unless('entered' in decision.choice, readsAll, `entered, ${about}`),
  ]
}

/** Entries of `addMembers`, one in each place, which touched a cube of every sensitivity. */
async function logFaults(world: AccessWorld, reader: Reader, reach: Expectation): Promise<string[]> {
  const { caller, headers, subject, names } = reader
  const { items } = await caller.ok('queryLog', { query: { operation: 'addMembers', limit: 200 }, headers })
  const isWhole = subject === null && names === null
  return items.flatMap(({ namespace, cubeCount, cubeIds, requestId }) => {
    const here = world.cubes.filter(({ place, marker }) => place.name === namespace && marker !== '')
    const shown = here.filter((cube) => isWhole || reach(world, reader, cube) !== 'nothing')
    const about = `log entry of request ${requestId} in ${namespace} for ${reader.title}`
    return [...unless(cubeCount, shown.length, about), ...unless(cubeIds.length, shown.length, `ids, ${about}`)]
  })
}

/** Planted tasks: one for each cube of the definition, named by the end of its id. */
async function taskFaults(world: AccessWorld, reader: Reader): Promise<string[]> {
  const { caller, headers } = reader
  const { items } = await caller.ok('listTasks', { query: { limit: 200 }, headers })
  return items.flatMap(({ id, kind, progress }) => {
    const cube = world.cubes.find(({ cubeId }) => cubeId.slice(10) === id.slice(10))
    if (kind !== 'planted' || cube === undefined) return []
    const readsAll = rankIn(world, reader, cube.place, 'read') === rank('secret')
    return unless(progress !== null, readsAll, `progress of a task of ${cube.place.name} for ${reader.title}`)
  })
}

const unless = (seen: unknown, wanted: unknown, about: string): string[] =>
  seen === wanted ? [] : [`${about}: ${seen} instead of ${wanted}`]
