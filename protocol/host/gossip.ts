import { hash } from 'node:crypto'
import type { GossipSub, GossipsubMessage, TopicValidatorResult } from '@libp2p/gossipsub'
import { gossipsub } from '@libp2p/gossipsub'
import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import {
  MIP_GOSSIP_MESSAGE_BYTES_MAX,
  MIP_GOSSIP_OUTBOUND_BYTES_MAX,
  MIP_GOSSIP_TOPICS_MAX,
} from '../../schemas/limits-mip.ts'
import type { GossipVerdict } from '../core/gossip-message.ts'
import type { DeafWatchdog } from './deaf-watchdog.ts'
import type { FloodGate } from './flood-gate.ts'
import { GossipForwards } from './gossip-forwards.ts'
import { gossipScores, PUBLISH_SCORE_MIN, topicScore } from './gossip-scores.ts'
import { narrowToNetwork } from './gossip-topics.ts'

export interface GossipMessage {
  topic: string
  data: Uint8Array
  /** The neighbour that passed it on, not who wrote it: that is signed inside. */
  from: string
}

export interface GossipTopic {
  /** Judges before anything is passed on, within 100 ms. `reject` only what is provably wrong; what throws is ignored. */
  validate: (message: GossipMessage) => GossipVerdict | Promise<GossipVerdict>
  /** Takes what was accepted. A hint: messages get lost, the log does not. */
  receive: (message: GossipMessage) => void
}

/** Messages to whoever is there (MIP 4.4). */
export interface Gossip {
  /** Peers that the message was sent to; 0 is no error. @throws RangeError over MIP_GOSSIP_MESSAGE_BYTES_MAX. */
  publish(topic: string, data: Uint8Array): Promise<number>
  /** Takes part in a topic until the function that it returns is called. @throws RangeError for more topics than MIP_GOSSIP_TOPICS_MAX. */
  subscribe(topic: string, handlers: GossipTopic): () => void
  /** PeerIds that take part in a topic, as far as we are told. */
  subscribers(topic: string): string[]
  /** What we think of a peer: the value of its tier less its strikes. Times ten it is part of its gossip score; -5 ends publishing to it. */
  setTrust(peerId: string, value: number): void
}

export interface GossipInit {
  /** Name of the network: peers of another one hear nothing of it. */
  network: string
  /** Bytes that may wait for one connection. */
  outboundBytesMax?: number
  /** A connection was closed because its peer read too slowly: it has to catch up from the log. */
  onSlowPeer?: (peerId: string, waitingBytes: number) => void
  /** A connection was closed because its peer sends too many messages; for a while it is not let in. */
  onFlood?: (peerId: string) => void
}

/** Bytes between two looks at what waits for slow peers; a timer looks besides. */
const LOOK_BYTES = 1024 * 1024
const LOOK_MS = 1000
const MESSAGE_ID_BYTES = 20
const DONT_WANT_BYTES_MIN = 4096
/** Protocol fields around the data of one message. */
const RPC_OVERHEAD_BYTES = 4096

/** The service for createLibp2p. What is said of messages and topics in MIP 4.4 stands in its options. */
export function gossipService(trust: ReadonlyMap<string, number>) {
  return gossipsub({
    // Entries are signed inside; a second signature doubles the cost of receiving (MIP 2.1).
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: ({ data }) => hash('sha256', data, 'buffer').subarray(0, MESSAGE_ID_BYTES),
    emitSelf: false,
    floodPublish: true,
    allowPublishToZeroTopicPeers: true,
    // Saying that a message is not wanted twice costs both sides more than one of this size that comes twice.
    idontwantMinDataSize: DONT_WANT_BYTES_MIN,
    ignoreDuplicatePublishError: true,
    // Only passing on waits for us (GossipForwards); the validators of the topics judge before that.
    asyncValidation: true,
    allowedTopics: [], // replaced by narrowToNetwork
    runOnLimitedConnection: true,
    maxInboundDataLength: MIP_GOSSIP_MESSAGE_BYTES_MAX + RPC_OVERHEAD_BYTES,
    // No maxOutboundBufferSize: it resets the stream and leaves the peer deaf (MIP 4.3). Memory is bounded by closing connections.
    scoreThresholds: { publishThreshold: PUBLISH_SCORE_MIN },
    scoreParams: gossipScores((peerId) => trust.get(peerId) ?? 0),
  })
}

export class GossipsubGossip implements Gossip {
  readonly #libp2p: Pick<Libp2p, 'getConnections'>
  readonly #pubsub: ReturnType<typeof narrowToNetwork>
  readonly #trust: Map<string, number>
  readonly #watchdog: DeafWatchdog
  readonly #gate: FloodGate
  readonly #init: GossipInit
  readonly #topics = new Map<string, GossipTopic>()
  readonly #timer: ReturnType<typeof setInterval>
  readonly #forwards: GossipForwards
  #unlooked = 0

