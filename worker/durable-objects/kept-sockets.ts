import type { HubSocket, Registration } from '../drivers/node-hub/node-seat.ts'
import type { NodeSwitchboard } from '../drivers/node-hub/node-switchboard.ts'

const PREFIX = 'seat/'
const KEYS_PER_DELETE_MAX = 128

/** Sockets of a Durable Object that outlive its memory, each with the registration of its node in the storage of the object. */
export class KeptSockets {
  readonly #state: DurableObjectState
  readonly #board: NodeSwitchboard
  readonly #sockets = new Map<string, HubSocket>()

  constructor(state: DurableObjectState, board: NodeSwitchboard) {
    this.#state = state
    this.#board = board
  }

  /** Sockets that are open and whose registration is kept stay; the others have lost their challenge. */
  async restore(): Promise<void> {
    const kept = await this.#state.storage.list<Registration>({ prefix: PREFIX })
    for (const socket of this.#state.getWebSockets()) {
      const key = PREFIX + idOf(socket)
      const registration = kept.get(key)
      if (registration === undefined) socket.close(1012, 'connect again')
      else this.#board.restore(this.of(socket), registration)
      kept.delete(key)
    }
    if (kept.size > 0) await this.#state.storage.delete([...kept.keys()].slice(0, KEYS_PER_DELETE_MAX))
  }

  /** Takes a socket in, so that it outlives the memory of the object. */
  accept(socket: WebSocket): HubSocket {
    this.#state.acceptWebSocket(socket)
    socket.serializeAttachment(crypto.randomUUID())
    return this.of(socket)
  }

  /** Hands on what a socket says, and keeps the registration that may come of it. */
  async receive(socket: WebSocket, message: string): Promise<void> {
    const here = this.of(socket)
    const before = this.#board.registration(here)
    await this.#board.receive(here, message)
    const registration = this.#board.registration(here)
    if (registration !== null && registration !== before)
      await this.#state.storage.put(PREFIX + idOf(socket), registration)
  }

  async gone(socket: WebSocket): Promise<void> {
    this.#board.closed(this.of(socket))
    this.#sockets.delete(idOf(socket))
    await this.#state.storage.delete(PREFIX + idOf(socket))
  }

  /** One object for each socket, also where the platform gives another one with each event. */
  of(socket: WebSocket): HubSocket {
    const id = idOf(socket)
    const known = this.#sockets.get(id)
    if (known !== undefined) return known
    const made: HubSocket = {
      send: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
      // workerd does not say.
      bufferedAmount: 0,
    }
    this.#sockets.set(id, made)
    return made
  }
}

const idOf = (socket: WebSocket): string => String(socket.deserializeAttachment())
