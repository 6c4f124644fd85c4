/** One peer of the gossip bench: a node of MIP, or a plain libp2p node whose gossipsub signs every message itself (StrictSign). */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { publicKeyOfSeed } from '../../../protocol/core/ed25519-rule.ts'
import { signEntry } from '../../../protocol/core/entry.ts'
import { judgeEntryMessage } from '../../../protocol/core/gossip-message.ts'
import { didOfKey } from '../../../protocol/core/keys.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import type { GossipMessage } from '../../../protocol/host/gossip.ts'
import { gossipTopics } from '../../../protocol/host/gossip-topics.ts'
import { nodeEd25519 } from '../../../protocol/host/native-ed25519.ts'
import { useNativeSha256 } from '../../../protocol/host/native-sha256.ts'
import { startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import { MemoryMipSource } from '../../support/memory-mip-source.ts'
import { serveParent } from '../harness/child.ts'
import { signedLog } from './signed-log.ts'

export interface GossipOrder {
  policy: 'mip' | 'strictSign'
  /** Messages that this peer will publish, in all. */
  publishes: number
}

export type GossipRequest =
  | { do: 'dial'; address: string }
  | { do: 'subscribers' }
  /** Publishes its next messages. */
  | { do: 'publish'; count: number; perSecond: number }
  | { do: 'received' }

export interface GossipReady {
  address: string
}

/** Time in ms of a clock that all processes of the machine share. */
export type Times = [message: number, atMs: number][]

interface Peer {
  address: string
  dial(address: string): Promise<unknown>
  subscribers(): number
  publish(data: Uint8Array): Promise<unknown>
}

const network = 'bench'
const NSID = 'org.memos.bench'
const TOPIC = gossipTopics(network).of(NSID)
const MESSAGE_BYTES = 1024
const SEED = new Uint8Array(32).fill(8)
const KEY = publicKeyOfSeed(SEED)
const received: Times = []
const sharedMs = () => Number(process.hrtime.bigint()) / 1e6

async function publish(peer: Peer, messages: readonly Uint8Array[], perSecond: number): Promise<Times> {
  const sent: Times = []
  const startMs = sharedMs()
  for (const [i, data] of messages.entries()) {
    const waitMs = startMs + (i * 1000) / perSecond - sharedMs()
    if (waitMs > 0) await sleep(waitMs)
    sent.push([numberOf(data), sharedMs()])
    await peer.publish(data)
  }
  return sent
}

/** The last four bytes tell messages apart: those of a signature, or random ones. */
const numberOf = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset).getUint32(data.length - 4)
const ed25519 = nodeEd25519()

/** What a peer of a deployment does with an entry before it passes it on. */
const judge = async ({ data }: GossipMessage) => (await judgeEntryMessage(data, NSID, { ed25519 })).verdict
const note = (data: Uint8Array) => void received.push([numberOf(data), sharedMs()])

async function mipPeer(): Promise<Peer> {
  const node = await startMipNode({
    seed: randomBytes(32),
    source: new MemoryMipSource(),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    ...nodeParts(),
    gossip: { network },
  })
  node.gossip.subscribe(TOPIC, { validate: judge, receive: ({ data }) => note(data) })
  return {
    address: node.addresses()[0] ?? '',
    dial: (address) => node.dial(address, { signal: AbortSignal.timeout(10_000) }),
    subscribers: () => node.gossip.subscribers(TOPIC).length,
    publish: (data) => node.gossip.publish(TOPIC, data),
  }
}

async function entryMessages(count: number): Promise<Uint8Array[]> {
  if (count === 0) return []
  const signer = {
    did: didOfKey(KEY),
    signEntry: (entry: Parameters<typeof signEntry>[0]) => signEntry(entry, SEED, ed25519),
  }
  const { entries } = await signedLog(count + 2, signer, NSID)
  return entries.slice(2).map(toWire)
}

const randomMessages = (count: number) =>
  Array.from({ length: count }, () => new Uint8Array(randomBytes(MESSAGE_BYTES)))

async function strictSignPeer(): Promise<Peer> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      pubsub: gossipsub({ globalSignaturePolicy: 'StrictSign', emitSelf: false, floodPublish: true }),
    },
  })
  const { pubsub } = node.services
  pubsub.addEventListener('message', ({ detail: { data } }) => note(data))
  pubsub.subscribe(TOPIC)
  return {
    address: node.getMultiaddrs()[0]?.toString() ?? '',
    dial: (address) => node.dial(multiaddr(address)),
    subscribers: () => pubsub.getSubscribers(TOPIC).length,
    publish: (data) => pubsub.publish(TOPIC, data),
  }
}

useNativeSha256()
await serveParent<GossipOrder, GossipReady>(async ({ policy, publishes }) => {
  const messages = policy === 'mip' ? await entryMessages(publishes) : randomMessages(publishes)
  const peer = policy === 'mip' ? await mipPeer() : await strictSignPeer()
  const answer = async (request: GossipRequest): Promise<unknown> => {
    if (request.do === 'dial') return void (await peer.dial(request.address))
    if (request.do === 'subscribers') return peer.subscribers()
    if (request.do === 'received') return received
    return publish(peer, messages.splice(0, request.count), request.perSecond)
  }
  return { ready: { address: peer.address }, answer }
})
