import type { OnnxRuntime } from '../../core/runtime/onnx-runtime.ts'
import { webRuntime } from '../../core/runtime/web-runtime.ts'

/** ONNX Runtime as WebAssembly, which every machine can run. `threads` holds for the whole process, from its first session on. */
export async function onnxRuntimeWeb(options: { threads?: number } = {}): Promise<OnnxRuntime> {
  return webRuntime(await import('onnxruntime-web'), { provider: 'wasm', ...options })
}
