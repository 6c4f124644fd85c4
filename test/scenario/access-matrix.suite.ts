import { beforeAll, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../conformance/seeded-random.ts'
import { describeEdge, type OpenEdge } from '../support/edge.ts'
import { AccessChecks } from './access-checks.ts'
import { type Counted, countFaults, furnishCounts } from './access-counts.ts'
import { furnish, harvestOf, stateOf } from './access-fixtures.ts'
import { type Asking, askingOf, ProbePlan } from './access-plan.ts'
import { type AccessWorld, buildAccessWorld, type Draw, type PlacedCube, type Reader, reachOf } from './access-world.ts'
import { eraseAll, rewriteAll, sightFaults, writeEverywhere } from './access-writes.ts'
import { type Harvest, isReading, type Probe, uncovered } from './route-probes.ts'

const IN_WORKERD = 'WebSocketPair' in globalThis
/**
 * Requests of one reader per operation, into its own organisation and into the other one, of which nothing is open. On Node each kind of reader
 * asks in both organisations by every operation about every place and cube of its own; inside workerd, where a request takes about ten times as
 * long, in one of the two by turns, once per operation.
 */
const OWN_PROBES = IN_WORKERD ? 1 : Number.POSITIVE_INFINITY
const FOREIGN_PROBES = 1
/** Inside workerd every so manieth reader tries the other organisation, another one for each operation. */
const FOREIGN_EVERY = IN_WORKERD ? 6 : 1
const FOREIGN_CUBES = IN_WORKERD ? 2 : 15
const SEED = startSeed()
const SHOWN_FAULTS = 5
const TIMEOUT_MS = 240_000

/**
 * Goal: whoever asks, in whatever context, by whatever operation, gets what the permissions of the moment give and not a word more.
 * Method: two organisations with memory of every sensitivity in every layer, random permissions by user, agent, role and organisation with
 * contexts and ends; keys of every kind. What each may see is worked out from that definition (access-world.ts), never from the database. Every
 * kind of reader (subject x clearance x claims x narrowing) meets every operation, and every probe of an operation (place x cube x moment) meets
 * a reader (access-plan.ts). Last, leaks are planted, and the checks must report them.
 */
export function accessMatrix(open: OpenEdge) {
  describeEdge(`access matrix, seed ${SEED}`, open, (tenant, edge) => {
    let worlds: [AccessWorld, AccessWorld]
    let harvests: [Harvest, Harvest]
    let counted: Counted[]
    let readers: Asking[]
    let checks: AccessChecks
    const random = seededRandom(SEED)
    const draw: Draw = (list) => list[random(list.length)] as (typeof list)[number]
    const cubesOf = (...of: readonly AccessWorld[]) => of.flatMap(({ cubes }) => cubes)
    beforeAll(async () => {
      worlds = [
        await buildAccessWorld(edge(), await tenant(), 'amber', draw),
        await buildAccessWorld(edge(), await tenant(), 'cobalt', draw),
      ]
      for (const world of worlds) await furnish(edge(), world)
      counted = [await furnishCounts(edge(), worlds[0]), await furnishCounts(edge(), worlds[1])]
      harvests = [await harvestOf(worlds[0]), await harvestOf(worlds[1])]
      readers = askingOf(worlds, !IN_WORKERD, random(2))
      checks = new AccessChecks(worlds)
    }, TIMEOUT_MS)

    it('covers every operation there is', () => {
      expect(uncovered(worlds[0], harvests[0]), 'operations without a probe').toEqual([])
      expect(new Set(readers.map(({ reader }) => reader.title)).size).toBe(worlds[0].readers.length)
    })

    it(
      'gives each cube whole, known of or not at all, as the permissions say',
      async () => {
        const faults: string[] = []
        for (const { world, reader } of readers) {
          const foreign = cubesOf(...worlds.filter((one) => one !== world))
          const others = Array.from({ length: FOREIGN_CUBES }, (_, at) =>
            FOREIGN_CUBES === foreign.length ? (foreign[at] as PlacedCube) : draw(foreign),
          )
          for (const cube of [...world.cubes, ...others]) faults.push(...(await checks.cube(world, reader, cube)))
          for (const { name } of world.places) faults.push(...(await checks.lists(world, reader, name)))
        }
        expectNone(faults)
      },
      TIMEOUT_MS,
    )

    it(
      'shows nothing beyond that by any operation that reads',
      async () => {
        const plan = new ProbePlan(worlds, harvests, isReading, draw)
        const faults: string[] = []
        for (const [{ world, reader }, probe] of dealAll(plan, () => true))
          faults.push(...(await checks.reading(world, reader, probe)))
        expectNone(faults)
        expect(undealt(plan), 'pairs of reader and operation that were not tried').toEqual([])
      },
      TIMEOUT_MS,
    )

    it(
      'changes nothing beyond that by any operation that writes',
      async () => {
        const before = await stateOf(edge(), worlds)
        const plan = new ProbePlan(worlds, harvests, (route) => !isReading(route), draw)
        const faults: string[] = []
        const isForbidden = ({ world, reader }: Asking, probe: Probe) => checks.isForbidden(world, reader, probe)
        for (const [{ world, reader }, probe] of dealAll(plan, isForbidden))
          faults.push(...(await checks.writing(world, reader, probe)))
        expectNone(faults)
        expect(await stateOf(edge(), worlds)).toEqual(before)
      },
      TIMEOUT_MS,
    )

    it(
      'finds no cube by the words that it may not be known by',
      async () => {
        const faults: string[] = []
        for (const { world, reader } of readers) {
          const hidden = cubesOf(...worlds).filter((cube) => reachOf(world, reader, cube) !== 'all')
          for (const cube of hidden.length === 0 ? [] : [draw(hidden)])
            faults.push(...(await checks.search(reader, cube, hidden)))
        }
        expectNone(faults)
      },
      TIMEOUT_MS,
    )

    it(
      'counts what may be read and nothing else',
      async () => {
        const faults: string[] = []
        for (const { world, reader } of readers)
          faults.push(...(await countFaults(counted[worlds.indexOf(world)] as Counted, reader)))
        expectNone(faults)
      },
      TIMEOUT_MS,
    )

    it(
      'lets exactly those write that may, and shows it to exactly those that may see it',
      async () => {
        const before = await stateOf(edge(), worlds)
        const { written, faults } = await writeEverywhere(readers)
        expectNone(faults)
        expect(new Set(written.map(({ place }) => place)).size).toBe(worlds[0].places.length)
        expectNone(await sightFaults(readers, written, draw))
        expectNone(await rewriteAll(readers, written, draw))
        expectNone(await sightFaults(readers, written, draw))
        const erased = await eraseAll(readers, written, draw)
        expectNone(erased.faults)
        for (const { cubeId, writer } of erased.left) await writer.world.admin.ok('deleteCube', { params: { cubeId } })
        expectNone(await sightFaults(readers, [], draw))
        expect(await stateOf(edge(), worlds)).toEqual(before)
      },
      TIMEOUT_MS,
    )

    it(
      'reports a permission that the definition of the world does not have',
      async () => {
        const { world, reader, cube } = hiddenCube()
        const plan = new ProbePlan(worlds, harvests, isReading, draw)
        const probes = plan.operations.flatMap((name) =>
          plan.deal({ world, reader }, name, {
            isForeign: false,
            max: Number.POSITIVE_INFINITY,
            concerns: (probe) => probe.cube === cube,
          }),
        )
        const leaks = async () => {
          const found = new Set<string>()
          for (const probe of probes) if ((await checks.reading(world, reader, probe)).length > 0) found.add(probe.name)
          if ((await checks.cube(world, reader, cube)).length > 0) found.add('cube')
          if ((await checks.lists(world, reader, cube.place.name)).length > 0) found.add('lists')
          return found
        }
        expect(await leaks()).toEqual(new Set())
        const [[id]] = (await edge().rows(
          `insert into permissions (id, org_id, namespace_id, cube_id, subject_kind, subject_id, access, from_template, clearance, granted_by, created_at_ms)
           select 'PLANTED', ?, namespace_id, cube_id, ?, ?, 'read', 0, 'secret', 'planted', 0 from cubes where cube_id = ? returning id`,
          ...[world.id, reader.subject?.kind ?? '', reader.subject?.id ?? '', cube.cubeId],
        )) as [[string]]
        expect([...(await leaks())]).toEqual(expect.arrayContaining(['cube', 'lists', 'getCube', 'listRevisions']))
        await edge().rows('delete from permissions where id = ? returning id', id)
        expect(await leaks()).toEqual(new Set())
      },
      TIMEOUT_MS,
    )

    it(
      'reports an expectation that is wrong by one cube, in what is read, counted and written',
      async () => {
        const world = worlds[0]
        const reader = readerOf(
          world,
          (one) => one.subject === null && one.names === null && one.clearance === 'secret',
        )
        const cube = draw(world.cubes)
        const wrong: typeof reachOf = (...asked) => (asked[2] === cube ? 'nothing' : reachOf(...asked))
        const blind = new AccessChecks(worlds, wrong)
        expect(await blind.cube(world, reader, cube)).toHaveLength(1)
        expect(await blind.lists(world, reader, cube.place.name)).toHaveLength(2)
        const text = JSON.stringify([cube.marker, cube.cubeId])
        expect(blind.words(world, reader, { name: 'getCube', input: { params: {}, query: {} } }, text)).toHaveLength(2)
        const numbers = await countFaults(counted[0] as Counted, reader, wrong)
        for (const what of ['namespace of', 'snapshot of', 'snapshot in', 'block of', 'diff of', 'usage for'])
          expect(numbers.join('\n'), what).toContain(what)
        const [probe] = new ProbePlan(worlds, harvests, (route) => route.method === 'patch', draw).deal(
          { world, reader },
          'updateCube',
          { isForeign: false, max: 1, concerns: (one) => one.cube === cube },
        ) as [Probe]
        const before = await stateOf(edge(), worlds)
        const faults = await blind.writing(world, reader, {
          ...probe,
          input: { ...probe.input, body: { tags: ['x'] } },
        })
        expect(faults.join('\n')).toContain('not refused')
        expect(await stateOf(edge(), worlds)).not.toEqual(before)
      },
      TIMEOUT_MS,
    )

    /** What each reader tries, operation by operation. */
    function* dealAll(
      plan: ProbePlan,
      concerns: (asking: Asking, probe: Probe) => boolean,
    ): Generator<[Asking, Probe]> {
      for (const [nth, name] of plan.operations.entries())
        for (const [at, asking] of readers.entries()) {
          const mine = (probe: Probe) => concerns(asking, probe)
          const foreign = (at + nth) % FOREIGN_EVERY === 0 ? FOREIGN_PROBES : 0
          const probes = [
            ...plan.deal(asking, name, { isForeign: false, max: OWN_PROBES, concerns: mine }),
            ...plan.deal(asking, name, { isForeign: true, max: foreign, concerns: mine }),
          ]
          for (const probe of probes) yield [asking, probe]
        }
    }

    const undealt = (plan: ProbePlan): string[] =>
      readers
        .flatMap(({ reader }) => plan.operations.map((name) => `${reader.title} ${name}`))
        .filter((pair) => !plan.dealt.has(pair))

    function readerOf({ readers: all }: AccessWorld, wanted: (reader: Reader) => boolean): Reader {
      const found = all.find(wanted)
      if (found === undefined) throw new Error('the world has no such reader')
      return found
    }

    /** A cube that a bound reader with the highest clearance may not even know of. */
    function hiddenCube(): { world: AccessWorld; reader: Reader; cube: PlacedCube } {
      const found = worlds.flatMap((world) =>
        world.readers
          .filter(({ subject, clearance, names }) => subject !== null && clearance === 'secret' && names === null)
          .flatMap((reader) => world.cubes.map((cube) => ({ world, reader, cube })))
          .filter(({ reader, cube }) => reachOf(world, reader, cube) === 'nothing'),
      )
      return draw(found)
    }
  })
}

/** No faults; of many the first few are enough to see what is wrong. */
const expectNone = (faults: readonly string[]): void =>
  expect(faults.slice(0, SHOWN_FAULTS), `${faults.length} faults`).toEqual([])
