import type { GossipSub } from '@libp2p/gossipsub'
import { multiaddr } from '@multiformats/multiaddr'
import { MIP_CALL_MS_MAX, MIP_HEAD_BEACON_IDLE_MS } from '../../schemas/limits-mip.ts'
import type { Ed25519 } from '../core/ed25519-rule.ts'
import { type GossipVerdict, judgeEntryMessage, type OpenedMessage } from '../core/gossip-message.ts'
import { encodeSigned } from '../core/wire-codec.ts'
import type { LogName, SignedBytes } from '../core/wire-types.ts'
import { gossipTopics } from './gossip-topics.ts'
import { HeadBeacons } from './head-beacons.ts'
import { type HeadHints, HeardHeads } from './heard-heads.ts'
import type { MipServeOptions, MipSource } from './mip-source.ts'
import { type MipNode, type MipNodeInit, startMipNode } from './node.ts'
import { MIP_PROTOCOLS } from './protocols.ts'

export interface EdgePeerInit extends Omit<MipNodeInit, 'gossip' | 'onDeaf'> {
  /** Name of the network: peers of another one hear nothing of it. */
  network: string
  /** Peers that are called and kept, each address with its PeerId. */
  peers: readonly string[]
  /** Topics of the network whose entries we want to hear of at once. */
  topics: readonly string[]
  hints: HeadHints
  ed25519: Ed25519
  nowMs: () => number
  /** What happened to peers, for the log of the deployment. */
  onEvent?: (event: string, fields: Record<string, string | number | boolean>) => void
  idleBeaconMs?: number
}

/** What gossip thinks of a neighbour that presents what is not its own: less than of a stranger, for as long as this peer runs. */
const LIAR_TRUST = -10

