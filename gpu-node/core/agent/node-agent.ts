import { bytesToHex } from '@noble/hashes/utils.js'
import { publicKeyOfSeed, signPortable } from '../../../protocol/core/ed25519-rule.ts'
import { didOfKey } from '../../../protocol/core/keys.ts'
import { nodeProofBytes } from '../../../protocol/core/node-proof.ts'
import {
  EdgeMessage,
  NODE_CONNECT_PATH,
  NODE_PROTOCOL_VERSION,
  type NodeCapabilities,
  type NodeMessage,
  type NodeRefusal,
} from '../../../schemas/node-message.ts'
import { EdgeBlobs } from './edge-blobs.ts'
import type { NodeOperations } from './node-operations.ts'
import type { AgentHost, NodeSocket } from './node-socket.ts'
import { type GivenTask, runTask } from './task-session.ts'

const FIRST_WAIT_MS = 500
const LAST_WAIT_MS = 30_000
/** A socket that opens and says nothing for so long is given up. */
const CHALLENGE_MS_MAX = 15_000
/** An operation that does not heed its signal is waited for no longer. */
const STOP_MS_MAX = 5000
/** Refusals that trying again cannot change. */
const FINAL: ReadonlySet<NodeRefusal> = new Set([
  'invalid_message',
  'wrong_signature',
  'unknown_node',
  'revoked',
  'token_unknown',
  'token_used',
  'token_expired',
])

export interface Resident {
  bytes: number
  keys: readonly string[]
}

export interface NodeAgentInit {
  host: AgentHost
  /** Base address of the edge, `https://edge.example`. */
  edge: string
  name?: string
  joinToken?: string
  capabilities: NodeCapabilities
  operations: NodeOperations
  /** KV caches and adapters at hand. */
  resident(): Resident
  onState?(state: AgentState): void
}

export type AgentState = { kind: 'connecting' | 'stopped' } | { kind: 'registered'; nodeId: string } | Refused
interface Refused {
  kind: 'refused'
  code: NodeRefusal
}

interface Connection {
  socket: NodeSocket
  session: string | null
  /** By lease. */
  tasks: Map<string, AbortController>
  timers: Set<unknown>
}

/**
 * A GPU node at an edge: connects, proves its key, does what it is given, says that it is there, and comes back when a connection breaks.
 * What runs when one breaks is cancelled: the edge gives it to somebody else.
 */
export class NodeAgent {
  readonly #init: NodeAgentInit
  readonly #publicKey: string
  #connection: Connection | null = null
  #retry: unknown = null
  #waits = 0
  #isStopped = true
  #idle: (() => void)[] = []
  #running = 0

  constructor(init: NodeAgentInit) {
    this.#init = init
    this.#publicKey = didOfKey(publicKeyOfSeed(init.host.seed))
  }

  start(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#connect()
  }

