/**
 * A publisher, a subscriber and a mirror as real processes that are killed at random moments while a log is written and followed; then a checker
 * outside the system reads all three databases.
 *
 *   npm run kill:mip -- --entries 1000 [--seed N]
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { createAdaptorServer } from '@hono/node-server'
import { seededRandom, startSeed } from '../conformance/seeded-random.ts'
import { answerEmbeddings, MODEL_ENVIRONMENT } from '../support/model-server.ts'
import { type Checked, checkEdge, checkFollower, checkPublisher } from './mip-kill/checker.ts'
import { Follower } from './mip-kill/follower.ts'
import { KilledEdge } from './mip-kill/killed-edge.ts'
import { type Dice, Publisher } from './mip-kill/publisher.ts'
import { unnoticed } from './mip-kill/tampering.ts'

/** Times that each process is killed, about: so often per entry, with a lower bound for short runs. */
const ENTRIES_PER_KILL = 40
const KILLS_MIN = 3
/** A kill comes this much later than the progress that it waits for, so that it falls into the middle of something. */
const DELAY_MS_MAX = 400
const STILL_MS_MAX = 10_000
const LOOK_MS = 25
const TOLD_MS = 5000

export interface KillOutcome {
  entries: number
  kills: Record<string, number>
  signatures: number
  cubes: number
  vectors: number
  faults: string[]
  /** Damage to a database that the checker did not see, so that its silence means nothing. */
  unnoticed: string[]
}

/** Kills until the log has so many entries, lets everybody catch up, and checks what is left. */
export async function killNine(
  entries: number,
  seed: number,
  tell: (line: string) => void = () => {},
): Promise<KillOutcome> {
  const model = createAdaptorServer({ fetch: answerEmbeddings })
  await once(model.listen(0, '127.0.0.1'), 'listening')
  const MEMOS_EMBEDDER = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`
  const env = { ...MODEL_ENVIRONMENT, MEMOS_EMBEDDER, MEMOS_UPKEEP_SECONDS: '0.5', MEMOS_MIRROR: 'on' }
  const edges: KilledEdge[] = []
  try {
    for (const name of ['publisher', 'subscriber', 'mirror']) edges.push(await KilledEdge.open(name, env))
    return await run(edges as [KilledEdge, KilledEdge, KilledEdge], entries, seededRandom(seed), tell)
  } finally {
    await Promise.all(edges.map((edge) => edge.close()))
    model.close()
  }
}

async function run(
  edges: readonly [KilledEdge, KilledEdge, KilledEdge],
  entries: number,
  dice: Dice,
  tell: (line: string) => void,
): Promise<KillOutcome> {
  const [source, reader, mirror] = edges
  const did = await source.init()
  const { peerId } = await source.insist('GET', '/v1/mip/identity')
  const overLibp2p = `/ip4/127.0.0.1/tcp/${new URL(source.url).port}/ws/p2p/${peerId}`
  const publisher = new Publisher(source, dice)
  const followers = [new Follower(reader, did), new Follower(mirror, did)] as const
  await followers[0].subscribe([overLibp2p, mirror.url, source.url])
  await followers[1].subscribe([source.url, overLibp2p])

  let isOver = false
  const step = Math.min(ENTRIES_PER_KILL, Math.ceil(entries / KILLS_MIN))
  const killing = Promise.all(edges.map((edge) => killer(edge, { publisher, step, dice, isOver: () => isOver })))
  const following = Promise.all(followers.map((one) => one.run(() => isOver)))
  const told = setInterval(() => tell(`${publisher.entries} of ${entries} entries, ${killsText(edges)}`), TOLD_MS)
  try {
    await Promise.race([publisher.run(entries), killing])
  } finally {
    isOver = true
    clearInterval(told)
    await Promise.all([killing, following])
  }
  tell(`${publisher.entries} entries, ${killsText(edges)}; everybody catches up`)
  for (const one of followers) await one.finish(publisher.entries)
  for (const edge of edges) await edge.stop()
  return check(edges, did, publisher)
}

interface KillerInit {
  publisher: Publisher
  /** Entries between two kills at the most. */
  step: number
  dice: Dice
  isOver: () => boolean
}

/**
 * Each edge loses power on its own, so that sometimes several are gone at once. Waits for entries rather than for the clock: on a busy machine
 * nothing but starting would happen between two kills.
 */
async function killer(edge: KilledEdge, { publisher, step, dice, isOver }: KillerInit): Promise<void> {
  for (;;) {
    const enough = publisher.entries + 1 + dice(step)
    const deadline = performance.now() + STILL_MS_MAX
    while (publisher.entries < enough && performance.now() < deadline && !isOver()) await sleep(LOOK_MS)
    await sleep(dice(DELAY_MS_MAX))
    if (isOver()) return
    await edge.killAndStart()
  }
}

async function check(
  edges: readonly [KilledEdge, KilledEdge, KilledEdge],
  did: string,
  publisher: Publisher,
): Promise<KillOutcome> {
  const [source, reader, mirror] = edges
  let original: Parameters<typeof checkFollower>[1] = []
  const own = await checkEdge(source, did, async (store, entries) => {
    original = entries
    return checkPublisher(publisher)(store, entries)
  })
  const ofReader = () => checkEdge(reader, did, checkFollower(publisher, original))
  const checked: Checked[] = [own]
  checked.push(await ofReader(), await checkEdge(mirror, did, checkFollower(publisher, original)))
  const sum = (name: 'signatures' | 'cubes' | 'vectors') => checked.reduce((all, one) => all + one[name], 0)
  return {
    entries: original.length,
    kills: Object.fromEntries(edges.map(({ name, kills }) => [name, kills])),
    signatures: sum('signatures'),
    cubes: sum('cubes'),
    vectors: sum('vectors'),
    faults: checked.flatMap(({ faults }) => faults),
    unnoticed: await unnoticed(reader, async () => (await ofReader()).faults),
  }
}

const killsText = (edges: readonly KilledEdge[]) => edges.map(({ name, kills }) => `${name} killed ${kills}`).join(', ')

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: { entries: { type: 'string', default: '1000' }, seed: { type: 'string' } },
  })
  const seed = values.seed === undefined ? startSeed() : Number(values.seed)
  const say = (line: string) => process.stdout.write(`${line}\n`)
  say(`seed ${seed}`)
  const from = performance.now()
  const { faults, unnoticed: missed, ...figures } = await killNine(Number(values.entries), seed, say)
  say(JSON.stringify({ ...figures, seconds: Math.round((performance.now() - from) / 1000) }))
  for (const fault of faults) say(fault)
  for (const name of missed) say(`the checker does not see that ${name}`)
  say(
    faults.length === 0
      ? 'all applied once, in order; signatures, chain, rows, postings, vectors, blobs and audit agree'
      : `${faults.length} faults`,
  )
  process.exitCode = faults.length + missed.length === 0 ? 0 : 1
}
