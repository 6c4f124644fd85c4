import { bootstrap } from '@libp2p/bootstrap'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { kadDHT, passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht'
import { mdns } from '@libp2p/mdns'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import type { NodeNetworkInit } from './node-network.ts'

/** What a peer in a process of Node can do besides: it has sockets of its own. */
export interface NodePartsInit {
  /** Peers to call at the start, each address with its PeerId; two or more, so that no single one decides what we see. */
  bootstrap?: readonly string[]
  /** Finds peers of the local network. */
  mdns?: boolean
  /** Finds peers over a distributed hash table of MIP's own; a server also keeps a part of it. */
  dht?: 'client' | 'server'
  /** Whether that table also holds addresses of this machine and its network. */
  allowPrivate?: boolean
  /** Reaches peers behind firewalls through others (client); lends itself to that (server). */
  relay?: { client?: boolean; server?: boolean }
}

export type NodeParts = Required<Pick<NodeNetworkInit, 'transports' | 'discovery' | 'services'>>

const DHT_PROTOCOL = '/mip/kad/1.0.0'
/** As DNS-SD has names of services (RFC 6763 section 4.1). */
const MDNS_SERVICE = '_mip._udp.local'

/** TCP, WebSocket and discovery of Node. In a file of its own, so that the bundle of a Worker holds none of it. */
export function nodeParts(init: NodePartsInit = {}): NodeParts {
  const transports: NodeParts['transports'] = [tcp(), webSockets()]
  if (init.relay?.client) transports.push(circuitRelayTransport())
  return { transports, discovery: discoveryOf(init), services: servicesOf(init) }
}

function discoveryOf(init: NodePartsInit): NodeParts['discovery'] {
  const list: NodeParts['discovery'] = []
  // Tagged to be kept: libp2p calls such a peer again when its connection is lost.
  if (init.bootstrap && init.bootstrap.length > 0)
    list.push(bootstrap({ list: [...init.bootstrap], tagName: 'keep-alive-mip-bootstrap' }))
  if (init.mdns) list.push(mdns({ serviceTag: MDNS_SERVICE }))
  return list
}

function servicesOf({ dht, relay, allowPrivate }: NodePartsInit): NodeParts['services'] {
  const services: NodeParts['services'] = {}
  if (dht) {
    const service = kadDHT({
      protocol: DHT_PROTOCOL,
      clientMode: dht === 'client',
      peerInfoMapper: allowPrivate ? passthroughMapper : removePrivateAddressesMapper,
    })
    // It needs ping and identify, which are always there; the type of a list of services does not say so.
    services.dht = (components) => service(components as unknown as Parameters<typeof service>[0])
  }
  if (relay?.server) services.relay = circuitRelayServer()
  return services
}
