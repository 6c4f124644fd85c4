import { beforeAll, expect, it } from 'vitest'
import type { Route } from '../../schemas/route.ts'
import { ROUTES, type RouteName } from '../../schemas/routes/all.ts'
import { seededRandom, startSeed } from '../conformance/seeded-random.ts'
import { describeEdge, type EdgeUnderTest, fingerprintOf, type OpenEdge } from '../support/edge.ts'
import {
  type AccessWorld,
  buildAccessWorld,
  type Draw,
  isOpen,
  type PlacedCube,
  type Reader,
  reachOf,
} from './access-world.ts'
import { type Harvest, harvest, isReading, type Probe, probesOf, UNTARGETED, uncovered } from './route-probes.ts'
import { NOBODY } from './tenant-world.ts'

/** Readers of each organisation that are tried; inside workerd each request takes about ten times as long. */
const READERS_PER_WORLD = 'WebSocketPair' in globalThis ? 4 : 14
/** Places and cubes that one reader tries per operation, of its own organisation and of the other one; drawn where there are more. */
const OWN_PROBES_MAX = 6
const FOREIGN_PROBES_MAX = 2
const SEED = startSeed()
/** The log tells an organisation's own administrators every id, as it must. */
const TELLS_IDS: ReadonlySet<string> = new Set(['queryLog', 'exportLog'])

/**
 * Goal: whoever asks, in whatever context, by whatever operation, gets what the permissions of the moment give and not a word more.
 * Method: two organisations with memory of every sensitivity in every layer, random permissions by user, agent, role and organisation with
 * contexts and ends; keys of every kind. What each may see is worked out from that definition (access-world.ts), never from the database. Every
 * operation of the route table is then asked about every place and cube (route-probes.ts): answers may name what is allowed and nothing else.
 */
