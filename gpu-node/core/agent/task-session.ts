import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { NODE_DETAIL_LENGTH_MAX } from '../../../schemas/limits-nodes.ts'
import type { EdgeMessage, NodeMessage } from '../../../schemas/node-message.ts'
import { NODE_TASKS } from '../../../schemas/node-task.ts'
import { NodeError } from '../node-error.ts'
import type { NodeBlobs, NodeOperations, TaskRun } from './node-operations.ts'

export type GivenTask = Extract<EdgeMessage, { type: 'task' }>

export interface TaskSessionInit {
  task: GivenTask
  operations: NodeOperations
  blobs: NodeBlobs
  signal: AbortSignal
  say(message: NodeMessage): void
}

/** Does one task and says what becomes of it: accepted first, done or failed last, nothing after a cancellation. */
export async function runTask({ task, operations, blobs, signal, say }: TaskSessionInit): Promise<void> {
  const { taskId, lease, kind } = task
  let pieces = 0
  const tell = (message: NodeMessage) => {
    if (!signal.aborted) say(message)
  }
  const run: TaskRun = {
    signal,
    blobs,
    progress: (done, total) => tell({ type: 'progress', taskId, lease, done, total }),
    token: (text) => tell({ type: 'token', taskId, lease, seq: pieces++, text }),
  }
  tell({ type: 'accepted', taskId, lease })
  try {
    // The table holds the operation that fits the kind; TypeScript does not follow a kind through a table.
    const operation = operations[kind] as ((input: unknown, run: TaskRun) => Promise<unknown>) | undefined
    if (operation === undefined) throw new NodeError('unknown_operation', `this node does not ${kind}`)
    const input = NODE_TASKS[kind].input.safeParse(task.input)
    if (!input.success) throw new NodeError('invalid_input', `not the input of ${kind}`)
    const output = JSON.stringify(await operation(input.data, run))
    tell({ type: 'done', taskId, lease, output, sha256: bytesToHex(sha256(utf8ToBytes(output))), tokens: pieces })
  } catch (error) {
    const code = error instanceof NodeError ? error.code : 'internal'
    const detail = (error instanceof Error ? error.message : String(error)).slice(0, NODE_DETAIL_LENGTH_MAX)
    tell({ type: 'failed', taskId, lease, code, detail })
  }
}
