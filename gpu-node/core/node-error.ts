import type { NodeErrorCode } from '../../schemas/node-error.ts'

/** A failure that a caller can act on: the code says what kind it is, the message what exactly. */
export class NodeError extends Error {
  readonly code: NodeErrorCode

  constructor(code: NodeErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'NodeError'
    this.code = code
  }
}

/** @throws NodeError `cancelled` if the signal is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new NodeError('cancelled', 'the caller cancelled the work', { cause: signal.reason })
}

const MEMORY_WORDS = /out of memory|bad_alloc|failed to allocate|allocation failed|cannot enlarge memory|std::bad/i

/** What went wrong inside ONNX Runtime, by code: its errors are plain text. */
export function runtimeError(error: unknown, doing: string): NodeError {
  if (error instanceof NodeError) return error
  const text = error instanceof Error ? error.message : String(error)
  const code = MEMORY_WORDS.test(text) ? 'out_of_memory' : 'internal'
  return new NodeError(code, `${doing}: ${text.slice(0, 500)}`, { cause: error })
}