export function accessMatrix(open: OpenEdge) {
  describeEdge(`access matrix, seed ${SEED}`, open, (tenant, edge) => {
    let worlds: [AccessWorld, AccessWorld]
    let harvests: [Harvest, Harvest]
    const random = seededRandom(SEED)
    const draw: Draw = (list) => list[random(list.length)] as (typeof list)[number]
    beforeAll(async () => {
      worlds = [
        await buildAccessWorld(edge(), await tenant(), 'amber', draw),
        await buildAccessWorld(edge(), await tenant(), 'cobalt', draw),
      ]
      for (const world of worlds) await furnish(edge(), world)
      harvests = [await harvestOf(worlds[0]), await harvestOf(worlds[1])]
    }, 120_000)

    const readers = (): { world: AccessWorld; reader: Reader }[] =>
      worlds.flatMap((world) =>
        Array.from({ length: READERS_PER_WORLD }, () => ({ world, reader: draw(world.readers) })),
      )

    it('covers every operation there is', () => {
      expect(uncovered(worlds[0], harvests[0]), 'operations without a probe').toEqual([])
    })

    it('gives each cube whole, known of or not at all, as the permissions say', async () => {
      let tried = 0
      for (const { world, reader } of readers()) {
        for (const cube of worlds.flatMap(({ cubes }) => cubes)) {
          const { headers, caller } = reader
          const response = await caller.send('getCube', { params: { cubeId: cube.cubeId }, headers })
          const text = await response.text()
          const seen = response.status !== 200 ? 'nothing' : text.includes(cube.marker) ? 'all' : 'known'
          expect(seen, told(reader, cube, text)).toBe(reachOf(world, reader, cube))
          tried += 1
        }
        for (const place of world.places) await expectWholeLists(world, reader, place.name)
      }
      expect(tried).toBe(2 * READERS_PER_WORLD * worlds.flatMap(({ cubes }) => cubes).length)
    }, 120_000)

    it('shows nothing beyond that by any operation that reads', async () => {
      for (const { world, reader } of readers()) {
        for (const probe of probesFor(world, (route) => isReading(route))) await expectNoLeak(world, reader, probe)
      }
    }, 240_000)

    it('changes nothing beyond that by any operation that writes', async () => {
      const before = await stateOf(edge(), worlds)
      for (const { world, reader } of readers()) {
        for (const probe of probesFor(world, (route) => !isReading(route))) {
          if (!isForbidden(world, reader, probe, 'write')) continue
          const response = await send(reader, probe)
          const text = await response.clone().text()
          const about = `${reader.title}: ${probe.name} ${JSON.stringify(probe.input)} ${text}`
          // Another answer is as good where a cube that does not exist gets the same; that nothing has changed is seen below.
          const isRefused = response.status === 403 || response.status === 404
          if (!isRefused && probe.cube !== null)
            expect(await fingerprintOf(response), about).toBe(await withNobody(reader, probe))
          else expect(isRefused, about).toBe(true)
          expectClean(world, reader, probe, text)
        }
      }
      expect(await stateOf(edge(), worlds)).toEqual(before)
    }, 240_000)

    it('finds no cube by the words that it may not be known by', async () => {
      for (const { world, reader } of readers()) {
        const hidden = worlds.flatMap(({ cubes }) => cubes).filter((cube) => reachOf(world, reader, cube) !== 'all')
        for (let at = 0; at < Math.min(3, hidden.length); at++) {
          const { marker, cubeId } = draw(hidden)
          for (const route of ['search', 'context'] as const) {
            const body = { query: marker, explain: true }
            const text = await (await reader.caller.send(route, { body, headers: reader.headers } as never)).text()
            const { retrieval = { terms: [], spelling: {} }, ...answer } = JSON.parse(text)
            expect(JSON.stringify(answer).toLowerCase(), reader.title).not.toContain(marker.toLowerCase())
            expect(text, reader.title).not.toContain(cubeId)
            // The query itself may be repeated; what was found by it, and near it, tells of memory.
            const told = JSON.stringify([retrieval.terms, Object.values(retrieval.spelling)])
            for (const one of hidden) expect(told, reader.title).not.toContain(one.marker.toLowerCase())
          }
        }
      }
    }, 120_000)

    /** What the same request about a cube that does not exist is answered. */
    async function withNobody(reader: Reader, { name, input, cube }: Probe): Promise<string> {
      const nobody = JSON.parse(JSON.stringify(input).replaceAll(cube?.cubeId ?? NOBODY, NOBODY))
      return fingerprintOf(await reader.caller.send(name, { ...nobody, headers: reader.headers } as never))
    }

    /** Search and list give exactly what may be found in a place. */
    async function expectWholeLists(world: AccessWorld, reader: Reader, name: string): Promise<void> {
      const { caller, headers } = reader
      const here = world.cubes.filter((cube) => cube.place.name === name)
      const idsOf = (wanted: readonly string[]) =>
        here.filter((cube) => wanted.includes(reachOf(world, reader, cube))).map(({ cubeId }) => cubeId)
      const listed = await caller.send('listCubes', { query: { namespace: name, limit: 200 }, headers })
      const found = await caller.send('search', { body: { query: 'heron', namespaces: [name], limit: 50 }, headers })
      const { items = [] } = (await listed.json()) as { items?: { cubeId: string }[] }
      const { results = [] } = (await found.json()) as { results?: { cube: { cubeId: string } }[] }
      // Blocks and the like bring cubes of their own, which hold nothing of the world's.
      const placed = new Set(worlds.flatMap(({ cubes }) => cubes).map(({ cubeId }) => cubeId))
      const seen = (ids: string[]) => new Set(ids.filter((id) => placed.has(id)))
      expect(seen(items.map(({ cubeId }) => cubeId)), `${reader.title} lists ${name}`).toEqual(
        new Set(idsOf(['all', 'known'])),
      )
      expect(seen(results.map(({ cube }) => cube.cubeId)), `${reader.title} searches ${name}`).toEqual(
        new Set(idsOf(['all'])),
      )
    }

    function* probesFor(world: AccessWorld, wanted: (route: Route) => boolean): Generator<Probe> {
      for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
        if (UNTARGETED.has(name) || !wanted(route)) continue
        for (const [at, target] of worlds.entries()) {
          const own = harvests[worlds.indexOf(world)] as Harvest
          const probes = [...probesOf(name, route, world, target, harvests[at] as Harvest, own)]
          const max = target === world ? OWN_PROBES_MAX : FOREIGN_PROBES_MAX
          yield* probes.length <= max ? probes : new Set(Array.from({ length: max }, () => draw(probes)))
        }
      }
    }

    /** Whether the permissions leave no part of what a request is about. */
    function isForbidden(world: AccessWorld, reader: Reader, probe: Probe, access: 'read' | 'write'): boolean {
      const { place, cube, isForeign } = probe
      if (isForeign) return true
      const use = (one: PlacedCube) => reachOf(world, reader, one, access)
      if (cube !== null) return access === 'read' ? use(cube) === 'nothing' : use(cube) !== 'all'
      if (place === null) return false
      return (
        !isOpen(world, reader, place, access) &&
        !world.cubes.some((one) => one.place === place && use(one) !== 'nothing')
      )
    }

    async function expectNoLeak(world: AccessWorld, reader: Reader, probe: Probe): Promise<void> {
      const response = await send(reader, probe)
      const text = await response.text()
      const about = `${reader.title}: ${probe.name} ${JSON.stringify(probe.input)} gave ${response.status} ${text.slice(0, 300)}`
      expect(response.status, about).toBeLessThan(500)
      // An empty list says no more than a refusal.
      const isEmpty = text === '{"items":[],"nextCursor":null}'
      if (isForbidden(world, reader, probe, 'read') && !isEmpty)
        expect(response.status, about).toBeGreaterThanOrEqual(400)
      expectClean(world, reader, probe, text)
    }

    /** No word of what may not be read, no id of what may not be known of. */
    function expectClean(world: AccessWorld, reader: Reader, { name, input }: Probe, text: string): void {
      const lower = text.toLowerCase()
      const isTold = TELLS_IDS.has(name) && reader.subject === null && reader.names === null
      for (const cube of worlds.flatMap(({ cubes }) => cubes)) {
        const reach = reachOf(world, reader, cube)
        const about = `${name} ${JSON.stringify(input)}: ${told(reader, cube, text.slice(0, 400))}`
        if (reach !== 'all' && lower.includes(cube.marker.toLowerCase())) expect.fail(`a word leaks by ${about}`)
        if (reach === 'nothing' && !isTold && text.includes(cube.cubeId)) expect.fail(`an id leaks by ${about}`)
      }
    }
  })
}

