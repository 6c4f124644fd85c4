import { WebSocket } from 'ws'
import { placeInTail } from '../../../protocol/core/tail-hint.ts'
import { checkResolved, tailUrl } from '../../../protocol/host/mirror-url.ts'
import {
  MIP_CALL_MS_MAX,
  MIP_TAIL_FRAME_BYTES_MAX,
  MIP_TAIL_PING_MS,
  MIP_TAILS_KEPT_MAX,
} from '../../../schemas/limits-mip.ts'
import type { Logger } from '../../ports/logger.ts'
import type { HeadHints } from '../../ports/mip.ts'
import type { WantedTail } from '../../ports/tail-host.ts'

export interface TailClientInit {
  hints: HeadHints
  /** Pulls what hints have made due. */
  pull(): Promise<void>
  logger: Logger
  lookup(hostname: string): Promise<readonly string[]>
  allowPrivate?: boolean
}

/**
 * Keeps tails open to publishers that are followed, and passes on what they say as hints: nothing is believed, and what is missed is found by the
 * next look. One that ends is opened again with the next call of `keep`, which comes every minute.
 */
export class TailClient {
  readonly #init: TailClientInit
  readonly #tails = new Map<string, WebSocket | null>()
  #isClosed = false

  constructor(init: TailClientInit) {
    this.#init = init
  }

  get open(): number {
    return [...this.#tails.values()].filter((socket) => socket?.readyState === WebSocket.OPEN).length
  }

  /** Opens what is missing, and closes what is no longer wanted. */
  keep(wanted: readonly WantedTail[]): void {
    const kept = new Map(wanted.slice(0, MIP_TAILS_KEPT_MAX).map((one) => [keyOf(one), one]))
    for (const [key, socket] of this.#tails) if (!kept.has(key)) socket?.close()
    for (const [key, tail] of kept) {
      if (this.#tails.has(key) || this.#isClosed) continue
      this.#tails.set(key, null)
      this.#connect(key, tail).catch(() => this.#tails.delete(key))
    }
  }

  close(): void {
    this.#isClosed = true
    for (const socket of this.#tails.values()) socket?.terminate()
  }

  async #connect(key: string, tail: WantedTail): Promise<void> {
    const { lookup, allowPrivate = false } = this.#init
    const url = tailUrl(tail.url, { org: tail.did, log: tail.log }, { allowPrivate })
    // As for every call to a mirror: none of its addresses may be private.
    if (!allowPrivate && /[a-z]/i.test(url.hostname) && !url.hostname.startsWith('['))
      checkResolved(await lookup(url.hostname))
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:'
    const socket = new WebSocket(url.href, {
      followRedirects: false,
      perMessageDeflate: false,
      maxPayload: MIP_TAIL_FRAME_BYTES_MAX,
      handshakeTimeout: MIP_CALL_MS_MAX,
    })
    this.#tails.set(key, socket)
    if (this.#isClosed) return socket.terminate()
    let isAlive = true
    const pings = setInterval(() => {
      if (!isAlive) socket.terminate()
      else if (socket.readyState === WebSocket.OPEN) socket.send('ping')
      isAlive = false
    }, MIP_TAIL_PING_MS)
    pings.unref()
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      clearInterval(pings)
      this.#tails.delete(key)
    })
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      isAlive = true
      if (!isBinary) return
      socket.send('ack')
      this.#hear(tail, new Uint8Array(data)).catch((error: unknown) => {
        this.#init.logger.warn('mip_tail_failed', { error: error instanceof Error ? error.name : 'unknown' })
        socket.close()
      })
    })
  }

  async #hear({ did, log }: WantedTail, frame: Uint8Array): Promise<void> {
    const place = placeInTail(frame, { org: did, log })
    if (place === null) return
    await this.#init.hints.headSeen(did, log, place.epoch, place.seq)
    await this.#init.pull()
  }
}

const keyOf = ({ did, log, url }: WantedTail) => `${did}/${log} ${url}`
