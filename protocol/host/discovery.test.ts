/**
 * Goal: peers that nobody named find each other, in the local network and by their PeerId alone.
 * Method: real nodes with real sockets; where the machine has no multicast, which is tried, that part is skipped and says so.
 */
import { createSocket } from 'node:dgram'
import { expect, it, onTestFinished } from 'vitest'
import { LOG, MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { connect, loopbackNode, until } from '../../test/support/mip-nodes.ts'
import type { SignedBytes } from '../core/wire-types.ts'
import type { MipNode } from './node.ts'
import { OpenRemotes } from './open-remotes.ts'
import type { StartedPeer } from './peer-switch.ts'
import { PeerSwitch } from './peer-switch.ts'

const GROUP = '224.0.0.251'
const MDNS_PORT = 5353
const PROBE_MS_MAX = 2000
const BEACON: SignedBytes = [Uint8Array.of(1, 2, 3), new Uint8Array(64).fill(9)]
const soon = () => ({ signal: AbortSignal.timeout(20_000) })

/** null when a datagram to the group of mDNS comes back to this machine, else what kept it from that. */
async function whyNoMulticast(): Promise<string | null> {
  const [sender, receiver] = [0, 1].map(() => createSocket({ type: 'udp4', reuseAddr: true }))
  const probe = `memos-edge probe ${Math.random()}`
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const timer = setTimeout(() => resolve('a datagram to the group does not come back'), PROBE_MS_MAX)
  try {
    for (const socket of [sender!, receiver!]) socket.on('error', ({ message }) => resolve(message))
    receiver!.on('message', (data) => data.toString() === probe && resolve(null))
    receiver!.bind(MDNS_PORT, () => {
      try {
        receiver!.addMembership(GROUP)
        sender!.send(probe, MDNS_PORT, GROUP)
      } catch (cause) {
        resolve(String(cause))
      }
    })
    return await promise
  } finally {
    clearTimeout(timer)
    for (const socket of [sender!, receiver!]) socket.close()
  }
}

const noMulticast = await whyNoMulticast()

function served(): MemoryMipSource {
  const source = new MemoryMipSource().fill(3)
  source.headBeacon = BEACON
  return source
}

it.skipIf(noMulticast)(
  `mDNS alone brings two peers of one network together (skipped: ${noMulticast ?? 'no'})`,
  async () => {
    const [a, b] = await Promise.all([0, 1].map(() => loopbackNode({ mdns: true, source: served() })))
    await until(() => a!.peers().includes(b!.peerId) && b!.peers().includes(a!.peerId))
    expect(await a!.remote(b!.peerId).head(LOG, soon())).toEqual(BEACON)
    expect(await b!.remote(a!.peerId).head(LOG, soon())).toEqual(BEACON)
  },
)

/** A and C know B in the middle, and not each other. C is where a log is. */
async function line() {
  const b = await loopbackNode({ dht: 'server', allowPrivate: true })
  const [a, c] = await Promise.all([
    loopbackNode({ dht: 'client', allowPrivate: true }),
    loopbackNode({ dht: 'server', allowPrivate: true, source: served() }),
  ])
  await connect(c, b)
  await connect(a, b)
  const knows = async (node: MipNode, other: MipNode) =>
    (await node.libp2p.peerStore.has(other.libp2p.peerId)) &&
    (await node.libp2p.peerStore.get(other.libp2p.peerId)).addresses.length > 0
  while (!((await knows(b, c)) && (await knows(a, b)))) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(a.peers()).toEqual([b.peerId])
  return { a, b, c }
}

it('a hash table brings the addresses of a peer by its PeerId, through another one', async () => {
  const { a, c } = await line()
  const { multiaddrs } = await a.libp2p.peerRouting.findPeer(c.libp2p.peerId, soon())
  const listening = c.libp2p.getMultiaddrs().map((address) => address.decapsulate(`/p2p/${c.peerId}`).toString())
  expect(listening).toEqual(expect.arrayContaining(multiaddrs.map(String)))
  expect(multiaddrs.length).toBeGreaterThan(0)
})

it('a log is followed by the PeerId of its publisher, knowing only somebody else', async () => {
  const { a, c } = await line()
  const connectTo = async (address: string) => a.remote(await a.dial(address, soon()))
  const peer = new PeerSwitch({
    mode: 'always-on',
    start: async () => ({ node: a, connect: connectTo, close: async () => {} }) as unknown as StartedPeer,
  })
  onTestFinished(() => peer.close())
  const remotes = new OpenRemotes({
    fetch: () => Promise.reject(new Error('not needed')),
    lookup: () => Promise.reject(new Error('not needed')),
    openPeer: (address) => peer.remote(address),
  })
  const remote = remotes.open(`/p2p/${c.peerId}`)
  const page = await remote?.log({ ...LOG, from: { epoch: 0, seq: 0 }, limit: 64 }, soon())
  expect(page?.entries).toHaveLength(3)
  expect(a.peers()).toContain(c.peerId)
})

it('a PeerId that nobody knows is not reached', async () => {
  const { a } = await line()
  await expect(a.dial('/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo', soon())).rejects.toThrow()
})

it('a hash table of the open network hands out no private addresses', async () => {
  const b = await loopbackNode({ dht: 'server' })
  const [a, c] = await Promise.all([loopbackNode({ dht: 'client' }), loopbackNode({ dht: 'server' })])
  await connect(c, b)
  await connect(a, b)
  await expect(a.dial(`/p2p/${c.peerId}`, { signal: AbortSignal.timeout(3000) })).rejects.toThrow()
})
