import type { InferenceSession } from 'onnxruntime-common'
import { runtimeError } from '../../core/node-error.ts'
import type { OnnxRuntime } from '../../core/runtime/onnx-runtime.ts'

/** What an error of the runtime may say on the console: the rest comes to the caller as an exception. */
const LOG_ERRORS_ONLY = 3

/**
 * ONNX Runtime as WebAssembly, which every machine can run. `threads` holds for the whole process and counts from the first session on:
 * by default the runtime takes half of the cores.
 */
export async function onnxRuntimeWeb(options: { threads?: number } = {}): Promise<OnnxRuntime> {
  const { env, InferenceSession: Sessions, Tensor } = await import('onnxruntime-web')
  if (options.threads !== undefined) env.wasm.numThreads = options.threads
  env.logLevel = 'error'
  return {
    name: 'onnxruntime-web',
    provider: 'wasm',
    Tensor,
    isSerial: false,
    open: (model): Promise<InferenceSession> =>
      Sessions.create(model, { executionProviders: ['wasm'], logSeverityLevel: LOG_ERRORS_ONLY }).catch((error) => {
        throw runtimeError(error, 'opening a session')
      }),
  }
}
