import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { MIP_FRAME_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import { FrameBuffer, framePrefix } from './frame-buffer.ts'

/**
 * Whole frames that may wait for the reader before the other side is told to stop: several parts of a blob, because stopping and going on
 * takes a round trip.
 */
const WAITING_BYTES_MAX = 1024 * 1024

export interface FrameStreamInit {
  /** The longest frame that is read. */
  readBytesMax?: number
  waitingBytesMax?: number
}

/**
 * Length-prefixed frames over one libp2p stream. The listeners are attached when it is made, so make it before any slow work: a stream
 * that nobody listens to is reset when its buffer is full. One reader and one writer at a time.
 */
export class FrameStream {
  readonly #stream: Stream
  readonly #buffer: FrameBuffer
  readonly #waitingBytesMax: number
  #hasEnded = false
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(
    stream: Stream,
    { readBytesMax = MIP_FRAME_BYTES_MAX, waitingBytesMax = WAITING_BYTES_MAX }: FrameStreamInit = {},
  ) {
    this.#stream = stream
    this.#buffer = new FrameBuffer(readBytesMax)
    this.#waitingBytesMax = waitingBytesMax
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('remoteCloseWrite', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
  }

  /** Neither failed nor ended on either side, and nothing unasked-for waits in it. */
  get isReusable(): boolean {
    const { status, writeStatus } = this.#stream
    return status === 'open' && writeStatus === 'writable' && !this.#hasEnded && !this.#failure && this.#isQuiet
  }

  get #isQuiet(): boolean {
    return this.#buffer.isAtBoundary && this.#buffer.waitingBytes === 0
  }

  /**
   * The next frame; null when the other side has ended at the end of a frame.
   * @throws MipRemoteError `cut_short` when it ended inside one (a closed connection ends streams without an error), `too_large`,
   * `bad_answer`; the signal's reason, after which the stream is reset.
   */
  async read(signal: AbortSignal): Promise<Uint8Array | null> {
    for (;;) {
      this.#throwIfAborted(signal)
      const frame = this.#buffer.shift()
      this.#flow()
      if (frame) return frame
      if (this.#failure) throw this.#failure
      if (this.#hasEnded) return this.#endOfFrames()
      await this.#somethingNew(signal)
    }
  }

  /**
   * Sends a frame and waits until the stream has room again, so a slow reader slows the writer. The payload may come in pieces; they are not
   * copied, so they stay as they are until they have been sent.
   * @throws MipRemoteError `cut_short` when the stream closed meanwhile; the signal's reason, after which the stream is reset.
   */
  async write(payload: Uint8Array | readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    this.#throwIfAborted(signal)
    if (this.#failure) throw this.#failure
    try {
      const pieces = payload instanceof Uint8Array ? [payload] : payload
      this.#stream.send(new Uint8ArrayList(framePrefix(bytesOf(pieces)), ...pieces))
    } catch (cause) {
      throw cutShort(cause)
    }
    // `stream.onDrain()` of @libp2p/utils 7.4.1 waits only once: its promise is never made anew. The event is waited for by hand.
    while (this.#stream.writableNeedsDrain) await this.#drained(signal)
  }

  /** Says that no frame follows. Never rejects: a stream that cannot be closed in time is reset. */
  async end(signal: AbortSignal): Promise<void> {
    await this.#stream.close({ signal }).catch((cause: unknown) => this.abort(asError(cause)))
  }

  /** Resets the stream; the other side sees an error. */
  abort(reason: Error): void {
    this.#failure ??= reason
    this.#stream.abort(reason)
    this.#wake?.()
  }

  readonly #onMessage = ({ data }: StreamMessageEvent) => {
    if (this.#failure) return
    try {
      for (const bytes of data instanceof Uint8Array ? [data] : data) this.#buffer.push(bytes)
    } catch (cause) {
      this.abort(asError(cause))
    }
    if (this.#buffer.waitingBytes > this.#waitingBytesMax) this.#stream.pause()
    this.#wake?.()
  }

  readonly #onEnd = () => {
    // Bytes that a paused stream still holds come after this event; the last of them brings `end`.
    if (this.#stream.readBufferLength > 0) return
    this.#hasEnded = true
    this.#wake?.()
  }

  readonly #onClose = ({ error }: StreamCloseEvent) => {
    if (error) this.#failure ??= cutShort(error)
    else this.#onEnd()
    this.#wake?.()
  }

  #endOfFrames(): null {
    if (this.#buffer.isAtBoundary) return null
    throw new MipRemoteError('cut_short', 'the stream ended inside a frame')
  }

  #flow(): void {
    if (this.#stream.readStatus === 'paused' && this.#buffer.waitingBytes <= this.#waitingBytesMax)
      this.#stream.resume()
  }

  #throwIfAborted(signal: AbortSignal): void {
    if (!signal.aborted) return
    this.abort(asError(signal.reason))
    throw signal.reason
  }

  async #somethingNew(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    await promise
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }

  async #drained(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = () => resolve()
    this.#stream.addEventListener('drain', done)
    this.#stream.addEventListener('close', done)
    signal.addEventListener('abort', done, { once: true })
    await promise
    this.#stream.removeEventListener('drain', done)
    this.#stream.removeEventListener('close', done)
    signal.removeEventListener('abort', done)
    this.#throwIfAborted(signal)
    const { status } = this.#stream
    if (status !== 'open' && status !== 'closing') throw this.#failure ?? cutShort(undefined)
  }
}

/** Bytes of all pieces together. */
export const bytesOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0)

const cutShort = (cause: unknown) => new MipRemoteError('cut_short', 'the stream was closed', { cause })

/** The value as an Error: reasons of signals may be anything. */
export const asError = (cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause)))