  constructor(
    libp2p: Pick<Libp2p, 'getConnections'>,
    pubsub: GossipSub,
    trust: Map<string, number>,
    watchdog: DeafWatchdog,
    gate: FloodGate,
    init: GossipInit,
  ) {
    this.#libp2p = libp2p
    this.#pubsub = narrowToNetwork(pubsub, init.network, (from) => void this.#isHeard(from))
    this.#gate = gate
    this.#trust = trust
    this.#watchdog = watchdog
    this.#init = init
    this.#forwards = new GossipForwards((id, from) =>
      this.#pubsub.reportMessageValidationResult(id, from, verdict('accept')),
    )
    pubsub.addEventListener('gossipsub:message', this.#onMessage)
    this.#timer = setInterval(() => this.#closeSlowPeers(), LOOK_MS)
    this.#timer.unref?.()
  }

  async publish(topic: string, data: Uint8Array): Promise<number> {
    if (data.length > MIP_GOSSIP_MESSAGE_BYTES_MAX)
      throw new RangeError(`"data" expected at most ${MIP_GOSSIP_MESSAGE_BYTES_MAX} bytes, got ${data.length}`)
    const { recipients } = await this.#pubsub.publish(topic, data)
    this.#moved(data.length)
    // A peer that is passed by for its score is not deaf, and calling it again would change nothing.
    const wanted = this.subscribers(topic).filter((peerId) => this.#pubsub.getScore(peerId) >= PUBLISH_SCORE_MIN)
    this.#watchdog.published(wanted, recipients.map(String))
    return recipients.length
  }

  subscribe(topic: string, handlers: GossipTopic): () => void {
    if (!this.#pubsub.allowedTopics.has(topic)) throw new RangeError(`"topic" expected one of the network: ${topic}`)
    if (this.#topics.has(topic)) throw new RangeError(`"topic" expected one that is not subscribed to: ${topic}`)
    if (this.#topics.size >= MIP_GOSSIP_TOPICS_MAX)
      throw new RangeError(`"topic" expected at most ${MIP_GOSSIP_TOPICS_MAX} topics`)
    this.#topics.set(topic, handlers)
    this.#pubsub.score.params.topics[topic] ??= topicScore()
    this.#pubsub.topicValidators.set(topic, (peer, { data }) => this.#validate(handlers, peer, topic, data))
    this.#pubsub.subscribe(topic)
    return () => this.#unsubscribe(topic, handlers)
  }

  subscribers(topic: string): string[] {
    return this.#pubsub.getSubscribers(topic).map(String)
  }

  setTrust(peerId: string, value: number): void {
    if (value === 0) this.#trust.delete(peerId)
    else this.#trust.set(peerId, value)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#forwards.close()
    this.#pubsub.removeEventListener('gossipsub:message', this.#onMessage)
  }

  #unsubscribe(topic: string, handlers: GossipTopic): void {
    if (this.#topics.get(topic) !== handlers) return
    this.#topics.delete(topic)
    this.#pubsub.unsubscribe(topic)
    this.#pubsub.topicValidators.delete(topic)
  }

  async #validate(handlers: GossipTopic, peer: PeerId, topic: string, data: Uint8Array): Promise<TopicValidatorResult> {
    if (!this.#isHeard(peer.toString())) return verdict('ignore')
    if (data.length > MIP_GOSSIP_MESSAGE_BYTES_MAX) return verdict('reject')
    return verdict(await handlers.validate({ topic, data, from: peer.toString() }))
  }

  /** Whether a neighbour may send one more message; one that may not is cut off. */
  #isHeard(from: string): boolean {
    const wasShut = this.#gate.isShut(from)
    if (this.#gate.take(from)) return true
    // Messages that had come before may still be looked at.
    if (wasShut) return false
    for (const connection of this.#libp2p.getConnections())
      if (connection.remotePeer.toString() === from) connection.abort(new Error('too many messages'))
    this.#init.onFlood?.(from)
    return false
  }

  readonly #onMessage = ({ detail: { msg, msgId, propagationSource } }: CustomEvent<GossipsubMessage>) => {
    this.#moved(msg.data.length)
    const { topic, data } = msg
    this.#forwards.add(msgId, propagationSource.toString())
    this.#topics.get(topic)?.receive({ topic, data, from: propagationSource.toString() })
  }

  /** Every message, ours or passed on, may pile up for a slow peer. */
  #moved(bytes: number): void {
    this.#unlooked += bytes
    if (this.#unlooked >= LOOK_BYTES) this.#closeSlowPeers()
  }

  #closeSlowPeers(): void {
    this.#unlooked = 0
    for (const connection of this.#libp2p.getConnections()) {
      const waiting = connection.streams.filter(isGossip).reduce((sum, stream) => sum + stream.writeBufferLength, 0)
      if (waiting <= (this.#init.outboundBytesMax ?? MIP_GOSSIP_OUTBOUND_BYTES_MAX)) continue
      connection.abort(new Error(`${waiting} bytes wait for a slow peer`))
      this.#init.onSlowPeer?.(connection.remotePeer.toString(), waiting)
    }
  }
}

const isGossip = (stream: Stream) => stream.direction === 'outbound' && stream.protocol.startsWith('/meshsub/')

/** The values of TopicValidatorResult are these words; its type is an enum, which has no literals. */
const verdict = (word: GossipVerdict) => word as TopicValidatorResult
