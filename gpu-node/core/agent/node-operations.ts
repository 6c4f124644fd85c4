import type { BlobRef } from '../../../schemas/blob-ref.ts'
import type { NodeTaskInput, NodeTaskKind, NodeTaskOutput } from '../../../schemas/node-task.ts'

/** Blobs of a task, through the edge and verified by their digest. */
export interface NodeBlobs {
  /** @throws NodeError invalid_input (not there, or not for this task), invalid_tensor (not the bytes of that address), cancelled, timeout */
  get(cid: string): Promise<Uint8Array>
  /** @throws NodeError out_of_memory (over the quota), cancelled, timeout, internal */
  put(bytes: Uint8Array): Promise<BlobRef>
}

/** What an operation is given besides its input. */
export interface TaskRun {
  signal: AbortSignal
  progress(done: number, total: number | null): void
  token(text: string): void
  blobs: NodeBlobs
}

/** What a node can do. Operations throw NodeError; anything else they throw is reported as `internal`. */
export type NodeOperations = {
  [K in NodeTaskKind]?: (input: NodeTaskInput<K>, run: TaskRun) => Promise<NodeTaskOutput<K>>
}
