/** Why a GPU node did not do a task. Each has one meaning for callers, whatever the node runs on. */
export const NODE_ERROR_CODES = [
  'unknown_model',
  'wrong_fingerprint',
  'invalid_tensor',
  'context_overflow',
  'out_of_memory',
  'cancelled',
  'timeout',
  'unknown_operation',
  'invalid_input',
  'result_mismatch',
  'node_lost',
  'internal',
] as const
export type NodeErrorCode = (typeof NODE_ERROR_CODES)[number]
