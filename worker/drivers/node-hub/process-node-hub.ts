import { randomFillSync } from 'node:crypto'
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { NODE_MESSAGE_BYTES_MAX, NODES_CONNECTED_MAX } from '../../../schemas/limits-nodes.ts'
import { NODE_CONNECT_PATH } from '../../../schemas/node-message.ts'
import type { ConnectedNode, LeasedTask, NodeEvent, NodeGate, NodeHub, NodeSession } from '../../ports/node-hub.ts'
import { deliveredEvents } from './delivered-events.ts'
import { NodeSwitchboard } from './node-switchboard.ts'

const BEAT_MS = 500

interface Upgrade {
  incoming: IncomingMessage
  socket: Socket
  head: Buffer
}

/** The hub of the Node host: sockets of nodes in this process, at the port of the HTTP server. */
export class ProcessNodeHub implements NodeHub {
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: NODE_MESSAGE_BYTES_MAX,
  })
  readonly #upgrades = new WeakMap<Request, Upgrade>()
  readonly #beats: NodeJS.Timeout
  #board: NodeSwitchboard

  /** Until `admitThrough` nobody is admitted. */
  constructor() {
    this.#board = boardOf({ admit: async () => 'unavailable' })
    this.#beats = setInterval(() => this.#board.beat(), BEAT_MS)
    this.#beats.unref()
  }

  /** Who decides about nodes from now on. To be called before the server listens. */
  admitThrough(gate: NodeGate): void {
    this.#board = boardOf(gate)
  }

  /** Takes upgrades of a server that come from nodes; `fetch` is the application. */
  listen(server: Server, fetch: (request: Request, env: { incoming: IncomingMessage }) => Promise<Response>): void {
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      if (pathOf(incoming) !== NODE_CONNECT_PATH) return
      socket.on('error', () => socket.destroy())
      const request = new Request(`http://${incoming.headers.host ?? 'node.invalid'}${NODE_CONNECT_PATH}`)
      this.#upgrades.set(request, { incoming, socket, head })
      fetch(request, { incoming }).then(
        (response) => {
          if (this.#upgrades.has(request)) refuse(socket, response)
        },
        () => socket.destroy(),
      )
    })
  }

  async connect(request: Request): Promise<Response> {
    const upgrade = this.#upgrades.get(request)
    if (upgrade === undefined) return new Response(null, { status: 426, headers: { upgrade: 'websocket' } })
    if (this.#board.size >= NODES_CONNECTED_MAX)
      return new Response(null, { status: 503, headers: { 'retry-after': '1' } })
    this.#upgrades.delete(request)
    const { incoming, socket, head } = upgrade
    this.#server.handleUpgrade(incoming, socket, head, (taken) => this.#take(taken, new URL(request.url).host))
    return new Response(null, { status: 204 })
  }

  async nodes(orgId: string): Promise<ConnectedNode[]> {
    return this.#board.nodes(orgId)
  }

  run(nodeId: string, task: LeasedTask, signal: AbortSignal): AsyncIterable<NodeEvent> {
    return deliveredEvents(this.#board, nodeId, task, signal)
  }

  async session(secret: string): Promise<NodeSession | null> {
    return this.#board.session(secret)
  }

  async disconnect(nodeId: string): Promise<void> {
    this.#board.disconnect(nodeId)
  }

  close(): void {
    clearInterval(this.#beats)
    for (const socket of this.#server.clients) socket.terminate()
  }

  #take(socket: WebSocket, host: string): void {
    const board = this.#board
    socket.on('error', () => socket.terminate())
    socket.on('close', () => board.closed(socket))
    socket.on('message', (data, isBinary) => {
      if (isBinary) socket.close(1003, 'expected text')
      else void board.receive(socket, String(data))
    })
    board.open(socket, host)
  }
}

const boardOf = (gate: NodeGate) =>
  new NodeSwitchboard({
    gate,
    nowMs: Date.now,
    randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  })

const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?', 1)[0] ?? ''

function refuse(socket: Socket, { status }: Response): void {
  const code = status < 400 ? 500 : status
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ''}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}
