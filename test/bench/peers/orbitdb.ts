/**
 * OrbitDB on Helia over libp2p between two processes, entries and indexes on disk: `node orbitdb.ts ENTRIES BYTES`. The follower verifies the
 * signature of every entry, as OrbitDB always does.
 */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CatchUpRun } from './catch-up-run.ts'
import { loadPeer } from './load-peer.ts'

type Make = (options?: object) => unknown
interface Node {
  getMultiaddrs(): { toString(): string }[]
  dial(address: unknown): Promise<unknown>
}
interface EventLog {
  readonly address: { toString(): string }
  readonly events: { on(name: 'update' | 'error', listener: (detail: unknown) => void): void }
  readonly sync: { readonly peers: ReadonlySet<string> }
  add(value: unknown): Promise<string>
  iterator(options: { amount: number }): AsyncIterable<unknown>
}
interface OrbitDb {
  open(name: string, options: object): Promise<EventLog>
}

const [
  { createLibp2p },
  { tcp },
  { noise },
  { yamux },
  { identify },
  { gossipsub },
  { createHelia },
  { LevelBlockstore },
  orbit,
  { multiaddr },
] = await Promise.all([
  loadPeer<{ createLibp2p(options: object): Promise<Node> }>('libp2p'),
  loadPeer<{ tcp: Make }>('@libp2p/tcp'),
  loadPeer<{ noise: Make }>('@libp2p/noise'),
  loadPeer<{ yamux: Make }>('@libp2p/yamux'),
  loadPeer<{ identify: Make }>('@libp2p/identify'),
  loadPeer<{ gossipsub: Make }>('@libp2p/gossipsub'),
  loadPeer<{ createHelia(options: object): Promise<object> }>('helia'),
  loadPeer<{ LevelBlockstore: new (path: string) => { open(): Promise<void> } }>('blockstore-level'),
  loadPeer<{
    createOrbitDB(options: object): Promise<OrbitDb>
    IPFSAccessController(options: object): unknown
  }>('@orbitdb/core'),
  loadPeer<{ multiaddr(text: string): unknown }>('@multiformats/multiaddr'),
])

const folder = mkdtempSync(join(tmpdir(), 'memos-orbitdb-'))
const cpuMsNow = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const options = { type: 'events', AccessController: orbit.IPFSAccessController({ write: ['*'] }) }

interface Order {
  address: string
  log: string
  entries: number
}

if (process.env.FOLLOWER === undefined) await publish()
else process.once('message', (order) => void follow(order as Order))

async function start(): Promise<{ libp2p: Node; db: OrbitDb }> {
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }) },
  })
  const blockstore = new LevelBlockstore(join(folder, 'blocks'))
  await blockstore.open()
  const ipfs = await createHelia({ libp2p, blockstore })
  return { libp2p, db: await orbit.createOrbitDB({ ipfs, directory: join(folder, 'orbitdb') }) }
}

async function publish(): Promise<void> {
  const [entries = 1000, bytes = 1024] = process.argv.slice(2).map(Number)
  const { libp2p, db } = await start()
  const log = await db.open('bench', options)
  let toldMs = performance.now()
  for (let i = 0; i < entries; i++) {
    await log.add(randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64'))
    if (performance.now() - toldMs < 15_000) continue
    toldMs = performance.now()
    console.error(`[mip] orbitdb: ${i} of ${entries} appended`)
  }
  const follower = fork(import.meta.filename, [], { env: { ...process.env, FOLLOWER: '1' } })
  const cpuBefore = cpuMsNow()
  const order: Order = { address: String(libp2p.getMultiaddrs()[0]), log: log.address.toString(), entries }
  follower.send(order)
  const [run] = (await once(follower, 'message')) as [CatchUpRun]
  console.log(JSON.stringify({ ...run, publisherCpuMs: cpuMsNow() - cpuBefore }))
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
}

/** Counts entries as they are joined; asking the log for them over and over would slow it down. */
async function follow({ address, log: name, entries }: Order): Promise<void> {
  const { libp2p, db } = await start()
  await libp2p.dial(multiaddr(address))
  const startMs = performance.now()
  const cpuBefore = cpuMsNow()
  const log = await db.open(name, options)
  const done = Promise.withResolvers<void>()
  let toldMs = startMs
  const look = async () => {
    let count = 0
    for await (const _ of log.iterator({ amount: -1 })) count += 1
    return count
  }
  log.events.on('error', (error) => console.error(error))
  // The heads of the publisher bring everything before them in one update.
  log.events.on('update', () => void look().then((count) => (count >= entries ? done.resolve() : undefined)))
  const timer = setInterval(() => {
    if (performance.now() - toldMs < 30_000) return
    toldMs = performance.now()
    console.error(`[mip] orbitdb: joining for ${((toldMs - startMs) / 1000).toFixed(0)} s`)
  }, 5000)
  if ((await look()) >= entries) done.resolve()
  await done.promise
  clearInterval(timer)
  const run: CatchUpRun = { entries, ms: performance.now() - startMs, cpuMs: cpuMsNow() - cpuBefore }
  process.send?.(run, () => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(0)
  })
}
