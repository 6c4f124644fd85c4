import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { MIP_CALL_MS_MAX } from '../../schemas/limits-mip.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import { sleep } from './before-abort.ts'
import { CALL_LIMITS } from './call-limits.ts'
import { asError, FrameStream } from './frames.ts'
import { MIP_PROTOCOLS, type MipProtocol } from './protocols.ts'
import { Semaphore } from './semaphore.ts'

/** Streams of one protocol that wait for the next call. */
const IDLE_STREAMS_MAX = 4
/** A call that was refused for a while is asked again, until its deadline; one that would have to wait longer is not. */
const RETRY_MS_MAX = 5000
const RETRY_MS_MIN = 10

/** Reads the answer of one call. `next` gives its frames; the stream is reused when it returns. */
export type AnswerReader<T> = (next: () => Promise<Uint8Array>) => Promise<T>

/**
 * Calls to one peer over streams that are reused: a call on an open stream takes a seventh of the time of one that opens its own. No more
 * run at once than the other side serves.
 */
export class CallStreams {
  readonly #libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly #peer: PeerId | Multiaddr | Multiaddr[]
  readonly #idle = new Map<MipProtocol, FrameStream[]>()
  readonly #turns = new Map<MipProtocol, Semaphore>()

  constructor(libp2p: Pick<Libp2p, 'dialProtocol'>, peer: PeerId | Multiaddr | Multiaddr[]) {
    this.#libp2p = libp2p
    this.#peer = peer
  }

  /**
   * One request and its answer.
   * @throws MipRemoteError; the signal's reason; `deadline` after MIP_CALL_MS_MAX.
   */
  async call<T>(protocol: MipProtocol, request: Uint8Array, read: AnswerReader<T>, signal: AbortSignal): Promise<T> {
    const timeout = AbortSignal.timeout(MIP_CALL_MS_MAX)
    const either = AbortSignal.any([signal, timeout])
    try {
      return await this.#turn(protocol).run(() => this.#retrying(protocol, request, read, either), either)
    } catch (cause) {
      if (timeout.aborted && !signal.aborted) throw new MipRemoteError('deadline', 'no answer in time', { cause })
      throw signal.aborted ? signal.reason : cause
    }
  }

  async close(): Promise<void> {
    const streams = [...this.#idle.values()].flat()
    this.#idle.clear()
    await Promise.all(streams.map((stream) => stream.end(AbortSignal.timeout(1000))))
  }

  #turn(protocol: MipProtocol): Semaphore {
    const known = this.#turns.get(protocol)
    if (known) return known
    const turn = new Semaphore(CALL_LIMITS.callsInFlight[protocol])
    this.#turns.set(protocol, turn)
    return turn
  }

  async #retrying<T>(protocol: MipProtocol, request: Uint8Array, read: AnswerReader<T>, signal: AbortSignal) {
    for (;;) {
      try {
        return await this.#once(protocol, request, read, signal)
      } catch (cause) {
        const waitMs = cause instanceof MipRemoteError ? cause.retryAfterMs : undefined
        if (waitMs === undefined || waitMs > RETRY_MS_MAX) throw cause
        await sleep(Math.max(waitMs, RETRY_MS_MIN), signal)
      }
    }
  }

  /** A stream that waited may have been closed by the other side meanwhile; every call may be asked twice, so a new one is tried then. */
  async #once<T>(protocol: MipProtocol, request: Uint8Array, read: AnswerReader<T>, signal: AbortSignal): Promise<T> {
    const waiting = this.#takeIdle(protocol)
    if (waiting) {
      try {
        return await this.#exchange(protocol, waiting, request, read, signal)
      } catch (cause) {
        if (!(cause instanceof MipRemoteError) || cause.reason !== 'cut_short') throw cause
      }
    }
    const stream = await this.#open(protocol, signal)
    return this.#exchange(protocol, stream, request, read, signal)
  }

  async #exchange<T>(
    protocol: MipProtocol,
    stream: FrameStream,
    request: Uint8Array,
    read: AnswerReader<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const next = async () => {
      const frame = await stream.read(signal)
      if (frame) return frame
      throw new MipRemoteError('cut_short', 'the stream ended before the answer')
    }
    try {
      await stream.write(request, signal)
      const value = await read(next)
      this.#keep(protocol, stream)
      return value
    } catch (cause) {
      // After a refusal the stream stands at the end of an answer and can be used on.
      if (isRefusal(cause) && stream.isReusable) this.#keep(protocol, stream)
      else stream.abort(asError(cause))
      throw cause
    }
  }

  #takeIdle(protocol: MipProtocol): FrameStream | undefined {
    const streams = this.#idle.get(protocol) ?? []
    for (let stream = streams.pop(); stream; stream = streams.pop()) if (stream.isReusable) return stream
    return undefined
  }

  #keep(protocol: MipProtocol, stream: FrameStream): void {
    const streams = this.#idle.get(protocol) ?? []
    this.#idle.set(protocol, streams)
    if (streams.length < IDLE_STREAMS_MAX && stream.isReusable) streams.push(stream)
    else void stream.end(AbortSignal.timeout(MIP_CALL_MS_MAX))
  }

  async #open(protocol: MipProtocol, signal: AbortSignal): Promise<FrameStream> {
    let stream: Stream
    try {
      const options = { signal, runOnLimitedConnection: protocol !== 'blob' }
      stream = await this.#libp2p.dialProtocol(this.#peer, MIP_PROTOCOLS[protocol], options)
    } catch (cause) {
      if (signal.aborted) throw signal.reason
      throw new MipRemoteError('unreachable', 'the peer opened no stream', { cause })
    }
    return new FrameStream(stream)
  }
}

/** The other side answered, and said no. */
const isRefusal = (cause: unknown) =>
  cause instanceof MipRemoteError &&
  ['bad_request', 'not_served', 'busy', 'rate_limited', 'internal'].includes(cause.reason)
