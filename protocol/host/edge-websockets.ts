import type {
  Connection,
  CreateListenerOptions,
  DialTransportOptions,
  Listener,
  ListenerEvents,
  MultiaddrConnection,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { serviceCapabilities, TypedEventEmitter, transportSymbol } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type AbstractMultiaddrConnectionInit, type SendResult } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { WebSockets, WebSocketsSecure } from '@multiformats/multiaddr-matcher'
import { asError } from './frames.ts'

/** As much of a WebSocket as is asked of it: those of browsers, Node and Workers have it. */
export interface EdgeSocket {
  binaryType: string
  readonly bufferedAmount?: number
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { wasClean: boolean; code: number }) => void): void
  addEventListener(type: 'error', listener: () => void): void
}

/** Opens a WebSocket at an address. Called back before the first message may arrive, so that none is lost. */
export type OpenSocket = (
  address: Multiaddr,
  signal: AbortSignal,
  use: (socket: EdgeSocket) => MultiaddrConnection,
) => Promise<MultiaddrConnection>

/** What libp2p hands to a transport. */
export interface EdgeComponents {
  logger: { forComponent(name: string): AbstractMultiaddrConnectionInit['log'] }
}

/** Bytes of a socket that wait to be sent before the stream has to wait. */
const WAITING_BYTES_HIGH = 1024 * 1024
const WAITING_BYTES_LOW = WAITING_BYTES_HIGH / 4
const DRAIN_LOOK_MS = 5
/** Larger messages end the noise decoder of the other side, which stops at 16 MiB. */
const MESSAGE_BYTES_MAX = 128 * 1024
/** Codes 1006 and 1011 may not be sent by an application. */
const CODE_RESET = 4000
const CODE_NORMAL = 1000
const CODE_NONE = 1005

/** A WebSocket as a libp2p connection. Each write is one message: Workers bill messages. */
class EdgeConnection extends AbstractMultiaddrConnection {
  readonly #socket: EdgeSocket
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(socket: EdgeSocket, init: AbstractMultiaddrConnectionInit) {
    super({ ...init, maxMessageSize: MESSAGE_BYTES_MAX })
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => this.#take(data))
    socket.addEventListener('close', ({ wasClean, code }) =>
      this.#down(wasClean && (code === CODE_NORMAL || code === CODE_NONE)),
    )
    socket.addEventListener('error', () => this.#down(false))
  }

  override sendData(data: { subarray(): Uint8Array; byteLength: number }): SendResult {
    const sentBytes = data.byteLength
    this.#socket.send(data.subarray())
    if (this.#waiting < WAITING_BYTES_HIGH) return { sentBytes, canSendMore: true }
    this.#timer ??= setInterval(() => this.#lookForRoom(), DRAIN_LOOK_MS)
    return { sentBytes, canSendMore: false }
  }

  override sendReset(): void {
    this.#close(CODE_RESET)
  }

  override async sendClose(): Promise<void> {
    this.#close(CODE_NORMAL)
  }

  /** A Worker's socket cannot be paused; the windows of the streams bound what arrives. */
  override sendPause(): void {}

  override sendResume(): void {}

  get #waiting(): number {
    return this.#socket.bufferedAmount ?? 0
  }

  #take(data: unknown): void {
    try {
      if (!(data instanceof ArrayBuffer)) throw new TypeError('a message that is not binary')
      this.onData(new Uint8Array(data))
    } catch (cause) {
      this.abort(asError(cause))
    }
  }

  #lookForRoom(): void {
    if (this.#waiting >= WAITING_BYTES_LOW) return
    this.#stopLooking()
    this.safeDispatchEvent('drain')
  }

  #stopLooking(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #down(isClean: boolean): void {
    this.#close(undefined) // ends the handshake that the other side began
    if (this.status !== 'open' && this.status !== 'closing') return
    if (isClean) this.onTransportClosed()
    else this.onRemoteReset()
  }

  #close(code: number | undefined): void {
    this.#stopLooking()
    try {
      this.#socket.close(code)
    } catch {
      // Closed already.
    }
  }
}

/** Takes sockets that somebody else accepted: a Durable Object gets them from its requests. */
class EdgeListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #transport: EdgeWebSockets
  readonly #upgrader: Upgrader
  readonly #closing = new AbortController()
  #address: Multiaddr | undefined

  constructor(transport: EdgeWebSockets, upgrader: Upgrader) {
    super()
    this.#transport = transport
    this.#upgrader = upgrader
  }

  async listen(address: Multiaddr): Promise<void> {
    this.#address = address
    this.#transport.listener = this
    this.safeDispatchEvent('listening')
  }

  getAddrs(): Multiaddr[] {
    return this.#address ? [this.#address] : []
  }

  updateAnnounceAddrs(): void {}

  async close(): Promise<void> {
    this.#closing.abort(new Error('the node is stopping'))
    if (this.#transport.listener === this) this.#transport.listener = undefined
    this.safeDispatchEvent('close')
  }

  async accept(socket: EdgeSocket, remoteAddress: Multiaddr): Promise<void> {
    const connection = this.#transport.wrap(socket, remoteAddress, 'inbound')
    try {
      await this.#upgrader.upgradeInbound(connection, { signal: this.#closing.signal })
    } catch (cause) {
      connection.abort(asError(cause))
      throw cause
    }
  }
}

/**
 * libp2p over WebSockets that the platform opens and accepts (design of the edge peer): in a Durable Object, and its twin on Node.
 * `accept` takes the server half of a socket; it throws while the node does not listen.
 */
export class EdgeWebSockets implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'edge-websockets'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  listener: EdgeListener | undefined
  readonly #components: EdgeComponents
  readonly #open: OpenSocket

  constructor(components: EdgeComponents, open: OpenSocket) {
    this.#components = components
    this.#open = open
  }

  wrap(socket: EdgeSocket, remoteAddr: Multiaddr, direction: 'inbound' | 'outbound'): MultiaddrConnection {
    const log = this.#components.logger.forComponent('edge-websockets')
    return new EdgeConnection(socket, { remoteAddr, direction, log })
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const wrap = (socket: EdgeSocket) => this.wrap(socket, address, 'outbound')
    const connection = await this.#open(address, options.signal, wrap)
    try {
      return await options.upgrader.upgradeOutbound(connection, options)
    } catch (cause) {
      connection.abort(asError(cause))
      throw cause
    }
  }

  /** A socket that the platform accepted, from the address that it came from. */
  async accept(socket: EdgeSocket, remoteAddress: Multiaddr): Promise<void> {
    if (!this.listener) throw new Error('the node does not listen')
    await this.listener.accept(socket, remoteAddress)
  }

  createListener({ upgrader }: CreateListenerOptions): Listener {
    return new EdgeListener(this, upgrader)
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter((address) => WebSockets.exactMatch(address) || WebSocketsSecure.exactMatch(address))
  }

  /** Also addresses with `http-path`, which the matchers know only as a beginning. */
  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    const isHttpPath = (address: Multiaddr) => address.toString().includes('/http-path/')
    return addresses.filter(
      (address) =>
        WebSockets.exactMatch(address) ||
        WebSocketsSecure.exactMatch(address) ||
        (isHttpPath(address) && (WebSockets.matches(address) || WebSocketsSecure.matches(address))),
    )
  }
}
