import type { z } from 'zod'
import type { Route } from '../../schemas/route.ts'
import { ROUTES, type RouteName } from '../../schemas/routes/all.ts'
import type { AccessWorld, Place, PlacedCube } from './access-world.ts'
import { NOBODY } from './tenant-world.ts'

/**
 * Operations that change something and name nothing that was there before. Whoever adds one says here that it needs no probe; any other new
 * operation is probed by itself, from its path and its schemas.
 */
export const UNTARGETED: ReadonlySet<string> = new Set([
  'createOrganisation',
  'createUser',
  'createAgent',
  'createKey',
  'createNamespace',
  'createMipSubscription',
  'createChatCompletion',
  'createNodeToken',
])

/** Operations that answer only where a GPU node is connected; what they recall for whom is told by chat.suite.ts. */
const NEEDS_NODE: ReadonlySet<string> = new Set(['createChatCompletion'])

export type Input = { params: Record<string, string>; query: Record<string, string>; body?: unknown }
/** What a request is about: a place, one of its cubes where the operation names one, or something else by its id. */
export interface Probe {
  name: RouteName
  route: Route
  input: Input
  place: Place | null
  cube: PlacedCube | null
  /** Whether it names something of another organisation. */
  isForeign: boolean
}

/** Ids of things by the path of the list that shows them, with the namespace that they lie in. */
export type Harvest = ReadonlyMap<string, readonly { id: string; place: Place | null }[]>

const routes = Object.entries(ROUTES) as [RouteName, Route][]
const shapeOf = (schema: z.ZodType | undefined): Record<string, unknown> =>
  (schema as { shape?: Record<string, unknown> } | undefined)?.shape ?? {}
const paramsOf = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
/** Only administrators of an organisation may; no reader of the matrix is one. */
/** An identity that nobody has named. */
const NO_PEER = 'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3'

const isForAdministrators = ({ scope }: Route): boolean =>
  scope === 'org:admin' || scope === 'key:admin' || scope === 'mip'

export const isReading = ({ method, scope }: Route): boolean =>
  method === 'get' || (method === 'post' && (scope === 'memory:read' || scope === 'log:read'))

const namesCube = (route: Route): boolean =>
  route.path.includes(':cubeId') || ['cubeId', 'cubeIds'].some((field) => field in shapeOf(route.body))
const namesPlace = (route: Route): boolean =>
  route.path.startsWith('/v1/namespaces/:name') ||
  'namespace' in shapeOf(route.query) ||
  ['namespace', 'namespaces', 'cubes'].some((field) => field in shapeOf(route.body))

/** Paths of the lists that ids for an operation come from, outermost first. */
function listsOf(route: Route): { param: string; list: string }[] {
  return paramsOf(route.path)
    .filter((param) => param !== 'cubeId' && !(param === 'name' && route.path.startsWith('/v1/namespaces/:name')))
    .map((param) => ({ param, list: route.path.slice(0, route.path.indexOf(`/:${param}`)) }))
}

/** Asks every list of an organisation for what is in it, as its administrator; lists inside of something after the lists of that. */
export async function harvest({ admin, places }: AccessWorld): Promise<Harvest> {
  const found = new Map<string, { id: string; place: Place | null }[]>()
  const wanted = new Set(routes.flatMap(([, route]) => listsOf(route).map(({ list }) => list)))
  const lists = routes.filter(
    ([, { method, path }]) => method === 'get' && wanted.has(path) && path !== '/v1/organisations',
  )
  for (const [name, route] of lists.toSorted(([, a], [, b]) => a.path.length - b.path.length)) {
    for (const place of namesPlace(route) ? places : [null]) {
      const ids = idsFor(route, listsOf(route), found, place)
      if (ids === null) continue
      const response = await admin.send(name, inputOf(route, { place, cube: null, ids }) as never)
      const page = (await response.json()) as { items?: Record<string, string>[] }
      const items = (page.items ?? []).map((item) => ({ id: idOf(route, item), place })).filter(({ id }) => id !== '')
      found.set(route.path, [...(found.get(route.path) ?? []), ...items])
    }
  }
  return found
}

/** `id`, or `blockId` in a list of blocks, or else the name by which paths name it. */
function idOf({ path }: Route, item: Record<string, string>): string {
  const kind = path.slice(path.lastIndexOf('/') + 1).replace(/s$/, '')
  return item.id ?? item[`${kind}Id`] ?? item.key ?? item.name ?? ''
}

