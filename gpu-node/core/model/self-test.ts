import type { InferenceSession } from 'onnxruntime-common'
import { NodeError } from '../node-error.ts'
import type { DecoderFeeds } from './decoder-feeds.ts'
import type { DecoderConfig } from './decoder-model.ts'
import { runDecoder } from './decoder-run.ts'
import { checkProbe, type Probe } from './probe.ts'
import type { TensorKvCache } from './tensor-kv-cache.ts'

const TOKENS = 12
/** Of the largest logit: providers differ by 2e-5, and one that computes wrongly is off by the size of a logit. */
const TOLERANCE = 1e-3

/**
 * Looks whether a session computes right before anybody relies on it: some tokens at once and one by one must give the same
 * finite logits (a provider that gets attention wrong with an empty past is found here), and those of the probe, if there is one.
 * @throws NodeError `result_mismatch`
 */
export async function selfTest(
  session: InferenceSession,
  feeds: DecoderFeeds,
  config: DecoderConfig,
  probe: Probe | null,
): Promise<void> {
  const count = Math.min(TOKENS, config.positionsMax)
  const ids = Array.from({ length: count }, (_, i) => (7 + i * 7919) % config.vocabulary)
  const logits = (parts: readonly number[][]) => lastLogits(session, feeds, config, parts)
  const whole = await logits([ids])
  if (!whole.every(Number.isFinite)) throw new NodeError('result_mismatch', 'a logit is not finite')
  compare(whole, await logits(ids.map((id) => [id])), 'one by one')
  if (probe) checkProbe(probe, await logits([probe.tokenIds]))
}

async function lastLogits(
  session: InferenceSession,
  feeds: DecoderFeeds,
  config: DecoderConfig,
  parts: readonly (readonly number[])[],
): Promise<Float32Array> {
  let past: TensorKvCache | null = null
  let logits = new Float32Array(0)
  for (const ids of parts) {
    const run = await runDecoder(session, feeds, config, { ids, positionStart: past?.length ?? 0, past, logitsKept: 1 })
    past?.dispose()
    past = run.cache
    logits = Float32Array.from(run.logits)
  }
  past?.dispose()
  return logits
}

function compare(expected: Float32Array, got: Float32Array, way: string): void {
  const scale = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 1)
  const off = expected.reduce((most, logit, i) => Math.max(most, Math.abs(logit - (got[i] ?? Number.NaN))), 0)
  if (!(off <= scale * TOLERANCE))
    throw new NodeError('result_mismatch', `the same tokens ${way} give logits that are off by ${off}`)
}
