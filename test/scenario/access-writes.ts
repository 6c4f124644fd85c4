import { SENSITIVITIES } from '../../schemas/vocabulary.ts'
import { differences } from './access-checks.ts'
import type { Asking } from './access-plan.ts'
import {
  type AccessWorld,
  type Draw,
  type Place,
  type PlacedCube,
  type Reader,
  rank,
  rankIn,
  reachOf,
} from './access-world.ts'

/** A cube that a reader wrote, and the word that stands in it now. */
export interface Written extends PlacedCube {
  writer: Asking
}

/** The world with what was written in it: who may do what with that follows from its definition. */
const withWritten = (world: AccessWorld, written: readonly Written[]): AccessWorld => ({
  ...world,
  cubes: [...world.cubes, ...written.filter(({ writer }) => writer.world === world)],
})

/** Each reader writes into each place, of each sensitivity by turns. Answers what was written, and where the answer was the wrong one. */
export async function writeEverywhere(readers: readonly Asking[]): Promise<{ written: Written[]; faults: string[] }> {
  const written: Written[] = []
  const faults: string[] = []
  for (const [at, writer] of readers.entries()) {
    const { world, reader } = writer
    for (const [nth, place] of world.places.entries()) {
      const sensitivity = SENSITIVITIES[(at + nth) % SENSITIVITIES.length] ?? 'none'
      const marker = wordOf('Vr', at, nth)
      const body = { namespace: place.name, sensitivity, content: `The bittern and ${marker}.` }
      const response = await reader.caller.send('createCube', { body, headers: reader.headers })
      const text = await response.text()
      const may = rankIn(world, reader, place, 'write') >= rank(sensitivity)
      const about = `${reader.title} writes a ${sensitivity} cube into ${place.name}: ${response.status} ${text.slice(0, 200)}`
      if (response.status === 201)
        written.push({ ...(JSON.parse(text) as PlacedCube), place, sensitivity, marker, writer })
      if (response.status !== (may ? 201 : response.status === 403 ? 403 : 404)) faults.push(about)
    }
  }
  return { written, faults }
}

/** The writer of each cube, and somebody else, give it another text where they may; only then is it changed. */
export async function rewriteAll(
  readers: readonly Asking[],
  written: readonly Written[],
  draw: Draw,
): Promise<string[]> {
  const faults: string[] = []
  for (const [at, cube] of written.entries()) {
    for (const [nth, asking] of [cube.writer, draw(readers)].entries()) {
      const marker = wordOf('Wr', at, nth)
      const body = { content: `The bittern and ${marker}.` }
      const { reader } = asking
      const response = await reader.caller.send('updateCube', {
        params: { cubeId: cube.cubeId },
        body,
        headers: reader.headers,
      })
      faults.push(...(await answerFaults(response, 200, asking, cube, written)))
      if (response.status === 200) cube.marker = marker
    }
  }
  return faults
}

/** Somebody else and then the writer erase each cube where they may. Answers what is left. */
export async function eraseAll(
  readers: readonly Asking[],
  written: readonly Written[],
  draw: Draw,
): Promise<{ left: Written[]; faults: string[] }> {
  const left: Written[] = []
  const faults: string[] = []
  for (const cube of written) {
    let isGone = false
    for (const asking of [draw(readers), cube.writer]) {
      const { caller, headers } = asking.reader
      const response = await caller.send('deleteCube', { params: { cubeId: cube.cubeId }, headers })
      if (isGone) {
        if (response.status !== 404) faults.push(`${asking.reader.title} erases what is gone: ${response.status}`)
      } else faults.push(...(await answerFaults(response, 204, asking, cube, written)))
      isGone ||= response.status === 204
    }
    if (!isGone) left.push(cube)
  }
  return { left, faults }
}

async function answerFaults(
  response: Response,
  good: number,
  { world, reader }: Asking,
  cube: Written,
  written: readonly Written[],
): Promise<string[]> {
  const may = reachOf(withWritten(world, written), reader, cube, 'write') === 'all'
  const isRefused = response.status === 403 || response.status === 404
  if (may ? response.status === good : isRefused) return []
  const text = await response.text()
  return [
    `${reader.title} changes the ${cube.sensitivity} cube of ${cube.place.name}: ${response.status} ${text.slice(0, 200)}`,
  ]
}

/** What was written is seen by exactly those that may see it, in every place, in the words that it has now. */
export async function sightFaults(
  readers: readonly Asking[],
  written: readonly Written[],
  draw: Draw,
): Promise<string[]> {
  const faults: string[] = []
  const words = new Map(written.map((cube) => [cube.cubeId, cube]))
  for (const asking of readers) {
    const world = withWritten(asking.world, written)
    const { reader } = asking
    for (const place of world.places) {
      const listed = await listOf(reader, place)
      const known = listed.filter(({ cubeId }) => words.has(cubeId))
      const here = written.filter((cube) => cube.place === place)
      const idsOf = (...reaches: string[]) =>
        here.filter((cube) => reaches.includes(reachOf(world, reader, cube))).map(({ cubeId }) => cubeId)
      const read = known.filter(({ cubeId, content }) => content?.includes(`${words.get(cubeId)?.marker}.`))
      const about = `${reader.title} in ${place.name}`
      faults.push(
        ...differences(
          known.map(({ cubeId }) => cubeId),
          idsOf('all', 'known'),
          `${about} knows`,
        ),
        ...differences(
          read.map(({ cubeId }) => cubeId),
          idsOf('all'),
          `${about} reads`,
        ),
      )
    }
    if (written.length > 0) faults.push(...(await searchFaults(world, reader, draw(written))))
  }
  return faults
}

async function searchFaults(world: AccessWorld, reader: Reader, cube: Written): Promise<string[]> {
  const body = { query: cube.marker, namespaces: [cube.place.name], limit: 50 }
  const response = await reader.caller.send('search', { body, headers: reader.headers })
  const { results = [] } = (await response.json()) as { results?: { cube: { cubeId: string } }[] }
  const found = results.map((hit) => hit.cube.cubeId).filter((id) => id === cube.cubeId)
  const wanted = reachOf(world, reader, cube) === 'all' ? [cube.cubeId] : []
  return differences(found, wanted, `${reader.title} searches ${cube.marker} in ${cube.place.name}`)
}

async function listOf({ caller, headers }: Reader, { name }: Place) {
  const response = await caller.send('listCubes', { query: { namespace: name, limit: 200 }, headers })
  const { items = [] } = (await response.json()) as { items?: { cubeId: string; content: string | null }[] }
  return items
}

/** A word of letters only, which no pattern of sensitive content takes for a number. */
const wordOf = (prefix: string, ...numbers: readonly number[]): string =>
  prefix +
  numbers.map((number) => String(number).replace(/\d/g, (digit) => 'abcdefghij'[Number(digit)] ?? '')).join('q')
