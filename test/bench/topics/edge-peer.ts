import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MultiaddrConnection } from '@libp2p/interface'
import { constructedSockets } from '../../../protocol/host/edge-sockets.ts'
import { type EdgeComponents, type EdgeSocket, EdgeWebSockets } from '../../../protocol/host/edge-websockets.ts'
import { gossipTopics } from '../../../protocol/host/gossip-topics.ts'
import { type MipNode, startMipNode } from '../../../protocol/host/node.ts'
import { MemoryMipSource } from '../../support/memory-mip-source.ts'
import { bundleWorker, type MiniflareEdge, openMiniflareEdge } from '../../support/miniflare-edge.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { buildWorker } from '../../support/worker-bundle.ts'
import { cpuMs, rssMiB } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { percentile } from '../harness/statistics.ts'
import type { BenchOptions } from './topic.ts'

const KIB = 1024
const STARTS = 5
const PEERS = 20
const SETTLE_MS = 65_000
const IDLE_MS = 120_000
const CALL_MS_MAX = 30_000

/** What it costs a Worker to be a peer: bytes, starts, connections, and doing nothing. */
export async function edgePeer(recorder: Recorder, { quick }: BenchOptions): Promise<void> {
  await sizes(recorder)
  await using folder = await tempDir()
  recorder.progress('bundling the Worker')
  const bundle = await bundleWorker(folder)
  await starts(recorder, bundle)
  await connections(recorder, bundle, quick)
  recorder.target('bundle.added', '<=', 210)
  recorder.target('idle.messages.in', '<=', 20)
}

async function sizes(recorder: Recorder): Promise<void> {
  for (const minify of [true, false]) {
    recorder.progress(`bundle, ${minify ? 'minified' : 'as it is uploaded'}`)
    const [whole, without] = [await buildWorker({ minify, peer: true }), await buildWorker({ minify, peer: false })]
    const name = minify ? 'bundle' : 'bundle.unminified'
    recorder.figure(`${name}.added`, (whole.gzipBytes - without.gzipBytes) / KIB, 'KiB gzip')
    recorder.figure(`${name}.whole`, whole.gzipBytes / KIB, 'KiB gzip')
  }
}

/** From a fresh workerd to the first answer, over HTTP alone and as a peer. */
async function starts(recorder: Recorder, bundle: string): Promise<void> {
  const http: number[] = []
  const peer: number[] = []
  const peerCpu: number[] = []
  for (let start = 1; start <= STARTS; start++) {
    recorder.progress(`cold start ${start} of ${STARTS}`)
    const edge = await openMiniflareEdge(bundle, { MEMOS_PEER_KEY: randomBytes(32).toString('hex') })
    const { node } = await twinPeer()
    try {
      http.push(await timed(async () => (await edge.fetch('/mip/v1/hello')).arrayBuffer()))
      const pid = workerdPid()
      const before = cpuMs(pid)
      peer.push(await timed(() => call(node, edge)))
      peerCpu.push(cpuMs(pid) - before)
    } finally {
      await node.close()
      await edge.close()
    }
  }
  recorder.figure('start.http', percentile(http, 0.5), 'ms')
  recorder.figure('start.peer', percentile(peer, 0.5), 'ms')
  recorder.figure('start.peer.cpu', percentile(peerCpu, 0.5), 'ms CPU')
}

async function connections(recorder: Recorder, bundle: string, quick: boolean): Promise<void> {
  const edge = await openMiniflareEdge(bundle, { MEMOS_PEER_KEY: randomBytes(32).toString('hex') })
  const nodes: MipNode[] = []
  try {
    await (await edge.fetch('/healthz')).arrayBuffer()
    const pid = workerdPid()
    recorder.figure('rss.http', rssMiB(pid), 'MiB')
    const { node, counted } = await twinPeer()
    nodes.push(node)
    await call(node, edge)
    await sleep(2000)
    recorder.figure('rss.peer', rssMiB(pid), 'MiB')
    const before = cpuMs(pid)
    recorder.progress(`${PEERS} connections, one after the other`)
    for (let i = 0; i < PEERS; i++) {
      const { node: more } = await twinPeer()
      nodes.push(more)
      await call(more, edge)
      await sleep(250) // new connections of one address per second are limited
    }
    recorder.figure('connection.cpu', (cpuMs(pid) - before) / PEERS, 'ms CPU')
    recorder.figure('rss.peers', rssMiB(pid), 'MiB')
    for (const one of nodes.splice(1)) await one.close()
    recorder.progress('waiting until the beacons of the start are over')
    await sleep(quick ? 5000 : SETTLE_MS)
    recorder.progress('one idle peer')
    const [sent, received, cpu] = [counted.sent, counted.received, cpuMs(pid)]
    const idleMs = quick ? IDLE_MS / 4 : IDLE_MS
    await sleep(idleMs)
    const perMinute = (count: number) => (count * 60_000) / idleMs
    recorder.figure('idle.messages.in', perMinute(counted.sent - sent), 'WebSocket messages/min')
    recorder.figure('idle.messages.out', perMinute(counted.received - received), 'WebSocket messages/min')
    recorder.figure('idle.cpu', ((cpuMs(pid) - cpu) * 1000) / idleMs, 'ms CPU/s')
  } finally {
    for (const one of nodes) await one.close()
    await edge.close()
  }
}

const call = (node: MipNode, edge: MiniflareEdge) =>
  node.dial(edge.address, { signal: AbortSignal.timeout(CALL_MS_MAX) })

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** A peer that calls as another edge does, and counts the messages of its sockets. */
async function twinPeer() {
  const counted = { sent: 0, received: 0 }
  const open = constructedSockets()
  const node = await startMipNode({
    seed: randomBytes(32),
    listen: [],
    transports: [
      (components: EdgeComponents) =>
        new EdgeWebSockets(components, (address, signal, use) =>
          open(address, signal, (socket) => use(countedSocket(socket, counted)) as MultiaddrConnection),
        ),
    ],
    source: new MemoryMipSource(),
    gossip: { network: 'memos' },
  })
  node.gossip.subscribe(gossipTopics('memos').head, { validate: () => 'accept', receive: () => {} })
  return { node, counted }
}

function countedSocket(socket: EdgeSocket, counted: { sent: number; received: number }): EdgeSocket {
  const send = socket.send.bind(socket)
  socket.send = (data) => {
    counted.sent += 1
    send(data)
  }
  socket.addEventListener('message', () => {
    counted.received += 1
  })
  return socket
}

/** The workerd that this process has started. */
function workerdPid(): number {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8')
      if (/^Name:\s+workerd$/m.test(status) && new RegExp(`^PPid:\\s+${process.pid}$`, 'm').test(status))
        return Number(name)
    } catch {
      // Ended in between.
    }
  }
  throw new Error('there is no workerd')
}
