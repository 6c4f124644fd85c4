import type { NodeErrorCode } from '../../../schemas/node-error.ts'
import type { nodeTasks } from '../../../schemas/tables/nodes.ts'

export type NodeTaskRow = typeof nodeTasks.$inferSelect

/** What ends a lease. */
export type NodeTaskEnd =
  | { state: 'done'; result: Record<string, unknown> }
  | { state: 'failed'; error: NodeErrorCode }
  /** Back to the queue. */
  | { state: 'queued'; error: NodeErrorCode }

/** Decisions on durable tasks of GPU nodes. */
export type NodeWrite =
  | { kind: 'insert_node_task'; task: NodeTaskRow; openMax: number }
  /** Aborts the batch where the task is not the queued one that was read. */
  | { kind: 'lease_node_task'; taskId: string; nodeId: string; lease: string; leaseUntilMs: number; atMs: number }
  | { kind: 'renew_node_task'; taskId: string; lease: string; leaseUntilMs: number; atMs: number }
  /** Aborts the batch where the lease is not the one that stands. */
  | { kind: 'end_node_task'; taskId: string; lease: string; end: NodeTaskEnd; atMs: number }
  | { kind: 'cancel_node_task'; taskId: string; atMs: number }
