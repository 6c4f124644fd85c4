/** One peer in a process of its own, for `peers.ts`: takes one order at a time over the channel of its parent and answers it. */
import { randomBytes } from 'node:crypto'
import { publicKeyOfSeed } from '../../protocol/core/ed25519-rule.ts'
import { openEntryParts } from '../../protocol/core/entry.ts'
import { applyEntries, type VerifyMode } from '../../protocol/core/log-apply.ts'
import { newLogState } from '../../protocol/core/log-state.ts'
import { gossipTopics } from '../../protocol/host/gossip-topics.ts'
import { nodeEd25519 } from '../../protocol/host/native-ed25519.ts'
import { type MipNode, startMipNode } from '../../protocol/host/node.ts'
import { nodeParts } from '../../protocol/host/node-parts.ts'
import type { Did } from '../../schemas/did.ts'
import { MemoryMipSource } from '../support/memory-mip-source.ts'
import { LogWriter, person } from '../support/mip-log.ts'

export type Order =
  | { kind: 'dial'; addresses: string[] }
  | { kind: 'listen' }
  | { kind: 'subscribers' }
  | { kind: 'publish'; messages: number; bytes: number; perSecond: number }
  | { kind: 'heard' }
  | { kind: 'block'; ms: number }
  | { kind: 'fill'; entries: number }
  | { kind: 'blob'; bytes: number }
  | { kind: 'catch_up'; peerId: string; org: string; entries: number; mode: VerifyMode }
  | { kind: 'fetch'; peerId: string; cid: string; bytes: number; piece: number; inFlight: number }

export type Figures = Record<string, number | string | string[]>

const MIB = 1024 * 1024
const TOPIC = gossipTopics('simulation').of('org.memos.simulation')
const SIGNATURE_BYTES = 64
const SEED = new Uint8Array(32).fill(7)
const ROOT = person(5)
const SUM = {
  title: 'A title as long as titles are in practice',
  topics: ['notes', 'simulation'],
  size: 1234,
  kinds: ['text'],
}
const PUBLIC_KEY = publicKeyOfSeed(SEED)
/** Signs bytes of the benchmark's messages; the clock of all processes of a machine is the same. */
const ed25519 = nodeEd25519()
const nowMs = () => performance.timeOrigin + performance.now()

const source = new MemoryMipSource()
const slow: string[] = []
const node: MipNode = await startMipNode({
  seed: randomBytes(32),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  ...nodeParts(),
  source,
  gossip: { network: 'simulation', onSlowPeer: (peerId) => slow.push(peerId) },
  inboundConnectionsPerSecondMax: 100,
})
const delaysMs: number[] = []
const heard = new Set<number>()

async function obey(order: Order): Promise<Figures> {
  switch (order.kind) {
    case 'dial':
      return { peerId: await node.dial(order.addresses, { signal: AbortSignal.timeout(10_000) }) }
    case 'listen':
      return listen()
    case 'subscribers':
      return { subscribers: node.gossip.subscribers(TOPIC).length }
    case 'publish':
      return publish(order.messages, order.bytes, order.perSecond)
    case 'heard':
      return { heard: heard.size, ...quantiles(delaysMs), rssMiB: process.memoryUsage.rss() / MIB }
    case 'block': {
      const until = nowMs() + order.ms
      while (nowMs() < until);
      return {}
    }
    case 'fill': {
      const writer = new LogWriter(ROOT.did)
      await writer.add(ROOT, { op: 'org.genesis', sum: { next: person(6).hash } })
      while (writer.entries.length < order.entries) await writer.add(ROOT, { op: 'cube.publish', sum: SUM })
      source.entries.push(...writer.entries.map(({ bytes, signature }) => [bytes, signature] as const))
      source.served = { org: ROOT.did, log: 'main' }
      return { org: ROOT.did }
    }
    case 'blob':
      return { cid: source.addBlob(randomBytes(order.bytes)) }
    case 'catch_up':
      return catchUp(order)
    case 'fetch':
      return fetchBlob(order)
  }
}

