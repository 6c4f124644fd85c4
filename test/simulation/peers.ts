/**
 * `npm run simulate:peers -- [gossip] [catch-up] [blobs] [stalled]`: peers in processes of their own, over TCP on loopback. Loss and delay of gossip, catch-up from a log, blobs,
 * and what a reader that stalls costs the publisher. Options: --messages 5000 --per-second 500 --entries 10000 --blob-mib 64
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Figures, Order } from './peer-process.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    messages: { type: 'string', default: '5000' },
    'per-second': { type: 'string', default: '500' },
    entries: { type: 'string', default: '10000' },
    'blob-mib': { type: 'string', default: '64' },
  },
})
const messages = Number(values.messages)
const perSecond = Number(values['per-second'])
const entries = Number(values.entries)
const blobBytes = Number(values['blob-mib']) * 1024 * 1024

/** Growth of the publisher beside a stalled reader, over the growth beside one that reads. */
const STALLED_GROWTH_MIB_MAX = 64

class Peer {
  readonly #process: ChildProcess
  readonly #hello: Promise<Figures>

  constructor() {
    this.#process = fork(join(import.meta.dirname, 'peer-process.ts'))
    this.#hello = this.#next()
  }

  get hello() {
    return this.#hello
  }

  async ask(order: Order): Promise<Figures> {
    await this.#hello
    const answer = this.#next()
    this.#process.send(order)
    return answer
  }

  stop(): void {
    this.#process.kill('SIGKILL')
  }

  #next(): Promise<Figures> {
    return new Promise((resolve, reject) => {
      this.#process.once('message', (answer: Figures) =>
        'error' in answer ? reject(new Error(String(answer.error))) : resolve(answer),
      )
      this.#process.once('exit', (code) => reject(new Error(`a peer ended with ${code}`)))
    })
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Peers that all know each other; they are stopped afterwards. */
async function among<T>(count: number, work: (peers: Peer[]) => Promise<T>): Promise<T> {
  const peers = Array.from({ length: count }, () => new Peer())
  try {
    for (const [i, peer] of peers.entries())
      for (const other of peers.slice(0, i))
        await peer.ask({ kind: 'dial', addresses: (await other.hello).addresses as string[] })
    return await work(peers)
  } finally {
    for (const peer of peers) peer.stop()
  }
}

async function allListen(peers: Peer[]): Promise<void> {
  for (const peer of peers) await peer.ask({ kind: 'listen' })
  for (const peer of peers)
    while ((await peer.ask({ kind: 'subscribers' })).subscribers !== peers.length - 1) await pause(50)
}

const gossip = () =>
  among(3, async (peers) => {
    const [a, b, c] = peers as [Peer, Peer, Peer]
    await allListen(peers)
    const published = await a.ask({ kind: 'publish', messages, bytes: 1024, perSecond })
    await pause(1000)
    const heard = [await b.ask({ kind: 'heard' }), await c.ask({ kind: 'heard' })]
    const loss = heard.map((figures) => 1 - Number(figures.heard) / messages)
    return { published, heard, lossPercent: Math.max(...loss) * 100 }
  })

const catchUp = () =>
  among(2, async ([a, b]) => {
    const { org } = await a!.ask({ kind: 'fill', entries })
    const peerId = String((await a!.hello).peerId)
    const results: Record<string, Figures> = {}
    for (const mode of ['strict', 'head', 'strict', 'head'] as const)
      results[mode] = await b!.ask({ kind: 'catch_up', peerId, org: String(org), entries, mode })
    return results
  })

const blobs = () =>
  among(2, async ([a, b]) => {
    const { cid } = await a!.ask({ kind: 'blob', bytes: blobBytes })
    const peerId = String((await a!.hello).peerId)
    const results: Record<string, Figures> = {}
    for (const piece of [256 * 1024, 1024 * 1024])
      for (const inFlight of [1, 4])
        results[`${piece / 1024} KiB x ${inFlight}`] = await b!.ask({
          kind: 'fetch',
          peerId,
          cid: String(cid),
          bytes: blobBytes,
          piece,
          inFlight,
        })
    return results
  })

const stalledReader = async () => {
  const run = (blockMs: number) =>
    among(2, async (peers) => {
      const [a, b] = peers as [Peer, Peer]
      await allListen(peers)
      const blocked = b.ask({ kind: 'block', ms: blockMs })
      const published = await a.ask({ kind: 'publish', messages: 2400, bytes: 32 * 1024, perSecond: 300 })
      await blocked
      return published
    })
  const [healthy, stalled] = [await run(0), await run(10_000)]
  return { healthy, stalled, overMiB: Number(stalled.rssGrowthMiB) - Number(healthy.rssGrowthMiB) }
}

const isAsked = (name: string) => positionals.length === 0 || positionals.includes(name)
const print = (name: string, figures: object) =>
  process.stdout.write(`${JSON.stringify({ [name]: figures }, rounded)}\n`)
const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value)

if (isAsked('gossip')) print('gossip', await gossip())
if (isAsked('catch-up')) print('catch-up', await catchUp())
if (isAsked('blobs')) print('blobs', await blobs())
if (isAsked('stalled')) {
  const stalled = await stalledReader()
  print('stalled', stalled)
  if (stalled.overMiB > STALLED_GROWTH_MIB_MAX) process.exitCode = 1
}
