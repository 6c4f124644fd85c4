import { placeInTail } from '../../protocol/core/tail-hint.ts'
import { MIP_TAIL_FRAME_BYTES_MAX, MIP_TAILS_KEPT_MAX } from '../../schemas/limits-mip.ts'
import type { TailHost, TailSocket, WantedTail } from '../ports/tail-host.ts'

interface Kept {
  socket: TailSocket | null
  /** It has said something since the last beat. */
  isAlive: boolean
}

/**
 * Keeps tails open to publishers that are followed, and passes on what they say as hints: nothing is believed, and what is missed is found by the
 * next look. Without a timer of its own: `beat` and `open` are called by whoever has one.
 */
export class TailKeeper {
  readonly #host: TailHost
  readonly #onLost: () => void
  readonly #tails = new Map<string, Kept>()

  /** `onLost`: a tail that stood open has ended. */
  constructor(host: TailHost, onLost: () => void) {
    this.#host = host
    this.#onLost = onLost
  }

  get count(): number {
    return [...this.#tails.values()].filter(({ socket }) => socket !== null).length
  }

  /** Opens what is missing, and closes what is not wanted. Whoever cannot be reached is tried again with the next call. */
  async open(wanted: readonly WantedTail[]): Promise<void> {
    const chosen = new Map(wanted.slice(0, MIP_TAILS_KEPT_MAX).map((one) => [keyOf(one), one]))
    for (const [key, { socket }] of this.#tails)
      if (!chosen.has(key)) {
        this.#tails.delete(key)
        socket?.close()
      }
    const missing = [...chosen].filter(([key]) => !this.#tails.has(key))
    await Promise.all(missing.map(([key, tail]) => this.#connect(key, tail)))
  }

  /** Ends what has not answered the beat before, and asks the others. */
  beat(): void {
    for (const [key, kept] of this.#tails) {
      if (kept.socket === null) continue
      if (!kept.isAlive) this.#end(key, kept)
      else {
        kept.isAlive = false
        kept.socket.send('ping')
      }
    }
  }

  async #connect(key: string, tail: WantedTail): Promise<void> {
    const kept: Kept = { socket: null, isAlive: true }
    this.#tails.set(key, kept)
    try {
      const socket = await this.#host.connect(tail)
      // Not wanted any more since.
      if (this.#tails.get(key) !== kept) return socket.close()
      kept.socket = socket
      socket.addEventListener('message', ({ data }) => this.#take(key, kept, tail, data))
      for (const end of ['close', 'error'] as const) socket.addEventListener(end, () => this.#lost(key, kept))
    } catch (error) {
      if (this.#tails.get(key) === kept) this.#tails.delete(key)
      this.#failed(error)
    }
  }

  #take(key: string, kept: Kept, tail: WantedTail, data: unknown): void {
    kept.isAlive = true
    if (!(data instanceof ArrayBuffer)) return
    try {
      if (data.byteLength > MIP_TAIL_FRAME_BYTES_MAX) throw new RangeError('a frame that is too large')
      kept.socket?.send('ack')
      const place = placeInTail(new Uint8Array(data), { org: tail.did, log: tail.log })
      if (place !== null) this.#host.hear(tail, place).catch((error: unknown) => this.#failed(error))
    } catch (error) {
      this.#failed(error)
      this.#end(key, kept)
    }
  }

  /** Not asked again before the next call of `open`: whoever says what cannot be right is in no hurry. */
  #end(key: string, kept: Kept): void {
    if (this.#tails.get(key) === kept) this.#tails.delete(key)
    kept.socket?.close()
  }

  #lost(key: string, kept: Kept): void {
    if (this.#tails.get(key) !== kept) return
    this.#tails.delete(key)
    this.#onLost()
  }

  #failed(error: unknown): void {
    this.#host.logger.warn('mip_tail_failed', { error: error instanceof Error ? error.name : 'unknown' })
  }
}

const keyOf = ({ did, log, url }: WantedTail) => `${did}/${log} ${url}`
