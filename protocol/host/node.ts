import type { GossipSub } from '@libp2p/gossipsub'
import type { Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { MIP_CALL_MS_MAX } from '../../schemas/limits-mip.ts'
import type { CallLimits } from './call-limits.ts'
import { type DeafPeer, DeafWatchdog } from './deaf-watchdog.ts'
import { FloodGate } from './flood-gate.ts'
import { type Gossip, type GossipInit, GossipsubGossip } from './gossip.ts'
import { Libp2pRemote } from './libp2p-remote.ts'
import type { MipCallOptions, MipRemote } from './mip-remote.ts'
import type { MipSource } from './mip-source.ts'
import { createNode, type NodeNetworkInit } from './node-network.ts'
import type { MipProtocol } from './protocols.ts'
import { serveStreams } from './serve-streams.ts'

export interface MipNodeInit extends NodeNetworkInit {
  /** What is served to peers; its hello is also what we say when we call. */
  source: MipSource
  /** What one peer may ask of us, where it differs from the limits of MIP. */
  limits?: Partial<CallLimits>
  gossip: GossipInit
  /** Counts what neighbours send; default: by the clock of this machine. */
  floodGate?: FloodGate
  /** A peer had gone deaf, was cut off and called again: what follows it has to catch up. */
  onDeaf?: (peer: DeafPeer) => void
  /** Time between two head beacons of a publisher. */
  beaconMs?: number
  /** Hears of what the source threw. */
  onError?: (error: unknown, protocol: MipProtocol) => void
}

/** Connected peers beyond which discovered ones are left alone. */
const DISCOVERED_PEERS_MAX = 16

/** A peer without a place. */
const BARE_PEER = /^\/p2p\/([^/]+)$/

/** libp2p calls peers again that have a tag which begins with its `keep-alive`. */
const KEPT_TAG = 'keep-alive-mip-followed'

/** A running peer. */
export interface MipNode {
  readonly peerId: string
  /** Addresses under which it can be called, each with its PeerId. */
  addresses(): string[]
  readonly gossip: Gossip
  /** Beacons that are expected, and that came. */
  readonly heads: Pick<DeafWatchdog, 'expectHead' | 'forgetHead' | 'headSeen'>
  /** Connects; to `/p2p/ID` alone by what is known of it and what the hash table says. @returns the PeerId that answered. @throws when none of the addresses answers. */
  dial(addresses: string | readonly string[], options: MipCallOptions): Promise<string>
  /** The peer to ask, connected or known; one for each PeerId, so that limits hold across its users. */
  remote(peerId: string): MipRemote
  peers(): string[]
  /**
   * Whether a peer is called again when its connection is lost: those that are followed. After five tries in vain libp2p lets it go; the
   * next call to its remote connects again. Bootstrap peers are kept anyway.
   */
  keep(peerId: string, isKept: boolean): Promise<void>
  /** Closes the connections to a peer. */
  hangUp(peerId: string): Promise<void>
  close(): Promise<void>
  readonly libp2p: Libp2p
}

/** Starts a peer of the network. It serves the source, takes part in gossip, and heals connections that have gone deaf. */
export async function startMipNode(init: MipNodeInit): Promise<MipNode> {
  const trust = new Map<string, number>()
  const stopping = new AbortController()
  const gate = init.floodGate ?? new FloodGate()
  const libp2p = await createNode(init, trust, gate)
  const watchdog = watchdogOf(libp2p, init)
  const pubsub = libp2p.services.pubsub as GossipSub
  const gossip = new GossipsubGossip(libp2p, pubsub, trust, watchdog, gate, init.gossip)
  const { source, limits, onError } = init
  await serveStreams(libp2p, {
    source,
    signal: stopping.signal,
    ...(limits && { limits }),
    ...(onError && { onError }),
  })
  callDiscoveredPeers(libp2p)
  await libp2p.start()
  const remotes = new Map<string, MipRemote>()
  return {
    peerId: libp2p.peerId.toString(),
    addresses: () => libp2p.getMultiaddrs().map(String),
    gossip,
    heads: watchdog,
    dial: (addresses, options) => dial(libp2p, addresses, options),
    remote: (peerId) => remoteOf(remotes, libp2p, source, peerId),
    keep: (peerId, isKept) => keep(libp2p, peerIdFromString(peerId), isKept),
    peers: () => libp2p.getPeers().map(String),
    hangUp: (peerId) => libp2p.hangUp(peerIdFromString(peerId)),
    close: async () => {
      stopping.abort(new Error('the node is stopping'))
      watchdog.close()
      gossip.close()
      await Promise.all([...remotes.values()].map((remote) => remote.close()))
      await libp2p.stop()
    },
    libp2p,
  }
}

/** Peers found in the local network or the hash table are called while there are few. */
function callDiscoveredPeers(libp2p: Libp2p): void {
  libp2p.addEventListener('peer:discovery', ({ detail: { id } }) => {
    if (libp2p.getPeers().length >= DISCOVERED_PEERS_MAX) return
    libp2p.dial(id, { signal: AbortSignal.timeout(MIP_CALL_MS_MAX) }).catch(() => {
      // Not there any more: whoever is will be found again.
    })
  })
}

async function dial(libp2p: Libp2p, addresses: string | readonly string[], { signal }: MipCallOptions) {
  const list = typeof addresses === 'string' ? [addresses] : addresses
  const [byId] = list.flatMap((address) => BARE_PEER.exec(address)?.[1] ?? [])
  const whom = byId === undefined ? list.map((address) => multiaddr(address)) : peerIdFromString(byId)
  const connection = await libp2p.dial(whom, { signal: withDeadline(signal) })
  return connection.remotePeer.toString()
}

async function keep(libp2p: Libp2p, peerId: PeerId, isKept: boolean): Promise<void> {
  await libp2p.peerStore.merge(peerId, {
    tags: { [KEPT_TAG]: isKept ? { value: 50 } : undefined },
    // A peer tells its addresses some time after it was called; the one that was called is known already.
    multiaddrs: calledAddresses(libp2p, peerId),
  })
}

const calledAddresses = (libp2p: Libp2p, peerId: PeerId) =>
  libp2p
    .getConnections(peerId)
    .filter(({ direction }) => direction === 'outbound')
    .map(({ remoteAddr }) => withPeer(remoteAddr, peerId))

function remoteOf(remotes: Map<string, MipRemote>, libp2p: Libp2p, source: MipSource, peerId: string): MipRemote {
  const known = remotes.get(peerId)
  if (known) return known
  const remote = new Libp2pRemote({
    libp2p,
    peer: peerIdFromString(peerId),
    name: peerId,
    hello: ({ signal }) => source.hello(null, { caller: { transport: 'libp2p', peerId }, signal }),
  })
  remotes.set(peerId, remote)
  return remote
}

function watchdogOf(libp2p: Libp2p, { onDeaf, beaconMs }: MipNodeInit): DeafWatchdog {
  return new DeafWatchdog({
    reconnect: (peerId) => reconnect(libp2p, peerIdFromString(peerId)),
    isConnected: (peerId) => libp2p.getConnections(peerIdFromString(peerId)).length > 0,
    onDeaf: (peer) => onDeaf?.(peer),
    ...(beaconMs !== undefined && { beaconMs }),
  })
}

/** Closes every connection to a peer and calls it again. A peer that only calls us cannot be called; it comes back by itself. */
async function reconnect(libp2p: Libp2p, peerId: PeerId): Promise<boolean> {
  const called = calledAddresses(libp2p, peerId)
  for (const connection of libp2p.getConnections(peerId)) connection.abort(new Error('the peer has gone deaf'))
  const { addresses } = await libp2p.peerStore.get(peerId).catch(() => ({ addresses: [] }))
  const known = addresses.map(({ multiaddr }) => withPeer(multiaddr, peerId))
  await libp2p.dial([...called, ...known], {
    signal: AbortSignal.timeout(MIP_CALL_MS_MAX),
  })
  return true
}

function withPeer(address: Multiaddr, peerId: PeerId): Multiaddr {
  return address.getComponents().some(({ name }) => name === 'p2p') ? address : address.encapsulate(`/p2p/${peerId}`)
}

const withDeadline = (signal: AbortSignal) => AbortSignal.any([signal, AbortSignal.timeout(MIP_CALL_MS_MAX)])
