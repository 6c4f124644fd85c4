import { expectRelation } from './limit-relations.ts'

/** Limits of GPU nodes and of the tasks that they are given; a part of limits.ts, which would be too long with it. */

/** One message between a GPU node and the edge, as UTF-8. Tensors travel as blobs. */
export const NODE_MESSAGE_BYTES_MAX = 4 * 1024 * 1024
/** Nodes that are connected to one edge at a time. */
export const NODES_CONNECTED_MAX = 1024
/** Models that one node offers. */
export const NODE_MODELS_MAX = 32
/** Tasks that one node runs at a time. */
export const NODE_CONCURRENCY_MAX = 64
/** Keys of KV caches and adapters that a heartbeat names as resident, the most used first. */
export const NODE_RESIDENT_KEYS_MAX = 2048
/** How often a node says that it is there. */
export const NODE_HEARTBEAT_MS = 5000
/** A node that has said nothing for so long is gone: three heartbeats. */
export const NODE_SILENCE_MS_MAX = 15_000
/** Time from the opening of a socket to its registration. */
export const NODE_REGISTER_MS_MAX = 10_000
/** Lease of a task on a node; whatever the node says of the task renews it. */
export const NODE_LEASE_MS = 60_000
/** Events of a task that wait for whoever reads them; a reader that is further behind loses the task. */
export const NODE_EVENTS_WAITING_MAX = 2048
/** Bytes that wait in a node's socket before it is cut off. */
export const NODE_SOCKET_BYTES_WAITING_MAX = 16 * 1024 * 1024
/** Life of a join token unless the caller names another. */
export const NODE_TOKEN_MS_DEFAULT = 60 * 60 * 1000
/** Longest life of a join token. */
export const NODE_TOKEN_MS_MAX = 30 * 24 * 60 * 60 * 1000
/** Organisations that one node serves. */
export const NODE_ORGANISATIONS_MAX = 64
/** Explanation that comes with a node's failure, in UTF-16 units. */
export const NODE_DETAIL_LENGTH_MAX = 500
/** One text of a task, in UTF-16 units. */
export const NODE_TEXT_LENGTH_MAX = 256 * 1024
/** Messages of one generation. */
export const NODE_CHAT_MESSAGES_MAX = 512
/** Memories of one generation. */
export const NODE_MEMORIES_MAX = 1024
/** Tokens that one generation may give. */
export const NODE_TOKENS_MAX = 16_384
/** Stop texts of one generation. */
export const NODE_STOPS_MAX = 16
/** Texts of one embedding or re-ranking, and pairs of one steering vector. */
export const NODE_TEXTS_MAX = 256
/** Dimensions of one embedding. */
export const NODE_DIMENSIONS_MAX = 16_384
/** Durable tasks of one organisation that wait for a node or are on one. */
export const NODE_TASKS_OPEN_MAX = 10_000
/** Input and output of one durable task, as JSON. */
export const NODE_TASK_BYTES_MAX = 1024 * 1024
/** Leases of a durable task before it is given up. */
export const NODE_TASK_LEASES_MAX = 5
/** Durable tasks that one look gives to nodes. */
export const NODE_TASKS_PER_LOOK_MAX = 64
/** How long a durable task that has ended can be looked up. */
export const NODE_TASK_KEPT_MS = 7 * 24 * 60 * 60 * 1000
/** Idempotency key of a durable task, in UTF-16 units. */
export const NODE_TASK_KEY_LENGTH_MAX = 256
/** One blob that a node puts at the edge. */
export const NODE_BLOB_BYTES_MAX = 256 * 1024 * 1024
/** One piece of a blob on its way between node and edge. */
export const NODE_BLOB_PIECE_BYTES = 4 * 1024 * 1024
/** Bytes that one task may put at the edge. */
export const NODE_TASK_BLOB_BYTES_MAX = 512 * 1024 * 1024
/** Messages of one chat completion. */
export const CHAT_MESSAGES_MAX = 256
/** Text of one message of a chat completion, in UTF-16 units. */
export const CHAT_CONTENT_LENGTH_MAX = 64 * 1024
/** Tokens of one chat completion. */
export const CHAT_TOKENS_MAX = 4096
/** Tokens of one chat completion when the caller names no number. */
export const CHAT_TOKENS_DEFAULT = 256
/** Token budget for memory in a chat completion when the caller names none. */
export const CHAT_MEMORY_TOKENS_DEFAULT = 1024
/** Stop sequences of one chat completion. */
export const CHAT_STOPS_MAX = 4
/** One stop sequence, in UTF-16 units. */
export const CHAT_STOP_LENGTH_MAX = 64
/** A chat completion, waiting included. */
export const CHAT_MS_MAX = 5 * 60 * 1000
/** How often a completion whose prompt is too long is tried again with half of its memory. */
export const CHAT_SHRINKS_MAX = 3
/** Nodes that one task is given to, one after the other. */
export const NODE_ATTEMPTS_MAX = 3
/** Tasks that wait for a node of one organisation and model; further ones are refused with 503. */
export const NODE_QUEUE_MAX = 256
/** How long a task waits for a node before it is refused with 503. */
export const NODE_QUEUE_MS_MAX = 60_000
/** How often a waiting task looks for a free node without being told. */
export const NODE_LOOK_MS = 250
/** One task on one node; an answer that takes longer is given up. */
export const NODE_TASK_MS_MAX = 4 * 60 * 1000
/** KV caches that one namespace keeps. */
export const KV_RENDITIONS_MAX = 1024
/** Bytes of KV caches that one namespace keeps unless its policy names a number. */
export const KV_BYTES_DEFAULT = 256 * 1024 * 1024
/** Bytes that a policy may allow for the KV caches of one namespace. */
export const KV_BYTES_MAX = 64 * 1024 * 1024 * 1024
/** KV caches that one look of the upkeep weighs, the longest unused first. */
export const KV_PER_TICK_MAX = 64

expectRelation(NODE_HEARTBEAT_MS * 3 <= NODE_SILENCE_MS_MAX, 'two lost heartbeats do not lose a node')
expectRelation(NODE_SILENCE_MS_MAX < NODE_LEASE_MS, 'a lost node is noticed before its leases end')
expectRelation(NODE_TASK_BYTES_MAX < NODE_MESSAGE_BYTES_MAX, 'a durable task fits into one message')
expectRelation(NODE_QUEUE_MS_MAX < CHAT_MS_MAX, 'a completion that waited for a node has time left')
expectRelation(NODE_TASK_MS_MAX < CHAT_MS_MAX, 'a task on a node ends within its completion')
