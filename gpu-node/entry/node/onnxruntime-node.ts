import type { InferenceSession } from 'onnxruntime-common'
import { NodeError, runtimeError } from '../../core/node-error.ts'
import type { OnnxRuntime } from '../../core/runtime/onnx-runtime.ts'

/** Warnings about unused constants would fill the console at every session. */
const LOG_ERRORS_ONLY = 3

/**
 * ONNX Runtime as a native addon, several times faster than WebAssembly on the same processor.
 * @throws NodeError `internal` if the optional package onnxruntime-node is not installed or does not run here
 */
export async function onnxRuntimeNode(
  options: { threads?: number; provider?: 'cpu' | 'cuda' | 'webgpu' } = {},
): Promise<OnnxRuntime> {
  const { provider = 'cpu', threads } = options
  const { InferenceSession: Sessions, listSupportedBackends, Tensor } = await load()
  if (!listSupportedBackends().some(({ name }) => name === provider))
    throw new NodeError('internal', `onnxruntime-node was built without ${provider}`)
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    logSeverityLevel: LOG_ERRORS_ONLY,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  }
  return {
    name: 'onnxruntime-node',
    provider,
    Tensor,
    isSerial: false,
    open: (model) =>
      Sessions.create(model, settings).catch((error) => {
        throw runtimeError(error, 'opening a session')
      }),
  }
}

async function load() {
  try {
    return await import('onnxruntime-node')
  } catch (error) {
    throw new NodeError('internal', 'the optional package onnxruntime-node cannot be loaded', { cause: error })
  }
}