  /** Cancels what runs, closes the socket, and resolves when no operation runs any more, or after STOP_MS_MAX. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const { host } = this.#init
    host.clearTimeout(this.#retry)
    const { socket } = this.#connection ?? {}
    this.#lost(this.#connection)
    socket?.close(1000, 'stopped')
    if (this.#running > 0)
      await new Promise<void>((resolve) => {
        const late = host.setTimeout(resolve, STOP_MS_MAX)
        this.#idle.push(() => {
          host.clearTimeout(late)
          resolve()
        })
      })
    this.#init.onState?.({ kind: 'stopped' })
  }

  #connect(): void {
    const { host, edge, onState } = this.#init
    onState?.({ kind: 'connecting' })
    const url = new URL(NODE_CONNECT_PATH, edge)
    url.protocol = url.protocol.replace('http', 'ws')
    const socket = host.openSocket(url.href)
    const connection: Connection = { socket, session: null, tasks: new Map(), timers: new Set() }
    this.#connection = connection
    this.#after(connection, CHALLENGE_MS_MAX, () => {
      if (connection.session === null) socket.close(4000, 'no registration')
    })
    socket.addEventListener('message', ({ data }) => this.#hear(connection, data))
    for (const end of ['close', 'error'] as const) socket.addEventListener(end, () => this.#lost(connection))
  }

  #hear(connection: Connection, data: unknown): void {
    if (this.#connection !== connection || typeof data !== 'string') return
    const message = read(data)
    if (message === null) {
      connection.socket.close(4002, 'not a message')
      return
    }
    switch (message.type) {
      case 'challenge':
        this.#register(connection, message.nonce)
        return
      case 'registered':
        connection.session = message.session
        this.#waits = 0
        this.#heartbeat(connection, message.heartbeatMs)
        this.#init.onState?.({ kind: 'registered', nodeId: message.nodeId })
        return
      case 'refused':
        if (FINAL.has(message.code)) this.#isStopped = true
        this.#init.onState?.({ kind: 'refused', code: message.code })
        return
      case 'cancel':
        connection.tasks.get(message.lease)?.abort()
        return
      case 'task':
        this.#take(connection, message)
    }
  }

  #register(connection: Connection, nonce: string): void {
    const { host, edge, name, joinToken, capabilities } = this.#init
    const proof = nodeProofBytes(new URL(edge).host, nonce)
    this.#say(connection, {
      type: 'register',
      v: NODE_PROTOCOL_VERSION,
      publicKey: this.#publicKey as never,
      ...(name !== undefined && { name }),
      ...(joinToken !== undefined && { joinToken }),
      signature: bytesToHex(signPortable(proof, host.seed)),
      capabilities,
    })
  }

  #heartbeat(connection: Connection, everyMs: number): void {
    const { bytes, keys } = this.#init.resident()
    this.#say(connection, {
      type: 'heartbeat',
      running: connection.tasks.size,
      residentBytes: bytes,
      resident: [...keys],
    })
    this.#after(connection, everyMs, () => this.#heartbeat(connection, everyMs))
  }

  #take(connection: Connection, task: GivenTask): void {
    const { taskId, lease } = task
    // Delivered twice.
    if (connection.tasks.has(lease) || connection.session === null) return
    const say = (message: NodeMessage) => this.#say(connection, message)
    if (connection.tasks.size >= this.#init.capabilities.concurrency) {
      say({ type: 'failed', taskId, lease, code: 'out_of_memory', detail: 'this node has no room' })
      return
    }
    const stop = new AbortController()
    connection.tasks.set(lease, stop)
    this.#running += 1
    const { host, edge, operations } = this.#init
    const fetch: AgentHost['fetch'] = (url, request) => host.fetch(url, request)
    const blobs = new EdgeBlobs({ fetch, edge, session: connection.session, taskId, signal: stop.signal })
    void runTask({ task, operations, blobs, signal: stop.signal, say }).finally(() => {
      connection.tasks.delete(lease)
      this.#running -= 1
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  #say(connection: Connection, message: NodeMessage): void {
    if (this.#connection !== connection) return
    try {
      connection.socket.send(JSON.stringify(message))
    } catch {
      this.#lost(connection)
    }
  }

  /** A connection has ended: its tasks are for somebody else, and another connection is tried later, later each time. */
  #lost(connection: Connection | null): void {
    const { host } = this.#init
    if (connection === null || this.#connection !== connection) return
    this.#connection = null
    for (const timer of connection.timers) host.clearTimeout(timer)
    for (const stop of connection.tasks.values()) stop.abort()
    if (this.#isStopped) return
    const wait = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#waits++)
    this.#retry = host.setTimeout(() => this.#connect(), wait * (0.5 + host.random() / 2))
  }

  #after(connection: Connection, ms: number, run: () => void): void {
    const timer = this.#init.host.setTimeout(() => {
      connection.timers.delete(timer)
      if (this.#connection === connection) run()
    }, ms)
    connection.timers.add(timer)
  }
}

function read(text: string): EdgeMessage | null {
  try {
    return EdgeMessage.safeParse(JSON.parse(text)).data ?? null
  } catch {
    // Not JSON.
    return null
  }
}
