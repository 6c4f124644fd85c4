/**
 * Goal: the fastest device that works is taken, and why another one is not can be read.
 * Method: candidates that load, do not, and fail when they are used.
 */
import { describe, expect, it } from 'vitest'
import { chooseDevice, type DeviceCandidate, deviceTable } from './device-table.ts'
import type { OnnxProvider, OnnxRuntime } from './onnx-runtime.ts'

const candidate = (provider: OnnxProvider, load?: () => never): DeviceCandidate => ({
  name: 'onnxruntime-web',
  provider,
  load: async () => load?.() ?? ({ provider } as OnnxRuntime),
})

describe('the table of devices', () => {
  it('tries all, the fastest first, and says what is wrong with each', async () => {
    const fails = () => {
      throw new Error('no adapter')
    }
    const table = await deviceTable(
      [candidate('wasm'), candidate('webgpu'), candidate('cuda', fails)],
      async (runtime) => {
        if (runtime.provider === 'webgpu') throw new Error('wrong logits')
      },
    )
    expect(table.map(({ provider, state, reason }) => [provider, state, reason])).toEqual([
      ['cuda', 'unusable', 'no adapter'],
      ['webgpu', 'unusable', 'wrong logits'],
      ['wasm', 'usable', null],
    ])
    expect(chooseDevice(table).provider).toBe('wasm')
    expect(() => chooseDevice(table, 'webgpu')).toThrow(/webgpu: wrong logits/)
  })
})
