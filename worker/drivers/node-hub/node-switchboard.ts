import { bytesToHex } from '@noble/hashes/utils.js'
import {
  NODE_HEARTBEAT_MS,
  NODE_LEASE_MS,
  NODE_MESSAGE_BYTES_MAX,
  NODE_REGISTER_MS_MAX,
  NODE_SILENCE_MS_MAX,
  NODE_SOCKET_BYTES_WAITING_MAX,
  NODES_CONNECTED_MAX,
} from '../../../schemas/limits-nodes.ts'
import { type EdgeMessage, NodeMessage, type NodeRefusal, type NodeRegister } from '../../../schemas/node-message.ts'
import type { ConnectedNode, LeasedTask, NodeGate, NodeSession } from '../../ports/node-hub.ts'
import { NodeDelivery, type TaskMessage } from './node-delivery.ts'
import { connectedNode, type HubSocket, type Registration, type Seat } from './node-seat.ts'

export interface SwitchboardComponents {
  gate: NodeGate
  nowMs(): number
  randomBytes(length: number): Uint8Array
}

/**
 * The state of all sockets of nodes, without any I/O of its own: drivers bring sockets and what comes through them, and call `beat` now and
 * then. One node has one socket: a newer one takes over, as whoever lost a connection comes back before the edge has noticed.
 */
export class NodeSwitchboard {
  readonly #components: SwitchboardComponents
  readonly #seats = new Map<HubSocket, Seat>()

  constructor(components: SwitchboardComponents) {
    this.#components = components
  }

  get size(): number {
    return this.#seats.size
  }

