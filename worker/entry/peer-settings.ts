import { z } from 'zod'
import { MIP_ADDRESS_LENGTH_MAX, MIP_GOSSIP_TOPICS_MAX, MIP_PEERS_CONFIGURED_MAX } from '../../schemas/limits-mip.ts'
import { parseEnvironment } from './model-settings.ts'

const PEER_ID = '[1-9A-HJ-NP-Za-km-z]{46,64}'

const listOf = (item: z.ZodType<string, string>, max: number) =>
  z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .transform((list) => list.filter((one) => one !== ''))
    .pipe(z.array(item).max(max))
const Multiaddr = z
  .string()
  .max(MIP_ADDRESS_LENGTH_MAX)
  .regex(/^(?:\/[^/\s]+)+$/, 'addresses such as /ip4/0.0.0.0/tcp/4001, commas between')
const PeerMultiaddr = Multiaddr.regex(new RegExp(`/p2p/${PEER_ID}$`), 'addresses that end with /p2p/ID, commas between')

/** Settings of the peer that every host reads alike. */
export const PEER_VARIABLES = {
  MEMOS_MIP_PEER: z.enum(['off', 'on-demand', 'always-on']).optional(),
  MEMOS_MIP_PEERS: listOf(PeerMultiaddr, MIP_PEERS_CONFIGURED_MAX).optional(),
  MEMOS_MIP_ANNOUNCE: listOf(Multiaddr, MIP_PEERS_CONFIGURED_MAX).optional(),
  MEMOS_MIP_NETWORK: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'a name like [a-z][a-z0-9-]{0,31}')
    .default('memos'),
  MEMOS_MIP_TOPICS: listOf(
    z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?$/, 'names such as org.example.notes'),
    MIP_GOSSIP_TOPICS_MAX - 2,
  ).optional(),
  MEMOS_MIP_PRIVATE: z.enum(['on', 'off']).default('off'),
}

/** Settings of a peer that has sockets of its own. */
export const NODE_PEER_VARIABLES = {
  MEMOS_MIP_LISTEN: listOf(Multiaddr, MIP_PEERS_CONFIGURED_MAX).optional(),
  MEMOS_MIP_MDNS: z.enum(['on', 'off']).default('off'),
  MEMOS_MIP_DHT: z.enum(['off', 'client', 'server']).default('off'),
  MEMOS_MIP_RELAY: z.enum(['off', 'client', 'server', 'both']).default('off'),
}

export interface PeerSettings {
  mode: 'off' | 'on-demand' | 'always-on'
  /** Peers that are called and kept. */
  peers: readonly string[]
  /** Addresses that others are told; empty: those where it listens. */
  announce: readonly string[]
  network: string
  topics: readonly string[]
  /** Whether plain HTTP and addresses of this machine and its network are opened too. */
  allowPrivate: boolean
}

export interface NodePeerSettings extends PeerSettings {
  listen: readonly string[]
  mdns: boolean
  dht: 'client' | 'server' | null
  relay: { client: boolean; server: boolean }
}

const Peer = z.object(PEER_VARIABLES)
const NodePeer = z.object(NODE_PEER_VARIABLES)

/** @throws ConfigError naming the variable and what was expected */
export function peerSettings(environment: object): PeerSettings {
  const env = parseEnvironment(Peer, environment)
  return {
    mode: env.MEMOS_MIP_PEER ?? 'on-demand',
    peers: env.MEMOS_MIP_PEERS ?? [],
    announce: env.MEMOS_MIP_ANNOUNCE ?? [],
    network: env.MEMOS_MIP_NETWORK,
    topics: env.MEMOS_MIP_TOPICS ?? [],
    allowPrivate: env.MEMOS_MIP_PRIVATE === 'on',
  }
}

/** Where it is told whom to call or where to listen, a process is always on. @throws ConfigError */
export function nodePeerSettings(environment: Record<string, string | undefined>): NodePeerSettings {
  const settings = peerSettings(environment)
  const env = parseEnvironment(NodePeer, environment)
  const listen = env.MEMOS_MIP_LISTEN ?? []
  const isBusy = listen.length > 0 || settings.peers.length > 0 || env.MEMOS_MIP_MDNS === 'on'
  return {
    ...settings,
    mode: environment.MEMOS_MIP_PEER === undefined && isBusy ? 'always-on' : settings.mode,
    listen,
    mdns: env.MEMOS_MIP_MDNS === 'on',
    dht: env.MEMOS_MIP_DHT === 'off' ? null : env.MEMOS_MIP_DHT,
    relay: {
      client: env.MEMOS_MIP_RELAY === 'client' || env.MEMOS_MIP_RELAY === 'both',
      server: env.MEMOS_MIP_RELAY === 'server' || env.MEMOS_MIP_RELAY === 'both',
    },
  }
}
