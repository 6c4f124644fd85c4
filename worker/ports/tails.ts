import type { LogName } from '../../protocol/core/wire-types.ts'

/** Sockets that hear when a log moves. Derived: without them a follower hears a minute later. */
export interface Tails {
  /** Takes over a request for a WebSocket, and sends it the first frame. */
  open(request: Request, log: LogName, first: Uint8Array): Promise<Response>
  /** Sends a frame to whoever hears of a log. */
  send(log: LogName, frame: Uint8Array): Promise<void>
}
