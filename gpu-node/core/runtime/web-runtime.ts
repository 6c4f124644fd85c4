import type { Env, InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-common'
import { runtimeError } from '../node-error.ts'
import type { OnnxRuntime } from './onnx-runtime.ts'
import { queuedSession, SerialQueue } from './serial-queue.ts'

/** What an error of the runtime may say on the console: the rest comes to the caller as an exception. */
const LOG_ERRORS_ONLY = 3

/** The module onnxruntime-web, or onnxruntime-web/webgpu: which of them is loaded is up to the entry. */
export interface OnnxRuntimeWebModule {
  env: Env
  InferenceSession: InferenceSessionFactory
  Tensor: TensorConstructor
}

export interface WebRuntimeOptions {
  provider: 'wasm' | 'webgpu'
  /** Threads of WebAssembly, for the whole process from its first session on. Default: half of the cores. */
  threads?: number
}

/** ONNX Runtime in a tab, or in Node without an addon. */
export function webRuntime(module: OnnxRuntimeWebModule, { provider, threads }: WebRuntimeOptions): OnnxRuntime {
  const { env, InferenceSession: sessions, Tensor } = module
  if (threads !== undefined) env.wasm.numThreads = threads
  env.logLevel = 'error'
  // Two runs at a time on WebGPU hang for ever, without an error.
  const isSerial = provider === 'webgpu'
  const queue = new SerialQueue()
  const create = async (model: Uint8Array, onDevice: readonly string[]): Promise<InferenceSession> => {
    const settings = { executionProviders: [provider], logSeverityLevel: LOG_ERRORS_ONLY } as const
    if (!isSerial) return sessions.create(model, settings)
    const preferredOutputLocation = Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer' as const]))
    return queuedSession(await sessions.create(model, { ...settings, preferredOutputLocation }), queue)
  }
  return {
    name: 'onnxruntime-web',
    provider,
    Tensor,
    isSerial,
    open: (model, { onDevice = [] } = {}) => {
      const opening = isSerial ? queue.run(() => create(model, onDevice)) : create(model, onDevice)
      return opening.catch((error) => {
        throw runtimeError(error, 'opening a session')
      })
    },
  }
}
