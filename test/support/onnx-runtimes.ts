import { afterAll } from 'vitest'
import type { DecoderModel } from '../../gpu-node/core/model/decoder-model.ts'
import type { ModelFiles } from '../../gpu-node/core/model/model-files.ts'
import { type DecoderOptions, openDecoder } from '../../gpu-node/core/model/onnx-decoder.ts'
import type { OnnxRuntime } from '../../gpu-node/core/runtime/onnx-runtime.ts'
import { SessionPool } from '../../gpu-node/core/runtime/session-pool.ts'
import { onnxRuntimeNode } from '../../gpu-node/entry/node/onnxruntime-node.ts'
import { onnxRuntimeWeb } from '../../gpu-node/entry/node/onnxruntime-web.ts'

/** ONNX Runtime as WebAssembly, and as an addon where the optional package is installed. */
export const ONNX_RUNTIMES: readonly OnnxRuntime[] = [
  await onnxRuntimeWeb({ threads: 1 }),
  ...(await onnxRuntimeNode({ threads: 1 }).then(
    (runtime) => [runtime],
    () => [],
  )),
]

/** The addon, or undefined where the optional package is not installed. */
export const ADDON = ONNX_RUNTIMES[1]

/** Opens models for tests of one file; they are closed after them. */
export function modelOpener(runtime: OnnxRuntime) {
  const sessions = new SessionPool(runtime, 2 ** 30)
  afterAll(() => sessions.closeAll())
  return (files: ModelFiles, options: Partial<DecoderOptions> = {}): Promise<DecoderModel> =>
    openDecoder({ name: 'test', files, runtime, sessions, ...options })
}