/** A deployment among peers. */
export interface EdgePeer {
  readonly node: MipNode
  /** Something was added to a log of ours. */
  announce(log: LogName): Promise<void>
  /** Calls the peers of the configuration that are not connected. */
  redial(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts the peer of a deployment: it serves its logs, tells where they end, and turns what others tell into hints. It keeps nothing that
 * cannot be lost: whoever follows a log reads it (MIP 4.3).
 */
export async function startEdgePeer(init: EdgePeerInit): Promise<EdgePeer> {
  const { source, ed25519, nowMs, hints, onEvent } = init
  const failed = (what: string) => (error: unknown) =>
    onEvent?.(what, { name: error instanceof Error ? error.name : 'unknown' })
  const idleMs = init.idleBeaconMs ?? MIP_HEAD_BEACON_IDLE_MS
  const heard = new HeardHeads({ ed25519, nowMs, hints, onError: failed('mip_hint_failed') })
  const node = await startMipNode({
    ...init,
    // A healthy publisher may be silent for as long as its idle beacons are apart.
    beaconMs: idleMs,
    gossip: {
      network: init.network,
      onSlowPeer: (peerId, waitingBytes) => onEvent?.('mip_peer_slow', { peerId, waitingBytes }),
    },
    onDeaf: ({ peerId, reason, isBack }) => {
      // What it used to send is expected again once it has come: a publisher that is gone is not called for ever.
      for (const publisher of expected.get(peerId) ?? []) node.heads.forgetHead(publisher)
      expected.delete(peerId)
      onEvent?.('mip_peer_deaf', { peerId, reason, isBack })
    },
  })
  /** Publishers by the neighbour that brings their beacons. */
  const expected = new Map<string, Set<string>>()
  const topics = gossipTopics(init.network)
  const own = { caller: { transport: 'libp2p', peerId: node.peerId } } as const
  const options = (): MipServeOptions => ({ ...own, signal: AbortSignal.timeout(MIP_CALL_MS_MAX) })
  const beacons = new HeadBeacons({
    source,
    gossip: node.gossip,
    topics,
    options,
    ...(init.beaconMs !== undefined && { beaconMs: init.beaconMs }),
    idleMs,
    onError: failed('mip_beacon_failed'),
  })

  const headFrom = (from: string, data: Uint8Array) => {
    const head = heard.take(data)
    if (!head) return
    const publisher = `${head.org} ${head.log}`
    const ofPeer = expected.get(from) ?? new Set()
    if (ofPeer.has(publisher)) return node.heads.headSeen(publisher)
    for (const others of expected.values()) others.delete(publisher)
    expected.set(from, ofPeer.add(publisher))
    node.heads.expectHead(publisher, from)
  }
  node.gossip.subscribe(topics.head, {
    validate: ({ data }) => heard.judge(data),
    receive: ({ from, data }) => headFrom(from, data),
  })
  node.gossip.subscribe(topics.proof, {
    validate: ({ data }) => judgeProof(source, data, options()),
    receive: () => {},
  })
  /** What was judged and is not yet taken, so that it is read once. */
  const judged = new WeakMap<Uint8Array, OpenedMessage>()
  for (const name of init.topics) {
    node.gossip.subscribe(topics.of(name), {
      validate: async ({ data }) => {
        const { verdict, message } = await judgeEntryMessage(data, name, { ed25519 })
        if (message) judged.set(data, message)
        return verdict
      },
      receive: ({ data }) => {
        const { org, log, epoch, seq } = judged.get(data)!.opened.entry
        hints.headSeen(org, log, epoch, seq).catch(failed('mip_hint_failed'))
      },
    })
  }

  /** What a peer has is asked when it comes, and when it comes back: gossip brings nothing back. */
  const catchUp = async (peerId: string) => {
    const { heads, delegation } = await node.remote(peerId).hello({ signal: AbortSignal.timeout(MIP_CALL_MS_MAX) })
    for (const signed of heads) {
      const wire = encodeSigned(signed)
      if ((await heard.judge(wire)) !== 'reject') heard.take(wire)
    }
    if (delegation !== undefined) await judgeServing(node, init, peerId, delegation)
  }
  node.libp2p.addEventListener('peer:identify', ({ detail: { peerId, protocols } }) => {
    if (protocols.includes(MIP_PROTOCOLS.hello)) catchUp(peerId.toString()).catch(failed('mip_hello_failed'))
  })

  return {
    node,
    announce: (log) => beacons.announce(log),
    redial: () => redial(node, init.peers, failed('mip_redial_failed')),
    close: async () => {
      beacons.close()
      heard.close()
      await node.close()
    },
  }
}

/** PeerId at the end of an address. @throws TypeError for an address without one. */
export function peerIdOf(address: string): string {
  const id = multiaddr(address)
    .getComponents()
    .findLast(({ name }) => name === 'p2p')?.value
  if (id === undefined) throw new TypeError(`"address" expected one that ends with /p2p/ID: ${address}`)
  return id
}

/** Says whether gossip to a peer works in both directions: connected is not enough. */
export const isInGossip = ({ libp2p }: MipNode, peerId: string): boolean =>
  (libp2p.services.pubsub as GossipSub).getPeers().some((peer) => peer.toString() === peerId)

async function redial(node: MipNode, addresses: readonly string[], onError: (error: unknown) => void): Promise<void> {
  const connected = new Set(node.peers())
  const missing = Map.groupBy(
    addresses.filter((address) => !connected.has(peerIdOf(address))),
    peerIdOf,
  )
  const calls = [...missing.values()].map((list) => node.dial(list, { signal: AbortSignal.timeout(MIP_CALL_MS_MAX) }))
  for (const call of calls) await call.catch(onError)
}

/** Who says to speak for an organisation and may not is believed less from now on. */
async function judgeServing(
  { gossip }: Pick<MipNode, 'gossip'>,
  { source, onEvent }: EdgePeerInit,
  peerId: string,
  delegation: SignedBytes,
): Promise<void> {
  const caller = { transport: 'libp2p', peerId } as const
  const { outcome, reason } = await source.presented(delegation, {
    caller,
    signal: AbortSignal.timeout(MIP_CALL_MS_MAX),
  })
  if (outcome !== 'refused') return
  gossip.setTrust(peerId, LIAR_TRUST)
  onEvent?.('mip_delegation_refused', { peerId, reason: reason ?? '' })
}

async function judgeProof(source: MipSource, proof: Uint8Array, options: MipServeOptions): Promise<GossipVerdict> {
  // One that is refused may be of a log that is not known here; only what is no proof at all would be held against the peer.
  return (await source.offerProof(proof, options)) === 'accepted' ? 'accept' : 'ignore'
}
