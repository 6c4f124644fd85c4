import type { NodeCapabilities } from '../../../schemas/node-message.ts'
import type { ConnectedNode, KnownNode } from '../../ports/node-hub.ts'
import type { NodeDelivery } from './node-delivery.ts'

/** As much of a WebSocket as the hub needs. */
export interface HubSocket {
  send(text: string): void
  close(code: number, reason: string): void
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount: number
}

/** A registration that outlives the memory of the hub, where sockets do. */
export interface Registration {
  node: KnownNode
  capabilities: NodeCapabilities
  session: string
}

/** A socket and what is known of who is at its other end. */
export interface Seat {
  socket: HubSocket
  /** Origin by which the node called the edge. */
  origin: string
  /** Null once a registration was tried. */
  nonce: string | null
  openedAtMs: number
  lastSeenMs: number
  registration: Registration | null
  running: number
  resident: readonly string[]
  /** What it was given and has not ended, by lease. */
  deliveries: Map<string, NodeDelivery>
}

export const connectedNode = (seat: Seat, { node, capabilities }: Registration): ConnectedNode => ({
  nodeId: node.nodeId,
  name: node.name,
  runtime: capabilities.runtime,
  provider: capabilities.provider,
  models: capabilities.models.map(({ descriptor: _, ...model }) => model),
  concurrency: capabilities.concurrency,
  running: Math.max(seat.running, seat.deliveries.size),
  residentKeys: seat.resident,
  lastSeenMs: seat.lastSeenMs,
})
