import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { EdgeSocket } from '../../../protocol/host/edge-websockets.ts'
import type { PeerSwitch } from '../../../protocol/host/peer-switch.ts'
import { MIP_HTTP_BASE } from '../../../schemas/mip-http.ts'
import { NODE_CONNECT_PATH } from '../../../schemas/node-message.ts'
import type { Logger } from '../../ports/logger.ts'
import { isPeerPath } from '../peer-paths.ts'

const TAIL_PATH = `${MIP_HTTP_BASE}/tail/`
/** Larger messages than a peer sends. */
const MESSAGE_BYTES_MAX = 1024 * 1024

/** Hands WebSockets at the port of the HTTP server to the peer, so that one port is enough for both. The function it returns cuts them all. */
export function handSockets(server: Server, peer: PeerSwitch, logger: Logger): () => void {
  // Encrypted bytes do not compress.
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const failed = (error: unknown) => {
      logger.warn('mip_accept_failed', { name: error instanceof Error ? error.name : 'unknown' })
      socket.destroy()
    }
    socket.on('error', () => socket.destroy())
    // Tails and GPU nodes have a listener of their own.
    if (request.url?.startsWith(TAIL_PATH) || request.url?.startsWith(NODE_CONNECT_PATH)) return
    if (!isPeerPath(request.url ?? '')) return refuse(socket)
    // Started first: what a socket brings before somebody listens is lost.
    peer.ready().then((started) => {
      sockets.handleUpgrade(request, socket, head, (upgraded) => {
        started.accept(edgeSocket(upgraded), addressOf(socket)).catch(failed)
      })
    }, failed)
  })
  return () => {
    for (const socket of sockets.clients) socket.terminate()
  }
}

/** `ws` has the same events and methods as a browser; only its types say otherwise. */
const edgeSocket = (socket: WebSocket) => socket as unknown as EdgeSocket

function addressOf({ remoteAddress = '127.0.0.1', remotePort = 0 }: Socket): string {
  const ip = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
  return `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${remotePort}/ws`
}

function refuse(socket: Socket): void {
  socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
}
