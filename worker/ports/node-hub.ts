import type { NodeErrorCode } from '../../schemas/node-error.ts'
import type { NodeModel, NodeRefusal, NodeRegister } from '../../schemas/node-message.ts'
import type { NodeTaskKind } from '../../schemas/node-task.ts'

/** A GPU node that is connected now. */
export interface ConnectedNode {
  nodeId: string
  name: string
  runtime: string
  provider: string
  models: Pick<NodeModel, 'name' | 'fingerprint' | 'operations' | 'positionsMax'>[]
  concurrency: number
  running: number
  /** KV caches and adapters that it holds. */
  residentKeys: readonly string[]
  lastSeenMs: number
}

/** A task for one node. */
export interface LeasedTask {
  taskId: string
  orgId: string
  kind: NodeTaskKind
  input: unknown
  /** End of the first lease; whatever the node says of the task renews it. */
  leaseUntilMs: number
}

export type NodeEvent =
  | { kind: 'accepted' }
  | { kind: 'progress'; done: number; total: number | null }
  | { kind: 'token'; text: string }
  | { kind: 'done'; output: unknown }
  | { kind: 'failed'; code: NodeErrorCode; detail: string }

/** What a session of a node may touch while its socket stands. */
export interface NodeSession {
  nodeId: string
  /** Tasks that it holds. */
  tasks: readonly { taskId: string; orgId: string; input: unknown }[]
}

/** Sockets of GPU nodes, and what runs on them. Derived: what is lost with it comes back as `node_lost`. */
export interface NodeHub {
  /** Nodes that are connected now and serve this organisation. */
  nodes(orgId: string): Promise<ConnectedNode[]>
  /**
   * Gives one leased task to one node and tells what becomes of it; ends after done or failed (node_lost when the socket or the lease ends).
   * Aborting cancels at the node. Leaving the loop does too.
   */
  run(nodeId: string, task: LeasedTask, signal: AbortSignal): AsyncIterable<NodeEvent>
  /** Takes over a WebSocket request of a node. */
  connect(request: Request): Promise<Response>
  /** Who has this session; null when its socket is gone. */
  session(secret: string): Promise<NodeSession | null>
  /** Cuts a node off, with what it runs. */
  disconnect(nodeId: string): Promise<void>
}

/** A node that may connect, and whom it serves. */
export interface KnownNode {
  nodeId: string
  name: string
  organisations: readonly string[]
}

/** Decides whether a node may connect: its key, its proof, its join token. */
export interface NodeGate {
  /** `origin`: of the edge, as the node called it. The nonce is used up by this call, whatever the answer. */
  admit(register: NodeRegister, proof: { origin: string; nonce: string }): Promise<KnownNode | NodeRefusal>
}

/** Bytes that nodes have put at the edge, verified. */
export interface NodeBlobArea {
  /** Null where there are none. */
  read(orgId: string, cid: string): Promise<Uint8Array | null>
}
