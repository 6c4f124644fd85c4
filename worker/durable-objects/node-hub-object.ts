import { DurableObject } from 'cloudflare:workers'
import { NODE_HEARTBEAT_MS, NODES_CONNECTED_MAX } from '../../schemas/limits-nodes.ts'
import { deliveredEvents } from '../drivers/node-hub/delivered-events.ts'
import { NodeSwitchboard } from '../drivers/node-hub/node-switchboard.ts'
import { HUB_HOST_HEADER, type RunRequest } from '../drivers/node-hub/object-protocol.ts'
import type { ConnectedNode, NodeEvent, NodeGate, NodeSession } from '../ports/node-hub.ts'
import { KeptSockets } from './kept-sockets.ts'

/**
 * The Durable Object class that holds the sockets of GPU nodes. It may sleep between their messages: who is registered is kept beside the sockets.
 * What runs on a node keeps it awake, as whoever waits for it holds the answer open; when the object dies all the same, that answer breaks.
 */
export const nodeHubObject = <E>(open: (env: E) => NodeGate) =>
  class NodeHubObject extends DurableObject<E> {
    readonly board: NodeSwitchboard
    readonly sockets: KeptSockets

    constructor(state: DurableObjectState, env: E) {
      super(state, env)
      const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))
      this.board = new NodeSwitchboard({ gate: open(env), nowMs: Date.now, randomBytes })
      this.sockets = new KeptSockets(state, this.board)
      void state.blockConcurrencyWhile(() => this.sockets.restore())
    }

    /** A node that connects, or a task for one: its events come as lines of JSON. */
    override async fetch(request: Request): Promise<Response> {
      if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
        const { nodeId, task } = (await request.json()) as RunRequest
        const events = deliveredEvents(this.board, nodeId, task, request.signal)
        return new Response(linesOf(events, () => this.board.cancelTask(nodeId, task.taskId)))
      }
      if (this.board.size >= NODES_CONNECTED_MAX)
        return new Response(null, { status: 503, headers: { 'retry-after': '1' } })
      const { 0: theirs, 1: ours } = new WebSocketPair()
      this.board.open(this.sockets.accept(ours), request.headers.get(HUB_HOST_HEADER) ?? '')
      if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + NODE_HEARTBEAT_MS)
      return new Response(null, { status: 101, webSocket: theirs })
    }

    override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
      if (typeof message === 'string') await this.sockets.receive(socket, message)
      else socket.close(1003, 'expected text')
    }

    override async webSocketClose(socket: WebSocket): Promise<void> {
      await this.sockets.gone(socket)
      socket.close()
    }

    override async webSocketError(socket: WebSocket): Promise<void> {
      await this.sockets.gone(socket)
    }

    override async alarm(): Promise<void> {
      this.board.beat()
      if (this.board.size > 0) await this.ctx.storage.setAlarm(Date.now() + NODE_HEARTBEAT_MS)
    }

    async nodes(orgId: string): Promise<ConnectedNode[]> {
      return this.board.nodes(orgId)
    }

    async session(secret: string): Promise<NodeSession | null> {
      return this.board.session(secret)
    }

    async disconnect(nodeId: string): Promise<void> {
      this.board.disconnect(nodeId)
    }

    async cancelTask(nodeId: string, taskId: string): Promise<void> {
      this.board.cancelTask(nodeId, taskId)
    }
  }

/** Events one by one as they are read; whoever stops reading does not want the rest. */
function linesOf(events: AsyncGenerator<NodeEvent, void>, cancel: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await events.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`))
    },
    cancel,
  })
}
