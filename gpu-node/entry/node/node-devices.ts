import type { DeviceCandidate } from '../../core/runtime/device-table.ts'
import { onnxRuntimeNode } from './onnxruntime-node.ts'
import { onnxRuntimeWeb } from './onnxruntime-web.ts'

/** What a Node process may run models on, for `deviceTable`. `threads` are those of each session. */
export function nodeDevices(options: { threads?: number } = {}): DeviceCandidate[] {
  const addon = (provider: 'cpu' | 'cuda' | 'webgpu'): DeviceCandidate => ({
    name: 'onnxruntime-node',
    provider,
    load: () => onnxRuntimeNode({ ...options, provider }),
  })
  return [
    addon('cuda'),
    addon('webgpu'),
    addon('cpu'),
    { name: 'onnxruntime-web', provider: 'wasm', load: () => onnxRuntimeWeb(options) },
  ]
}
