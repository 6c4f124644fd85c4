import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import type { FloodGate } from './flood-gate.ts'
import { gossipService } from './gossip.ts'
import { joinedFrames, joinedMessages } from './joined-frames.ts'

type Transports = NonNullable<Libp2pOptions['transports']>
type NoiseCrypto = NonNullable<Parameters<typeof noise>[0]>['crypto']

export interface NodeNetworkInit {
  /** 32 bytes: the Ed25519 seed of the node's own key. Its PeerId follows from it; it signs no entry. */
  seed: Uint8Array
  /** Addresses to listen at. */
  listen: readonly string[]
  /** Addresses to announce instead of those, for a node behind a proxy. */
  announce?: readonly string[]
  /** TCP and WebSocket of Node (`nodeParts`), memory in tests, edge-websockets in a Durable Object. */
  transports: Transports
  /** How peers are found that were not named. */
  discovery?: NonNullable<Libp2pOptions['peerDiscovery']>
  /** Services besides those of MIP. */
  services?: NonNullable<Libp2pOptions['services']>
  /** Ciphers of the connections, where the platform has faster ones than those of libp2p. */
  noiseCrypto?: NoiseCrypto
  /** Connections that are kept at most. */
  connectionsMax?: number
  /** New connections of one address per second. */
  inboundConnectionsPerSecondMax?: number
}

const CONNECTIONS_MAX = 300
const INBOUND_CONNECTIONS_PER_SECOND_MAX = 5
/** A stream that is paused holds as much as this; half of what a stream may hold before it is reset. */
const STREAM_WINDOW_BYTES_MAX = 2 * 1024 * 1024
/**
 * A busy peer may leave a ping unanswered for seconds; closing it for that makes it busier. A ping opens a stream, 14 frames in all, and who
 * publishes is heard every ten seconds anyway; this is often enough for a router that forgets silent connections after five minutes.
 */
const PING_INTERVAL_MS = 240_000
/** The multiplexer pings for the round trip, by which it sizes its windows, at the start; that a connection is alive is seen above. */
const ROUND_TRIP_INTERVAL_MS = 3_600_000
const PING_TIMEOUT_MS = 20_000

const MULTIPLEXER = {
  keepAliveInterval: ROUND_TRIP_INTERVAL_MS,
  streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX },
}

/** A libp2p node with the services of MIP, not yet started. */
export async function createNode(
  init: NodeNetworkInit,
  trust: ReadonlyMap<string, number>,
  gate: Pick<FloodGate, 'isShut'>,
): Promise<Libp2p> {
  return createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed('Ed25519', init.seed),
    nodeInfo: { name: 'memos-edge' },
    addresses: { listen: [...init.listen], announce: [...(init.announce ?? [])] },
    transports: init.transports,
    connectionEncrypters: [joinedMessages(noise(init.noiseCrypto && { crypto: init.noiseCrypto }))],
    // Bundled for Workers, libp2p takes itself to be in a page and refuses plain WebSockets.
    connectionGater: {
      denyDialMultiaddr: () => false,
      denyInboundEncryptedConnection: (peerId) => gate.isShut(peerId.toString()),
      denyDialPeer: (peerId) => gate.isShut(peerId.toString()),
    },
    streamMuxers: [joinedFrames(yamux(MULTIPLEXER))],
    connectionManager: {
      maxConnections: init.connectionsMax ?? CONNECTIONS_MAX,
      inboundConnectionThreshold: init.inboundConnectionsPerSecondMax ?? INBOUND_CONNECTIONS_PER_SECOND_MAX,
    },
    connectionMonitor: { pingInterval: PING_INTERVAL_MS, pingTimeout: { minTimeout: PING_TIMEOUT_MS } },
    peerDiscovery: init.discovery ?? [],
    services: { identify: identify(), ping: ping(), pubsub: gossipService(trust), ...init.services },
  })
}
