import type { ConnectionEncrypter, MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { concatBytes } from '@noble/hashes/utils.js'

/** So much is sent at once, even if more is to come: no stream waits for another one's megabytes. */
const JOINED_BYTES_MAX = 64 * 1024

/** As much of a stream of yamux 8 as decides about its window; these fields have no public name. */
interface Windowed {
  state: number
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate(): void
}

/** States of a stream of yamux in which nothing but the window may have to be told. */
const SYN_SENT = 1
const ESTABLISHED = 3

/**
 * A multiplexer that costs few writes. What its streams send within one turn of the event loop is one message of the connection, which is
 * one encryption, one write, and on Workers one message to pay for. A window is told when half of it is used up, as the specification of
 * yamux has it, not after every message: for small messages that is a write for each, here, and a read there.
 */
export function joinedFrames(multiplexer: () => StreamMuxerFactory): () => StreamMuxerFactory {
  return () => {
    const factory = multiplexer()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => withHalfWindows(create(joinedSends(connection)))
    return factory
  }
}

/** An encrypter whose messages, a length and a text each, leave the process in one write. */
export function joinedMessages<Components>(
  encrypter: (components: Components) => ConnectionEncrypter,
): (components: Components) => ConnectionEncrypter {
  return (components) => {
    const inner = encrypter(components)
    const [outbound, inbound] = [inner.secureOutbound.bind(inner), inner.secureInbound.bind(inner)]
    inner.secureOutbound = (connection, options) => outbound(oneWriteEach(connection), options)
    inner.secureInbound = (connection, options) => inbound(oneWriteEach(connection), options)
    return inner
  }
}

function oneWriteEach<T extends MessageStream>(connection: T): T {
  const send = connection.send.bind(connection)
  connection.send = (data) => send(data.subarray())
  return connection
}

/** Holds back what is sent until everything else of this turn of the event loop was done. */
function joinedSends<T extends MessageStream>(connection: T): T {
  const [send, close, abort] = [
    connection.send.bind(connection),
    connection.close.bind(connection),
    connection.abort.bind(connection),
  ]
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let turn: ReturnType<typeof setImmediate> | undefined
  const take = () => {
    clearImmediate(turn)
    turn = undefined
    const parts = waiting
    waiting = []
    waitingBytes = 0
    return parts
  }
  const flush = () => {
    const parts = take()
    // A connection that has closed meanwhile takes nothing; its streams have heard of it.
    if (parts.length === 0 || connection.status !== 'open') return
    try {
      send(parts.length === 1 ? parts[0]! : concatBytes(...parts))
    } catch {
      // What is below has closed: the connection has ended itself before it threw, and nobody waits for this send.
    }
  }
  connection.send = (data) => {
    if (connection.status !== 'open') return send(data)
    waiting.push(data.subarray())
    waitingBytes += data.byteLength
    if (waitingBytes >= JOINED_BYTES_MAX) flush()
    else turn ??= setImmediate(flush)
    return !connection.writableNeedsDrain
  }
  connection.close = (options) => {
    flush()
    return close(options)
  }
  connection.abort = (error) => {
    take() // as it throws away all else that was not sent
    abort(error)
  }
  return connection
}

function withHalfWindows(muxer: StreamMuxer): StreamMuxer {
  const candidate = muxer as StreamMuxer &
    Partial<Record<'onCreateStream' | 'onRemoteStream', (value: never) => unknown>>
  const { onCreateStream, onRemoteStream } = candidate
  if (!onCreateStream || !onRemoteStream) throw unknownVersion()
  candidate.onCreateStream = (options) => halfWindow(onCreateStream.call(muxer, options))
  candidate.onRemoteStream = (stream) => onRemoteStream.call(muxer, halfWindow(stream) as never)
  return muxer
}

/** @throws TypeError when this version of yamux keeps its windows elsewhere. */
function halfWindow(stream: unknown): unknown {
  const windowed = stream as Windowed
  if (typeof windowed.recvWindow !== 'number' || typeof windowed.recvWindowCapacity !== 'number') throw unknownVersion()
  const tell = windowed.sendWindowUpdate.bind(windowed)
  windowed.sendWindowUpdate = () => {
    const isOpen = windowed.state === SYN_SENT || windowed.state === ESTABLISHED
    if (!isOpen || windowed.recvWindowCapacity * 2 <= windowed.recvWindow) tell()
  }
  return stream
}

const unknownVersion = () => new TypeError('this version of @libp2p/yamux is not known: its windows cannot be changed')
