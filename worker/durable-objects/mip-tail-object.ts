import { DurableObject } from 'cloudflare:workers'
import { MIP_TAIL_FRAMES_WAITING_MAX, MIP_TAILS_MAX } from '../../schemas/limits-mip.ts'

/** Names the socket that a request opens. */
const TAIL_HEADER = 'x-memos-tail'

/** Frames that a socket was sent and has not said that it has read. */
interface Reader {
  waiting: number
}

/**
 * Whoever hears of one log. It sleeps while nobody speaks, keeps nothing but the sockets, and reads no database: what it sends comes with the
 * call that says that the log has moved.
 */
export class MipTailObject extends DurableObject {
  constructor(state: DurableObjectState, env: never) {
    super(state, env)
    // Answered without waking anybody.
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
  }

  override async fetch(request: Request): Promise<Response> {
    if (this.ctx.getWebSockets().length >= MIP_TAILS_MAX)
      return new Response(null, { status: 503, headers: { 'retry-after': '1' } })
    const { 0: theirs, 1: ours } = new WebSocketPair()
    this.ctx.acceptWebSocket(ours, [request.headers.get(TAIL_HEADER) ?? ''])
    return new Response(null, { status: 101, webSocket: theirs })
  }

  /** `only`: to the socket that was opened under this name. */
  send(frame: Uint8Array, only?: string): void {
    for (const socket of this.ctx.getWebSockets(only)) this.#push(socket, frame)
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const { waiting } = readerOf(socket)
    if (message !== 'ack' || waiting === 0) socket.close(1008, 'expected ping or ack')
    else socket.serializeAttachment({ waiting: waiting - 1 } satisfies Reader)
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close()
  }

  #push(socket: WebSocket, frame: Uint8Array): void {
    const { waiting } = readerOf(socket)
    // Too slow: it reads the log instead.
    if (waiting >= MIP_TAIL_FRAMES_WAITING_MAX) {
      socket.close(1013, 'too slow')
      return
    }
    socket.serializeAttachment({ waiting: waiting + 1 } satisfies Reader)
    try {
      socket.send(frame)
    } catch {
      // Closed meanwhile.
    }
  }
}

const readerOf = (socket: WebSocket): Reader => (socket.deserializeAttachment() as Reader | null) ?? { waiting: 0 }
