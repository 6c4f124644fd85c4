import { z } from 'zod'
import { Sha256Hex } from './blob-ref.ts'
import { Name } from './common.ts'
import { Did } from './did.ts'
import {
  NODE_CONCURRENCY_MAX,
  NODE_DETAIL_LENGTH_MAX,
  NODE_MODELS_MAX,
  NODE_RESIDENT_KEYS_MAX,
  NODE_TEXT_LENGTH_MAX,
} from './limits-nodes.ts'
import { ModelDescriptor } from './model-descriptor.ts'
import { NODE_ERROR_CODES } from './node-error.ts'
import { NodeTaskKind } from './node-task.ts'

/**
 * Messages between a GPU node and the edge, JSON in text frames of a WebSocket. The edge speaks first: a challenge. A node that registers
 * signs NODE_PROOF_DOMAIN, the origin of the edge that it means, a zero byte and the nonce: the proof is worth nothing at another edge, and at
 * the same one only once. No clock is compared.
 */
export const NODE_PROTOCOL_VERSION = 1
/** Where nodes connect, and where their blobs are. */
export const NODE_CONNECT_PATH = '/v1/nodes/connect'
export const NODE_BLOB_PATH = '/v1/nodes/blobs/'
/** First bytes of what a node signs. */
export const NODE_PROOF_DOMAIN = 'memos/node/1\0'

const Hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `expected ${bytes} bytes in hex`)
const TaskId = z.string().min(1).max(128)
const Count = z.int().nonnegative()

export const NodeModel = z.strictObject({
  name: Name,
  fingerprint: Sha256Hex,
  descriptor: ModelDescriptor,
  operations: z.array(NodeTaskKind).min(1).max(16),
  positionsMax: z.int().positive(),
})
export type NodeModel = z.infer<typeof NodeModel>

export const NodeCapabilities = z.strictObject({
  runtime: Name,
  provider: Name,
  models: z.array(NodeModel).max(NODE_MODELS_MAX),
  memoryBytes: Count,
  concurrency: z.int().min(1).max(NODE_CONCURRENCY_MAX),
})
export type NodeCapabilities = z.infer<typeof NodeCapabilities>

export const NodeRegister = z.strictObject({
  type: z.literal('register'),
  v: z.literal(NODE_PROTOCOL_VERSION),
  publicKey: Did,
  name: Name.optional(),
  joinToken: z.string().min(1).max(256).optional(),
  signature: Hex(64),
  capabilities: NodeCapabilities,
})
export type NodeRegister = z.infer<typeof NodeRegister>

/** What a node says. */
export const NodeMessage = z.discriminatedUnion('type', [
  NodeRegister,
  z.strictObject({
    type: z.literal('heartbeat'),
    running: Count,
    residentBytes: Count,
    resident: z.array(z.string().min(1).max(128)).max(NODE_RESIDENT_KEYS_MAX),
  }),
  z.strictObject({ type: z.literal('accepted'), taskId: TaskId, lease: Hex(16) }),
  z.strictObject({
    type: z.literal('progress'),
    taskId: TaskId,
    lease: Hex(16),
    done: Count,
    total: Count.nullable(),
  }),
  z.strictObject({
    type: z.literal('token'),
    taskId: TaskId,
    lease: Hex(16),
    seq: Count.describe('Place of the piece of text, from 0.'),
    text: z.string().max(NODE_TEXT_LENGTH_MAX),
  }),
  z.strictObject({
    type: z.literal('done'),
    taskId: TaskId,
    lease: Hex(16),
    output: z.string().describe('The output as JSON text: exactly the bytes that the digest is over.'),
    sha256: Sha256Hex,
    tokens: Count.describe('Pieces of text that were streamed before.'),
  }),
  z.strictObject({
    type: z.literal('failed'),
    taskId: TaskId,
    lease: Hex(16),
    code: z.enum(NODE_ERROR_CODES),
    detail: z.string().max(NODE_DETAIL_LENGTH_MAX),
  }),
])
export type NodeMessage = z.infer<typeof NodeMessage>

/** Why a registration is refused. */
export const NODE_REFUSALS = [
  'invalid_message',
  'wrong_signature',
  'nonce_used',
  'unknown_node',
  'revoked',
  'token_unknown',
  'token_used',
  'token_expired',
  'already_registered',
  'too_many_nodes',
  'too_late',
  'unavailable',
] as const
export type NodeRefusal = (typeof NODE_REFUSALS)[number]

/** What the edge says. */
export const EdgeMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('challenge'), nonce: Hex(32) }),
  z.strictObject({
    type: z.literal('registered'),
    nodeId: Name,
    session: Hex(32).describe('Opens blobs for as long as the socket stands.'),
    heartbeatMs: z.int().positive(),
    leaseMs: z.int().positive(),
  }),
  z.strictObject({
    type: z.literal('task'),
    taskId: TaskId,
    /** Names this delivery of the task: whatever is said of another one counts for nothing. */
    lease: Hex(16),
    kind: NodeTaskKind,
    input: z.unknown(),
    leaseMs: z.int().positive(),
  }),
  z.strictObject({ type: z.literal('cancel'), taskId: TaskId, lease: Hex(16) }),
  z.strictObject({ type: z.literal('refused'), code: z.enum(NODE_REFUSALS) }),
])
export type EdgeMessage = z.infer<typeof EdgeMessage>
