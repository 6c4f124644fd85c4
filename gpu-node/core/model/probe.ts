import type { z } from 'zod'
import { PROBE_LOGITS, type Probe as ProbeSchema } from '../../../schemas/rendition.ts'
import { NodeError } from '../node-error.ts'

export type Probe = z.infer<typeof ProbeSchema>

const MILLI = 1000

/** What the likeliest tokens behind `tokenIds` are. `logits` are those of the last token. */
export function probeOf(tokenIds: readonly number[], logits: Float32Array, toleranceMilli: number): Probe {
  const ids = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b)
  const topTokenIds = ids.slice(0, PROBE_LOGITS)
  return {
    tokenIds: [...tokenIds],
    topTokenIds,
    topLogitsMilli: topTokenIds.map((id) => Math.round(logits[id]! * MILLI)),
    toleranceMilli,
  }
}

/**
 * Compares the logits of tokens that another machine computed. The order of nearly equal ones may differ, so values are compared.
 * @throws NodeError `result_mismatch` naming the worst difference
 */
export function checkProbe(probe: Probe, logits: Float32Array): void {
  probe.topTokenIds.forEach((id, i) => {
    const off = Math.abs((logits[id] ?? Number.NaN) * MILLI - probe.topLogitsMilli[i]!)
    if (!(off <= probe.toleranceMilli))
      throw new NodeError(
        'result_mismatch',
        `logit of token ${id} is off by ${off} of ${probe.toleranceMilli} milli-units`,
      )
  })
}