const told = ({ title }: Reader, { place, sensitivity, cubeId }: PlacedCube, text: string): string =>
  `${title} at the ${sensitivity} cube ${cubeId} of ${place.name}: ${text}`

const send = ({ caller, headers }: Reader, { name, route, input }: Probe): Promise<Response> =>
  route.bodyType === undefined
    ? caller.send(name, { ...input, headers } as never)
    : caller.raw(route.method.toUpperCase(), `${route.path}?${new URLSearchParams(input.query)}`, {
        body: new Uint8Array(1024),
        headers: { ...headers, 'content-type': route.bodyType },
      })

/** Something of every kind that has a list: made by the operation that makes it, with the example of its documentation. */
async function furnish(edge: EdgeUnderTest, world: AccessWorld): Promise<void> {
  const lists = new Set(Object.values(ROUTES).map((route) => route.path.replace(/\/:\w+(\/[^:]*)?$/, '')))
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
    const isMaker = route.method === 'post' && route.status === 201 && lists.has(route.path)
    if (!isMaker || UNTARGETED.has(name) || /^(remember|createCubes?|createPermission)$/.test(name)) continue
    const made = new Set<unknown>()
    for (const probe of probesOf(name, route, world, world, new Map())) {
      if (made.has(probe.place)) continue
      made.add(probe.place)
      const { cubeId, ...body } = probe.input.body as { cubeId?: string }
      const example = (route as Route).body?.meta()?.examples as object[] | undefined
      const input = { ...probe.input, body: 'cubeId' in (example?.[0] ?? {}) ? { ...body, cubeId } : body }
      await (await world.admin.send(name, input as never)).text()
    }
  }
  // What only background work makes.
  await edge.rows(
    `insert into block_changes (id, block_id, namespace_id, kind, "before", "after", reason, caller, at_ms, questions)
     select '0000000000' || substr(b.id, 11), b.id, b.namespace_id, 'retire', '{}', '{}', 'planted', 'system', 1, 0
     from blocks b join namespaces n on n.id = b.namespace_id where n.org_id = ? returning id`,
    world.id,
  )
  for (const { cubeId } of world.cubes)
    await edge.rows(
      `insert into tasks (id, org_id, namespace_id, kind, state, input, progress, attempts, created_at_ms, updated_at_ms)
       select ?, ?, namespace_id, 'planted', 'queued', '{}', 0, 0, 0, 0 from cubes where cube_id = ? returning id`,
      `0000000000${cubeId.slice(10)}`,
      world.id,
      cubeId,
    )
}

/** What is made by background work may not be there yet: its name is guessed instead. */
async function harvestOf(world: AccessWorld): Promise<Harvest> {
  const entities = world.cubes.map(({ marker, place }) => ({ id: marker.toLowerCase(), place }))
  const found = new Map(await harvest(world))
  const path = '/v1/namespaces/:name/entities'
  found.set(path, [...(found.get(path) ?? []), ...entities])
  return found
}

/** Everything that a change of memory or of permissions would move. */
async function stateOf(edge: EdgeUnderTest, worlds: readonly AccessWorld[]): Promise<unknown[]> {
  const states: unknown[] = []
  for (const { id } of worlds) {
    states.push(
      await edge.rows(
        'select c.cube_id, c.revision, c.cid, c.sensitivity from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ? order by 1',
        id,
      ),
      await edge.rows('select name, settings from namespaces where org_id = ? order by 1', id),
      await edge.rows('select id, subject_id, access, clearance from permissions where org_id = ? order by 1', id),
      await edge.rows(
        'select b.block_id, b.cube_id, b.retired_at_ms from block_members b join namespaces n on n.id = b.namespace_id where n.org_id = ? order by 1, 2',
        id,
      ),
      await edge.rows('select id, state from tasks where org_id = ? and kind = ? order by 1', id, 'planted'),
    )
  }
  return states
}