  /** Deliveries that have not ended, on all nodes. */
  get running(): number {
    return [...this.#seats.values()].reduce((sum, { deliveries }) => sum + deliveries.size, 0)
  }

  /** A socket has opened. `origin` is the one that the node called. */
  open(socket: HubSocket, origin: string): void {
    if (this.#seats.size >= NODES_CONNECTED_MAX) {
      refuse(socket, 'too_many_nodes')
      return
    }
    const nonce = bytesToHex(this.#components.randomBytes(32))
    this.#seats.set(socket, this.#seat(socket, { origin, nonce, registration: null }))
    say(socket, { type: 'challenge', nonce })
  }

  /** A socket whose node had registered is still open after the memory of its hub was lost. */
  restore(socket: HubSocket, registration: Registration): void {
    this.#seats.set(socket, this.#seat(socket, { origin: '', nonce: null, registration }))
  }

  registration(socket: HubSocket): Registration | null {
    return this.#seats.get(socket)?.registration ?? null
  }

  /** Something came through a socket. Resolves when it is dealt with; never rejects. */
  async receive(socket: HubSocket, text: string): Promise<void> {
    const seat = this.#seats.get(socket)
    if (seat === undefined) return
    const message = read(text)
    if (message === null) return this.#refuse(seat, 'invalid_message')
    seat.lastSeenMs = this.#components.nowMs()
    if (message.type === 'register') return await this.#register(seat, message)
    if (seat.registration === null) return this.#refuse(seat, 'invalid_message')
    if (message.type === 'heartbeat') {
      seat.running = message.running
      seat.resident = message.resident
    } else this.#take(seat, message)
  }

  /** A socket has closed: what its node was doing is lost. */
  closed(socket: HubSocket): void {
    const seat = this.#seats.get(socket)
    if (seat === undefined) return
    this.#seats.delete(socket)
    for (const delivery of seat.deliveries.values()) delivery.fail('node_lost', 'the node has gone')
    seat.deliveries.clear()
  }

  /** Ends sockets that are silent or did not register in time, and deliveries whose lease is over. */
  beat(): void {
    const now = this.#components.nowMs()
    for (const seat of [...this.#seats.values()]) {
      if (seat.registration === null && now - seat.openedAtMs >= NODE_REGISTER_MS_MAX) this.#refuse(seat, 'too_late')
      else if (now - seat.lastSeenMs >= NODE_SILENCE_MS_MAX) this.#cut(seat, 1001, 'silent')
      else
        for (const delivery of seat.deliveries.values())
          if (now >= delivery.leaseUntilMs) this.#stop(seat, delivery, 'node_lost', 'the lease has ended')
    }
  }

  nodes(orgId: string): ConnectedNode[] {
    return this.#registered().flatMap(([seat, registration]) =>
      registration.node.organisations.includes(orgId) ? [connectedNode(seat, registration)] : [],
    )
  }

  session(secret: string): NodeSession | null {
    const found = this.#registered().find(([, { session }]) => session === secret)
    if (found === undefined) return null
    const [seat, { node }] = found
    const tasks = [...seat.deliveries.values()].map(({ task: { taskId, orgId, input } }) => ({ taskId, orgId, input }))
    return { nodeId: node.nodeId, tasks }
  }

  disconnect(nodeId: string): void {
    for (const [seat, { node }] of this.#registered()) if (node.nodeId === nodeId) this.#refuse(seat, 'revoked')
  }

  /** Gives a task to a node. Null where it is not connected or does not serve the organisation. */
  give(nodeId: string, task: LeasedTask): NodeDelivery | null {
    const found = this.#registered().find(([, { node }]) => node.nodeId === nodeId)
    if (found === undefined || !found[1].node.organisations.includes(task.orgId)) return null
    const [seat] = found
    const delivery = new NodeDelivery(bytesToHex(this.#components.randomBytes(16)), task)
    seat.deliveries.set(delivery.lease, delivery)
    const { taskId, kind, input } = task
    this.#say(seat, { type: 'task', taskId, lease: delivery.lease, kind, input, leaseMs: NODE_LEASE_MS })
    return delivery
  }

  /** Nobody wants a delivery any more: its node is told to stop. Without effect when it has ended. */
  cancel({ lease }: NodeDelivery): void {
    for (const seat of this.#seats.values()) {
      const delivery = seat.deliveries.get(lease)
      if (delivery !== undefined) this.#stop(seat, delivery, 'cancelled', 'nobody waits for it')
    }
  }

  /** The same for whoever knows a task by its id alone. */
  cancelTask(nodeId: string, taskId: string): void {
    for (const [seat, { node }] of this.#registered())
      for (const delivery of seat.deliveries.values())
        if (node.nodeId === nodeId && delivery.task.taskId === taskId)
          this.#stop(seat, delivery, 'cancelled', 'nobody waits for it')
  }

  async #register(seat: Seat, message: NodeRegister): Promise<void> {
    const { nonce } = seat
    if (nonce === null) return this.#refuse(seat, 'nonce_used')
    // Used up before anything is awaited: two registrations on one socket are one too many.
    seat.nonce = null
    const admitted = await this.#components.gate
      .admit(message, { origin: seat.origin, nonce })
      .catch(() => 'unavailable' as const)
    // Closed meanwhile.
    if (this.#seats.get(seat.socket) !== seat) return
    if (typeof admitted === 'string') return this.#refuse(seat, admitted)
    for (const [other, { node }] of this.#registered())
      if (node.nodeId === admitted.nodeId) this.#cut(other, 4001, 'another socket of this node took over')
    const session = bytesToHex(this.#components.randomBytes(32))
    seat.registration = { node: admitted, capabilities: message.capabilities, session }
    seat.lastSeenMs = this.#components.nowMs()
    this.#say(seat, {
      type: 'registered',
      nodeId: admitted.nodeId,
      session,
      heartbeatMs: NODE_HEARTBEAT_MS,
      leaseMs: NODE_LEASE_MS,
    })
  }

  #take(seat: Seat, message: TaskMessage): void {
    const { lease, taskId } = message
    const delivery = seat.deliveries.get(lease)
    if (delivery === undefined || delivery.task.taskId !== taskId) {
      // Of a lease that has ended: the node works for nobody.
      if (message.type !== 'done' && message.type !== 'failed') this.#say(seat, { type: 'cancel', taskId, lease })
      return
    }
    const isInOrder = delivery.take(message, this.#components.nowMs())
    if (!delivery.isEnded) return
    seat.deliveries.delete(lease)
    if (!isInOrder && message.type !== 'done') this.#say(seat, { type: 'cancel', taskId, lease })
  }

  #stop(seat: Seat, delivery: NodeDelivery, code: 'node_lost' | 'cancelled', detail: string): void {
    seat.deliveries.delete(delivery.lease)
    delivery.fail(code, detail)
    this.#say(seat, { type: 'cancel', taskId: delivery.task.taskId, lease: delivery.lease })
  }

  #say(seat: Seat, message: EdgeMessage): void {
    // A node that does not read what it is sent cannot work either.
    if (seat.socket.bufferedAmount > NODE_SOCKET_BYTES_WAITING_MAX) this.#cut(seat, 1013, 'too slow')
    else if (!say(seat.socket, message)) this.closed(seat.socket)
  }

  #refuse(seat: Seat, code: NodeRefusal): void {
    say(seat.socket, { type: 'refused', code })
    this.#cut(seat, 1008, code)
  }

  #cut({ socket }: Seat, code: number, reason: string): void {
    this.closed(socket)
    socket.close(code, reason)
  }

  #registered(): [Seat, Registration][] {
    return [...this.#seats.values()].flatMap((seat): [Seat, Registration][] =>
      seat.registration === null ? [] : [[seat, seat.registration]],
    )
  }

  #seat(socket: HubSocket, known: Pick<Seat, 'origin' | 'nonce' | 'registration'>): Seat {
    const now = this.#components.nowMs()
    return { ...known, socket, openedAtMs: now, lastSeenMs: now, running: 0, resident: [], deliveries: new Map() }
  }
}

function refuse(socket: HubSocket, code: NodeRefusal): void {
  say(socket, { type: 'refused', code })
  socket.close(1008, code)
}

/** Whether it could be sent. */
function say(socket: HubSocket, message: EdgeMessage): boolean {
  try {
    socket.send(JSON.stringify(message))
    return true
  } catch {
    // Closed meanwhile.
    return false
  }
}

function read(text: string): NodeMessage | null {
  if (text.length > NODE_MESSAGE_BYTES_MAX) return null
  try {
    const message = NodeMessage.safeParse(JSON.parse(text))
    return message.success ? message.data : null
  } catch {
    // Not JSON.
    return null
  }
}
