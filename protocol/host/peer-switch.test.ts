import { memory } from '@libp2p/memory'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { memoryNode, until } from '../../test/support/mip-nodes.ts'
import { portableEd25519 } from '../core/ed25519-rule.ts'
import { type EdgePeer, startEdgePeer } from './edge-peer.ts'
import { PeerSwitch } from './peer-switch.ts'

const soon = () => ({ signal: AbortSignal.timeout(10_000) })
let listening = 0

function switchOf(mode: 'on-demand' | 'always-on', peers: readonly string[] = []) {
  const started: EdgePeer[] = []
  const peer = new PeerSwitch({
    mode,
    lingerMs: 50,
    start: async () => {
      const edge = await startEdgePeer({
        seed: new Uint8Array(32).fill(3),
        listen: [`/memory/switch-${++listening}`],
        transports: [memory()],
        source: new MemoryMipSource(),
        network: 'test',
        topics: [],
        peers,
        hints: { headSeen: async () => {} },
        ed25519: portableEd25519,
        nowMs: Date.now,
        inboundConnectionsPerSecondMax: 100,
      })
      started.push(edge)
      return { ...edge, accept: async () => {}, connect: async () => edge.node.remote('') }
    },
  })
  onTestFinished(() => peer.close())
  return { peer, started }
}

describe('a peer on demand', () => {
  it('starts once for all who come, stops after the last one, and comes back as the same', async () => {
    const { peer, started } = switchOf('on-demand')
    expect(peer.status()).toEqual({ isRunning: false, peerId: null, addresses: [], peers: [] })
    await peer.announce({ org: 'did:key:z', log: 'main' })
    await peer.keep()
    expect(started).toHaveLength(0)
    await Promise.all([peer.ready(), peer.ready()])
    expect(started).toHaveLength(1)
    const { peerId, addresses } = peer.status()
    const node = await memoryNode()
    await node.dial(addresses, soon())
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(peer.status()).toMatchObject({ isRunning: true, peers: [node.peerId] })
    await node.hangUp(peerId ?? '')
    await until(() => !peer.status().isRunning)
    await peer.ready()
    expect([started.length, peer.status().peerId]).toEqual([2, peerId])
  })

  it('stops when nobody came at all', async () => {
    const { peer } = switchOf('on-demand')
    await peer.ready()
    await until(() => !peer.status().isRunning)
  })

  it('is not started any more once it was closed', async () => {
    const { peer } = switchOf('on-demand')
    await peer.close()
    await expect(peer.ready()).rejects.toThrow('stopping')
  })
})

describe('a peer that is always on', () => {
  it('calls the peers of its settings, again when they are lost, and not those that are there', async () => {
    const node = await memoryNode()
    const { peer } = switchOf('always-on', node.addresses())
    await peer.keep()
    expect(peer.status().peers).toEqual([node.peerId])
    await node.hangUp(peer.status().peerId ?? '')
    await until(() => peer.status().peers.length === 0)
    await peer.keep()
    await peer.keep()
    expect(node.libp2p.getConnections()).toHaveLength(1)
  })
})
