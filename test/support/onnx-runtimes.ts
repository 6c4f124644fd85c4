import { afterAll } from 'vitest'
import type { DecoderModel } from '../../gpu-node/core/model/decoder-model.ts'
import type { ModelFiles } from '../../gpu-node/core/model/model-files.ts'
import { type DecoderOptions, openDecoder } from '../../gpu-node/core/model/onnx-decoder.ts'
import { deviceTable } from '../../gpu-node/core/runtime/device-table.ts'
import type { OnnxRuntime } from '../../gpu-node/core/runtime/onnx-runtime.ts'
import { SessionPool } from '../../gpu-node/core/runtime/session-pool.ts'
import { nodeDevices } from '../../gpu-node/entry/node/node-devices.ts'

const devices = nodeDevices({ threads: 1 }).filter(({ provider }) => provider === 'wasm' || provider === 'cpu')
const table = await deviceTable(devices, async () => {})

/** ONNX Runtime as WebAssembly, and behind it as an addon where the optional package is installed. */
export const ONNX_RUNTIMES: readonly OnnxRuntime[] = table
  .toReversed()
  .map(({ runtime }) => runtime)
  .filter((runtime) => runtime !== null)

/** The addon, or undefined where the optional package is not installed. */
export const ADDON = ONNX_RUNTIMES[1]

/** Opens models for tests of one file; they are closed after them. */
export function modelOpener(runtime: OnnxRuntime) {
  const sessions = new SessionPool(runtime, 2 ** 30)
  afterAll(() => sessions.closeAll())
  return (files: ModelFiles, options: Partial<DecoderOptions> = {}): Promise<DecoderModel> =>
    openDecoder({ name: 'test', files, runtime, sessions, ...options })
}