/** Names of operations that no probe reaches: ids that no list gave, bodies without an example. */
export function uncovered(world: AccessWorld, harvested: Harvest): string[] {
  return routes
    .filter(([name]) => !UNTARGETED.has(name))
    .filter(([name, route]) => [...probesOf(name, route, world, world, harvested)].length === 0)
    .map(([name]) => name)
}

/** Every probe of one operation into `target`, which is the reader's own organisation or another one. */
export function* probesOf(
  name: RouteName,
  route: Route,
  reader: AccessWorld,
  target: AccessWorld,
  harvested: Harvest,
  own: Harvest = harvested,
): Generator<Probe> {
  if (NEEDS_NODE.has(name) || (route.body !== undefined && exampleOf(route) === null)) return
  const isForeign = reader !== target
  const lists = listsOf(route)
  const cubes = namesCube(route) ? target.cubes : [null]
  // Names are alike in all organisations: only ids tell of which one something is.
  if (isForeign && cubes[0] === null && lists.length === 0) return
  for (const cube of cubes) {
    for (const place of cube === null && namesPlace(route) ? target.places : [cube?.place ?? null]) {
      const ids = idsFor(route, lists, harvested, place)
      if (ids === null) continue
      // Names that both organisations have mean the reader's own.
      const isOwn = lists.some(({ list, param }) => own.get(list)?.some(({ id }) => id === ids[param]))
      if (isForeign && cube === null && isOwn) continue
      const input = inputOf(route, { place, cube, ids })
      for (const one of [input, ...asOfNow(route, input)]) yield { name, route, input: one, place, cube, isForeign }
    }
  }
}

/** The same request about the memory of a moment, where an operation looks back. */
function asOfNow(route: Route, input: Input): Input[] {
  const asOf = new Date().toISOString()
  if ('asOf' in shapeOf(route.query)) return [{ ...input, query: { ...input.query, asOf } }]
  if ('asOf' in shapeOf(route.body)) return [{ ...input, body: { ...(input.body as object), asOf } }]
  return []
}

/** An id for each further parameter, of the place where the path names one; null when the world has none. */
function idsFor(
  route: Route,
  lists: readonly { param: string; list: string }[],
  harvested: Harvest,
  place: Place | null,
): Record<string, string> | null {
  const ids: Record<string, string> = {}
  const isNested = route.path.startsWith('/v1/namespaces/:name')
  for (const { param, list } of lists) {
    const listed = harvested.get(list) ?? []
    const found = listed.find((one) => one.place === place) ?? (isNested ? undefined : listed[0])
    const id = found?.id ?? (isForAdministrators(route) ? (param === 'did' ? NO_PEER : NOBODY) : undefined)
    if (id === undefined) return null
    ids[param] = id
  }
  return ids
}

function inputOf(
  route: Route,
  { place, cube, ids }: { place: Place | null; cube: PlacedCube | null; ids: Record<string, string> },
): Input {
  const params = Object.fromEntries(
    paramsOf(route.path).map((param) => [
      param,
      ids[param] ?? (param === 'cubeId' ? cube?.cubeId : place?.name) ?? NOBODY,
    ]),
  )
  const query: Record<string, string> = {}
  if ('namespace' in shapeOf(route.query) && place !== null) query.namespace = place.name
  if ('from' in shapeOf(route.query) && route.path.endsWith('/diff'))
    query.from = ids.snapshot ?? '2020-01-01T00:00:00Z'
  return route.body === undefined ? { params, query } : { params, query, body: bodyOf(route, place, cube) }
}

function exampleOf(route: Route): Record<string, unknown> | null {
  const examples = route.body?.meta()?.examples as Record<string, unknown>[] | undefined
  return examples?.[0] ?? (route.body?.safeParse({}).success === true ? {} : null)
}

/** The example of the documentation, about this place and this cube. */
function bodyOf(route: Route, place: Place | null, cube: PlacedCube | null): unknown {
  const shape = shapeOf(route.body)
  const { userId: _, ...body } = exampleOf(route) ?? {}
  if (place !== null) {
    if ('namespace' in shape) body.namespace = place.name
    if ('namespaces' in shape) body.namespaces = [place.name]
    if (Array.isArray(body.cubes)) body.cubes = body.cubes.map((one: object) => ({ ...one, namespace: place.name }))
  }
  if (cube !== null && 'cubeId' in shape) body.cubeId = cube.cubeId
  if (cube !== null && 'cubeIds' in shape) body.cubeIds = [cube.cubeId]
  if ('query' in shape) body.query = 'Where does the heron of Paris live?'
  return body
}
