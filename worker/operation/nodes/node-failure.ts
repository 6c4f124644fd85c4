import { MemosError } from '../../../schemas/errors.ts'
import type { NodeErrorCode } from '../../../schemas/node-error.ts'

/** What the task itself is to blame for: no other node would take it. */
const OF_THE_TASK: ReadonlySet<NodeErrorCode> = new Set(['invalid_input', 'context_overflow', 'cancelled'])

/** Whether the same task may go well on another node. */
export const isWorthAnotherNode = (code: NodeErrorCode): boolean => !OF_THE_TASK.has(code)

/** Whether what the node was given of a KV cache or adapter is what failed: without it the task may go well. */
export const isFaultOfTensors = (error: unknown): boolean =>
  error instanceof MemosError &&
  error.code === 'node_failed' &&
  (error.facts.reason === 'invalid_tensor' || error.facts.reason === 'wrong_fingerprint')

/** The error that a caller gets for what a node said. `detail` is the node's: it stands in no answer, as it may hold memory. */
export function nodeFailure(code: NodeErrorCode, isPartial: boolean): MemosError {
  if (code === 'context_overflow') return new MemosError('context_overflow', { reason: code })
  if (code === 'timeout') return new MemosError('deadline_exceeded', { reason: code })
  if (code === 'invalid_input')
    return new MemosError('invalid_request', { reason: code, detail: 'The node refused the input of the task.' })
  const after = isPartial ? ' after it had begun to answer' : ''
  return new MemosError('node_failed', { reason: code, detail: `The node failed${after} (${code}).`, retryAfterS: 1 })
}
