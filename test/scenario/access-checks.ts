import type { Route } from '../../schemas/route.ts'
import { fingerprintOf } from '../support/edge.ts'
import { type AccessWorld, isOpen, type PlacedCube, type Reader, reachOf } from './access-world.ts'
import { isReading, type Probe } from './route-probes.ts'
import { NOBODY } from './tenant-world.ts'

/** The log tells an organisation's own administrators every id, as it must. */
const TELLS_IDS: ReadonlySet<string> = new Set(['queryLog', 'exportLog'])

/** What a reader may do with a cube: `reachOf`, or a wrong answer, to see that the checks report it. */
export type Expectation = typeof reachOf

/**
 * Compares what readers get with what is expected. Each check answers with its faults, an empty list where all is as it should be, so that a
 * test can also ask whether a leak would be found.
 */
export class AccessChecks {
  readonly #worlds: readonly AccessWorld[]
  readonly #reach: Expectation

  constructor(worlds: readonly AccessWorld[], reach: Expectation = reachOf) {
    this.#worlds = worlds
    this.#reach = reach
  }

  /** A cube that is asked for by its id: whole, known of, or not there. */
  async cube(world: AccessWorld, reader: Reader, cube: PlacedCube): Promise<string[]> {
    const { headers, caller } = reader
    const response = await caller.send('getCube', { params: { cubeId: cube.cubeId }, headers })
    const text = await response.text()
    const seen = response.status !== 200 ? 'nothing' : text.includes(cube.marker) ? 'all' : 'known'
    const wanted = this.#reach(world, reader, cube)
    return seen === wanted ? [] : [`${told(reader, cube, text.slice(0, 400))}: ${seen} instead of ${wanted}`]
  }

  /** Search and list give exactly what may be found in a place. */
  async lists(world: AccessWorld, reader: Reader, name: string): Promise<string[]> {
    const { caller, headers } = reader
    const here = world.cubes.filter((cube) => cube.place.name === name)
    const idsOf = (wanted: readonly string[]) =>
      here.filter((cube) => wanted.includes(this.#reach(world, reader, cube))).map(({ cubeId }) => cubeId)
    const listed = await caller.send('listCubes', { query: { namespace: name, limit: 200 }, headers })
    const found = await caller.send('search', { body: { query: 'heron', namespaces: [name], limit: 50 }, headers })
    const { items = [] } = (await listed.json()) as { items?: { cubeId: string }[] }
    const { results = [] } = (await found.json()) as { results?: { cube: { cubeId: string } }[] }
    // Blocks and the like bring cubes of their own, which hold nothing of the world's.
    const placed = new Set(this.#cubes().map(({ cubeId }) => cubeId))
    const seen = (ids: readonly string[]) => ids.filter((id) => placed.has(id))
    return [
      ...differences(seen(items.map(({ cubeId }) => cubeId)), idsOf(['all', 'known']), `${reader.title} lists ${name}`),
      ...differences(seen(results.map(({ cube }) => cube.cubeId)), idsOf(['all']), `${reader.title} searches ${name}`),
    ]
  }

  /** An operation that reads names what is allowed and nothing else. */
  async reading(world: AccessWorld, reader: Reader, probe: Probe): Promise<string[]> {
    const response = await send(reader, probe)
    const text = await response.text()
    const about = `${aboutOf(reader, probe)} gave ${response.status} ${text.slice(0, 300)}`
    // An empty list says no more than a refusal.
    const isEmpty = text === '{"items":[],"nextCursor":null}'
    const isAnswered = response.status < 400 && !isEmpty
    return [
      ...(response.status >= 500 ? [`failed: ${about}`] : []),
      ...(hasReadableCursor(text) ? [`a cursor can be read: ${about} ${text.slice(-200)}`] : []),
      ...(isAnswered && this.isForbidden(world, reader, probe) ? [`answered: ${about}`] : []),
      ...this.words(world, reader, probe, text),
    ]
  }

  /** A forbidden write is refused, as one of a cube that does not exist. That nothing has changed is for its caller to see. */
  async writing(world: AccessWorld, reader: Reader, probe: Probe): Promise<string[]> {
    const response = await send(reader, probe)
    const text = await response.clone().text()
    const isRefused = response.status === 403 || response.status === 404
    const isAsNobody = async () => (await fingerprintOf(response)) === (await withNobody(reader, probe))
    const isRight = isRefused || (probe.cube !== null && (await isAsNobody()))
    return [
      ...(isRight ? [] : [`not refused: ${aboutOf(reader, probe)} ${text.slice(0, 300)}`]),
      ...this.words(world, reader, probe, text),
    ]
  }

  /** Whether the permissions leave no part of what a request is about. */
  isForbidden(world: AccessWorld, reader: Reader, { route, place, cube, isForeign }: Probe): boolean {
    if (isForeign) return true
    const access = isReading(route) ? 'read' : 'write'
    const use = (one: PlacedCube) => this.#reach(world, reader, one, access)
    if (cube !== null) return access === 'read' ? use(cube) === 'nothing' : use(cube) !== 'all'
    if (place === null || isOpen(world, reader, place, access)) return false
    return !world.cubes.some((one) => one.place === place && use(one) !== 'nothing')
  }

  /** No word of what may not be read, no id of what may not be known of. */
  words(world: AccessWorld, reader: Reader, { name, input }: Pick<Probe, 'name' | 'input'>, text: string): string[] {
    const lower = text.toLowerCase()
    const isTold = TELLS_IDS.has(name) && reader.subject === null && reader.names === null
    return this.#cubes().flatMap((cube) => {
      const [hasWord, hasId] = [lower.includes(cube.marker.toLowerCase()), text.includes(cube.cubeId)]
      // What a cube may be used for is worked out for those only that an answer speaks of: there are few, and many answers.
      if (!hasWord && !hasId) return []
      const reach = this.#reach(world, reader, cube)
      const about = () => `${name} ${JSON.stringify(input)}: ${told(reader, cube, text.slice(0, 400))}`
      return [
        ...(hasWord && reach !== 'all' ? [`a word leaks by ${about()}`] : []),
        ...(hasId && reach === 'nothing' && !isTold ? [`an id leaks by ${about()}`] : []),
      ]
    })
  }

  /** A search for the words of a hidden cube finds nothing by them, and tells of no word near them. */
  async search(reader: Reader, { marker, cubeId }: PlacedCube, hidden: readonly PlacedCube[]): Promise<string[]> {
    const faults: string[] = []
    for (const route of ['search', 'context'] as const) {
      const body = { query: marker, explain: true }
      const text = await (await reader.caller.send(route, { body, headers: reader.headers } as never)).text()
      const { retrieval = { terms: [], spelling: {} }, ...answer } = JSON.parse(text)
      // The query itself may be repeated; what was found by it, and near it, tells of memory.
      const near = JSON.stringify([retrieval.terms, Object.values(retrieval.spelling)])
      const isFound = JSON.stringify(answer).toLowerCase().includes(marker.toLowerCase()) || text.includes(cubeId)
      const isNear = hidden.some((one) => near.includes(one.marker.toLowerCase()))
      if (isFound || isNear) faults.push(`${route} by ${reader.title} tells of ${marker}: ${text.slice(0, 400)}`)
    }
    return faults
  }

  #cubes(): PlacedCube[] {
    return this.#worlds.flatMap(({ cubes }) => cubes)
  }
}

