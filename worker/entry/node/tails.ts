import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import {
  MIP_TAIL_FRAME_BYTES_MAX,
  MIP_TAIL_FRAMES_WAITING_MAX,
  MIP_TAIL_PING_MS,
  MIP_TAILS_MAX,
} from '../../../schemas/limits-mip.ts'
import { MIP_HTTP_BASE } from '../../../schemas/mip-http.ts'
import type { Tails } from '../../ports/tails.ts'

interface Upgrade {
  incoming: IncomingMessage
  socket: Socket
  head: Buffer
}

interface Reader {
  socket: WebSocket
  /** Frames that were sent and not yet said to be read. */
  waiting: number
  isAlive: boolean
}

/** Tails of the Node host: WebSockets at the port of the HTTP server, judged by the same application as every request. */
export class NodeTails implements Tails {
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 64 })
  readonly #upgrades = new WeakMap<Request, Upgrade>()
  readonly #readers = new Map<string, Set<Reader>>()
  readonly #pings: NodeJS.Timeout

  constructor() {
    this.#pings = setInterval(() => this.#ping(), MIP_TAIL_PING_MS)
    this.#pings.unref()
  }

  /** Takes upgrades of a server that are for a tail; `fetch` is the application. Refuses what is not for others that listen. */
  listen(
    server: Server,
    fetch: (request: Request, env: { incoming: IncomingMessage }) => Promise<Response>,
    isOthers: (path: string) => boolean,
  ): void {
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => socket.destroy())
      if (!incoming.url?.startsWith(`${MIP_HTTP_BASE}/tail/`)) {
        if (!isOthers(incoming.url ?? '')) refuse(socket, new Response(null, { status: 404 }))
        return
      }
      const headers = Object.entries(incoming.headers).flatMap(([name, value]): [string, string][] =>
        typeof value === 'string' ? [[name, value]] : [],
      )
      const request = new Request(new URL(incoming.url, 'http://tail.invalid'), { headers })
      this.#upgrades.set(request, { incoming, socket, head })
      fetch(request, { incoming }).then(
        (response) => {
          if (this.#upgrades.has(request)) refuse(socket, response)
        },
        () => socket.destroy(),
      )
    })
  }

  async open(request: Request, log: LogName, first: Uint8Array): Promise<Response> {
    const upgrade = this.#upgrades.get(request)
    if (upgrade === undefined) return new Response(null, { status: 426, headers: { upgrade: 'websocket' } })
    if (this.#server.clients.size >= MIP_TAILS_MAX)
      return new Response(null, { status: 503, headers: { 'retry-after': '1' } })
    this.#upgrades.delete(request)
    const { incoming, socket, head } = upgrade
    this.#server.handleUpgrade(incoming, socket, head, (taken) => this.#take(taken, keyOf(log), first))
    return new Response(null, { status: 204 })
  }

  async send(log: LogName, frame: Uint8Array): Promise<void> {
    for (const reader of this.#readers.get(keyOf(log)) ?? []) push(reader, frame)
  }

  close(): void {
    clearInterval(this.#pings)
    for (const socket of this.#server.clients) socket.terminate()
  }

  #take(socket: WebSocket, key: string, first: Uint8Array): void {
    const reader: Reader = { socket, waiting: 0, isAlive: true }
    const readers = this.#readers.get(key) ?? new Set()
    this.#readers.set(key, readers.add(reader))
    socket.on('error', () => socket.terminate())
    socket.on('pong', () => {
      reader.isAlive = true
    })
    socket.on('close', () => {
      readers.delete(reader)
      if (readers.size === 0 && this.#readers.get(key) === readers) this.#readers.delete(key)
    })
    socket.on('message', (data, isBinary) => {
      const said = isBinary ? '' : String(data)
      if (said === 'ping') socket.send('pong')
      else if (said === 'ack' && reader.waiting > 0) reader.waiting -= 1
      else socket.close(1008, 'expected ping or ack')
    })
    push(reader, first)
  }

  /** Whoever has not answered the ping before is gone. */
  #ping(): void {
    for (const reader of [...this.#readers.values()].flatMap((some) => [...some])) {
      if (!reader.isAlive) reader.socket.terminate()
      reader.isAlive = false
      reader.socket.ping()
    }
  }
}

const keyOf = ({ org, log }: LogName) => `${org}/${log}`

/** Whoever is too slow is cut off, and reads the log instead. */
function push(reader: Reader, frame: Uint8Array): void {
  const { socket, waiting } = reader
  const isSlow =
    waiting >= MIP_TAIL_FRAMES_WAITING_MAX ||
    socket.bufferedAmount > MIP_TAIL_FRAMES_WAITING_MAX * MIP_TAIL_FRAME_BYTES_MAX
  if (isSlow) {
    socket.close(1013, 'too slow')
    return
  }
  reader.waiting += 1
  socket.send(frame)
}

function refuse(socket: Socket, { status }: Response): void {
  const code = status < 400 ? 500 : status
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ''}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}