function listen(): Figures {
  node.gossip.subscribe(TOPIC, {
    validate: ({ data }) => {
      const body = data.subarray(0, -SIGNATURE_BYTES)
      return ed25519.verifySync(data.subarray(-SIGNATURE_BYTES), body, PUBLIC_KEY) ? 'accept' : 'reject'
    },
    receive: ({ data }) => {
      const view = new DataView(data.buffer, data.byteOffset)
      delaysMs.push(nowMs() - view.getFloat64(0))
      heard.add(view.getUint32(8))
    },
  })
  return {}
}

async function publish(messages: number, bytes: number, perSecond: number): Promise<Figures> {
  const startMs = nowMs()
  const rssBefore = process.memoryUsage.rss()
  let nobody = 0
  let rssMost = 0
  for (let i = 0; i < messages; i++) {
    const waitMs = startMs + (i * 1000) / perSecond - nowMs()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const body = randomBytes(bytes - SIGNATURE_BYTES)
    body.writeDoubleBE(nowMs(), 0)
    body.writeUInt32BE(i, 8)
    const message = Buffer.concat([body, await ed25519.sign(body, SEED)])
    if ((await node.gossip.publish(TOPIC, message)) === 0) nobody += 1
    if (i % 50 === 0) rssMost = Math.max(rssMost, process.memoryUsage.rss() - rssBefore)
  }
  const perSecondReached = (messages * 1000) / (nowMs() - startMs)
  return { nobody, perSecond: perSecondReached, rssGrowthMiB: rssMost / MIB, slow }
}

async function catchUp({ peerId, org, entries, mode }: Order & { kind: 'catch_up' }): Promise<Figures> {
  const remote = node.remote(peerId)
  const signal = AbortSignal.timeout(120_000)
  const cpu = process.cpuUsage()
  const startMs = nowMs()
  let state = newLogState(org as Did, 'main')
  let bytes = 0
  for (let seq = 0; seq < entries; ) {
    const page = await remote.log({ org, log: 'main', from: { epoch: 0, seq }, limit: 64 }, { signal })
    const opened = page?.entries.map(([entry, signature]) => openEntryParts(entry, signature)) ?? []
    const outcome = await applyEntries(state, opened, { ed25519, mode, delegations: () => null, nowMs: startMs })
    if (outcome.problem || outcome.accepted.length === 0) throw new Error(`stopped at ${seq}: ${outcome.problem?.code}`)
    state = outcome.state
    seq += outcome.accepted.length
    bytes += opened.reduce((sum, entry) => sum + entry.bytes.length, 0)
  }
  const seconds = (nowMs() - startMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    entriesPerSecond: entries / seconds,
    entriesPerCpuSecond: (entries * 1e6) / (user + system),
    bytesPerEntry: bytes / entries,
  }
}

async function fetchBlob({ peerId, cid, bytes, piece, inFlight }: Order & { kind: 'fetch' }): Promise<Figures> {
  const remote = node.remote(peerId)
  const signal = AbortSignal.timeout(120_000)
  const cpu = process.cpuUsage()
  const startMs = nowMs()
  let next = 0
  const worker = async () => {
    for (let offset = next; offset < bytes; offset = next) {
      next += piece
      const part = await remote.blobChunk(cid as never, { offset, length: piece }, { signal })
      if (part?.bytes.length !== Math.min(piece, bytes - offset)) throw new Error(`short part at ${offset}`)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const seconds = (nowMs() - startMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { MiBPerSecond: bytes / MIB / seconds, MiBPerCpuSecond: (bytes / MIB / (user + system)) * 1e6 }
}

function quantiles(values: readonly number[]): Figures {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), mostMs: sorted.at(-1) ?? 0 }
}

process.on('message', (order: Order) => {
  obey(order).then(
    (figures) => process.send?.(figures),
    (cause: Error) => process.send?.({ error: cause.stack ?? String(cause) }),
  )
})
process.send?.({ peerId: node.peerId, addresses: node.addresses() })
