import { DurableObject } from 'cloudflare:workers'
import { NODE_HEARTBEAT_MS, NODES_CONNECTED_MAX } from '../../schemas/limits-nodes.ts'
import { deliveredEvents } from '../drivers/node-hub/delivered-events.ts'
import type { HubSocket, Registration } from '../drivers/node-hub/node-seat.ts'
import { NodeSwitchboard } from '../drivers/node-hub/node-switchboard.ts'
import { HUB_HOST_HEADER, type RunRequest } from '../drivers/node-hub/object-protocol.ts'
import type { ConnectedNode, NodeGate, NodeSession } from '../ports/node-hub.ts'

const PREFIX = 'seat/'

/**
 * The Durable Object class that holds the sockets of GPU nodes. It may sleep between their messages: who is registered is kept beside the sockets.
 * What runs on a node keeps it awake, as whoever waits for it holds the answer open; when the object dies all the same, that answer breaks.
 */
export const nodeHubObject = <E>(open: (env: E) => NodeGate) =>
  class NodeHubObject extends DurableObject<E> {
    readonly board: NodeSwitchboard
    readonly sockets = new Map<string, HubSocket>()

    constructor(state: DurableObjectState, env: E) {
      super(state, env)
      this.board = new NodeSwitchboard({
        gate: open(env),
        nowMs: Date.now,
        randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
      })
      void state.blockConcurrencyWhile(() => this.restore())
    }

    /** Sockets that are open and whose registration is kept stay; the others have lost their challenge. */
    async restore(): Promise<void> {
      const kept = await this.ctx.storage.list<Registration>({ prefix: PREFIX })
      for (const socket of this.ctx.getWebSockets()) {
        const registration = kept.get(PREFIX + idOf(socket))
        if (registration === undefined) socket.close(1012, 'connect again')
        else this.board.restore(this.hubSocket(socket), registration)
        kept.delete(PREFIX + idOf(socket))
      }
      if (kept.size > 0) await this.ctx.storage.delete([...kept.keys()].slice(0, 128))
    }

    override async fetch(request: Request): Promise<Response> {
      if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
        return await this.run((await request.json()) as RunRequest, request.signal)
      if (this.board.size >= NODES_CONNECTED_MAX)
        return new Response(null, { status: 503, headers: { 'retry-after': '1' } })
      const { 0: theirs, 1: ours } = new WebSocketPair()
      this.ctx.acceptWebSocket(ours)
      ours.serializeAttachment(crypto.randomUUID())
      this.board.open(this.hubSocket(ours), request.headers.get(HUB_HOST_HEADER) ?? '')
      await this.arm()
      return new Response(null, { status: 101, webSocket: theirs })
    }

    override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
      if (typeof message !== 'string') {
        socket.close(1003, 'expected text')
        return
      }
      const here = this.hubSocket(socket)
      const before = this.board.registration(here)
      await this.board.receive(here, message)
      const registration = this.board.registration(here)
      if (registration !== null && registration !== before)
        await this.ctx.storage.put(PREFIX + idOf(socket), registration)
    }

    override async webSocketClose(socket: WebSocket): Promise<void> {
      await this.gone(socket)
      socket.close()
    }

    override async webSocketError(socket: WebSocket): Promise<void> {
      await this.gone(socket)
    }

    override async alarm(): Promise<void> {
      this.board.beat()
      if (this.board.size > 0) await this.arm()
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

    /** The events of a task, a line of JSON each. Whoever stops reading cancels. */
    async run({ nodeId, task }: RunRequest, signal: AbortSignal): Promise<Response> {
      const events = deliveredEvents(this.board, nodeId, task, signal)
      const encoder = new TextEncoder()
      const lines = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          const { done, value } = await events.next()
          if (done) controller.close()
          else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`))
        },
        cancel: async () => {
          this.board.cancelTask(nodeId, task.taskId)
        },
      })
      return new Response(lines)
    }

    async cancelTask(nodeId: string, taskId: string): Promise<void> {
      this.board.cancelTask(nodeId, taskId)
    }

    async arm(): Promise<void> {
      if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + NODE_HEARTBEAT_MS)
    }

    async gone(socket: WebSocket): Promise<void> {
      this.board.closed(this.hubSocket(socket))
      this.sockets.delete(idOf(socket))
      await this.ctx.storage.delete(PREFIX + idOf(socket))
    }

    hubSocket(socket: WebSocket): HubSocket {
      const id = idOf(socket)
      const known = this.sockets.get(id)
      if (known !== undefined) return known
      const made: HubSocket = {
        send: (text) => socket.send(text),
        close: (code, reason) => socket.close(code, reason),
        // workerd does not say.
        bufferedAmount: 0,
      }
      this.sockets.set(id, made)
      return made
    }
  }

const idOf = (socket: WebSocket): string => String(socket.deserializeAttachment())
