import { multiaddr } from '@multiformats/multiaddr'
import { type EdgePeerInit, peerIdOf, startEdgePeer } from './edge-peer.ts'
import { type EdgeComponents, EdgeWebSockets, type OpenSocket } from './edge-websockets.ts'
import type { NodeParts } from './node-parts.ts'
import type { StartedPeer } from './peer-switch.ts'

export interface StartPeerInit extends Omit<EdgePeerInit, 'transports' | 'discovery' | 'services' | 'listen'> {
  /** Opens WebSockets to others. */
  openSocket: OpenSocket
  /** Where the host accepts WebSockets and hands them over. */
  handedAddress: string
  /** What a process with sockets of its own brings besides, and where it listens. */
  parts?: NodeParts
  listen?: readonly string[]
}

/** Starts a peer whose WebSockets the host accepts: in a Durable Object, or on the port of the HTTP server. */
export async function startPeer({ openSocket, handedAddress, parts, listen = [], ...init }: StartPeerInit) {
  let handed: EdgeWebSockets | undefined
  const peer = await startEdgePeer({
    ...init,
    ...parts,
    listen: [handedAddress, ...listen],
    transports: [
      (components: EdgeComponents) => {
        handed = new HandedWebSockets(components, openSocket, handedAddress)
        return handed
      },
      ...(parts?.transports ?? []).map((transport) => besides(transport, handedAddress)),
    ],
  })
  const { node } = peer
  const started: StartedPeer = {
    ...peer,
    accept: (socket, from) => handed!.accept(socket, multiaddr(from)),
    connect: async (address, options) => {
      const peerId = peerIdOf(address)
      return node.remote(node.peers().includes(peerId) ? peerId : await node.dial(address, options))
    },
  }
  return started
}

/** Listens only where the host hands over what it accepted. */
class HandedWebSockets extends EdgeWebSockets {
  readonly #address: string

  constructor(components: EdgeComponents, open: OpenSocket, address: string) {
    super(components, open)
    this.#address = address
  }

  override listenFilter(addresses: Parameters<EdgeWebSockets['listenFilter']>[0]) {
    return super.listenFilter(addresses).filter((address) => address.toString() === this.#address)
  }
}

type TransportFactory = NodeParts['transports'][number]

/** Another transport, which leaves the address of the host's port alone. */
function besides(factory: TransportFactory, handedAddress: string): TransportFactory {
  return (components) => {
    const transport = factory(components)
    const listenFilter = transport.listenFilter.bind(transport)
    transport.listenFilter = (addresses) =>
      listenFilter(addresses.filter((address) => address.toString() !== handedAddress))
    return transport
  }
}
