import { NodeError } from '../node-error.ts'
import type { OnnxProvider, OnnxRuntime, OnnxRuntimeName } from './onnx-runtime.ts'

/** A way to run models that this machine may have. */
export interface DeviceCandidate {
  name: OnnxRuntimeName
  provider: OnnxProvider
  /** @throws if the machine does not have it */
  load(): Promise<OnnxRuntime>
}

/** What became of a candidate. */
export interface DeviceRow {
  name: OnnxRuntimeName
  provider: OnnxProvider
  state: 'usable' | 'unusable'
  /** Why it is unusable. */
  reason: string | null
  runtime: OnnxRuntime | null
}

/** The fastest first. */
const ORDER: readonly OnnxProvider[] = ['cuda', 'webgpu', 'cpu', 'wasm']

/** Tries every candidate: what runs here, the fastest first. `trial` uses the runtime once and throws if it is no good. */
export async function deviceTable(
  candidates: readonly DeviceCandidate[],
  trial: (runtime: OnnxRuntime) => Promise<void>,
): Promise<DeviceRow[]> {
  const rows: DeviceRow[] = []
  const sorted = candidates.toSorted((a, b) => ORDER.indexOf(a.provider) - ORDER.indexOf(b.provider))
  for (const { name, provider, load } of sorted) {
    try {
      const runtime = await load()
      await trial(runtime)
      rows.push({ name, provider, state: 'usable', reason: null, runtime })
    } catch (error) {
      rows.push({ name, provider, state: 'unusable', reason: reasonOf(error), runtime: null })
    }
  }
  return rows
}

/** The fastest usable device, or the one with the wanted provider. @throws NodeError `internal` with what every device said */
export function chooseDevice(rows: readonly DeviceRow[], wanted?: OnnxProvider): OnnxRuntime {
  const found = rows.find(({ runtime, provider }) => runtime && (wanted === undefined || provider === wanted))
  if (found?.runtime) return found.runtime
  const reasons = rows.map(({ name, provider, reason }) => `${name} ${provider}: ${reason ?? 'usable'}`)
  throw new NodeError('internal', `no device${wanted ? ` with ${wanted}` : ''}; ${reasons.join('; ')}`)
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(0, 300)