/** A place in a list may count what is hidden: whoever decodes its cursor must find bytes, not a number or a text. */
const hasReadableCursor = (text: string): boolean => {
  const cursor = /"nextCursor":"([^"]+)"/.exec(text)?.[1]
  return cursor !== undefined && /^[\x20-\x7e]*$/.test(Buffer.from(cursor, 'base64url').toString('latin1'))
}

/** What is in one list and not in the other. */
export function differences(seen: readonly string[], wanted: readonly string[], about: string): string[] {
  const [have, want] = [new Set(seen), new Set(wanted)]
  return [
    ...[...have].filter((id) => !want.has(id)).map((id) => `${about}: ${id} too much`),
    ...[...want].filter((id) => !have.has(id)).map((id) => `${about}: ${id} missing`),
  ]
}

const aboutOf = ({ title }: Reader, { name, input }: Probe): string => `${title}: ${name} ${JSON.stringify(input)}`
const told = ({ title }: Reader, { place, sensitivity, cubeId }: PlacedCube, text: string): string =>
  `${title} at the ${sensitivity} cube ${cubeId} of ${place.name}: ${text}`

/** What the same request about a cube that does not exist is answered. */
async function withNobody(reader: Reader, { name, input, cube }: Probe): Promise<string> {
  const nobody = JSON.parse(JSON.stringify(input).replaceAll(cube?.cubeId ?? NOBODY, NOBODY))
  return fingerprintOf(await reader.caller.send(name, { ...nobody, headers: reader.headers } as never))
}

const send = ({ caller, headers }: Reader, { name, route, input }: Probe): Promise<Response> =>
  (route as Route).bodyType === undefined
    ? caller.send(name, { ...input, headers } as never)
    : caller.raw(route.method.toUpperCase(), `${route.path}?${new URLSearchParams(input.query)}`, {
        body: new Uint8Array(1024),
        headers: { ...headers, 'content-type': route.bodyType ?? '' },
      })
