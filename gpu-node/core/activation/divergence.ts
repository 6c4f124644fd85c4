import type { DecoderModel, KvCache } from '../model/decoder-model.ts'

/** How far a composition is from what it stands for, at the first token of the answer. */
export interface Divergence {
  /** Largest difference of a logit. */
  logitDifference: number
  /** Kullback-Leibler divergence from the joint prefill's distribution, nats. */
  kl: number
}

/** Runs the tokens behind both caches and compares what comes next. Neither cache is changed. */
export async function divergenceOf(
  model: DecoderModel,
  joint: KvCache,
  composed: KvCache,
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Divergence> {
  const logits = async (past: KvCache) => {
    const output = await model.forward({ ids, past, ...(signal && { signal }) })
    output.cache.dispose()
    return output.logits
  }
  return compareLogits(await logits(joint), await logits(composed))
}

/** `reference` is the distribution that is right. */
export function compareLogits(reference: Float32Array, other: Float32Array): Divergence {
  const [p, q] = [logProbabilities(reference), logProbabilities(other)]
  let [logitDifference, kl] = [0, 0]
  for (const [at, log] of p.entries()) {
    logitDifference = Math.max(logitDifference, Math.abs(reference[at]! - other[at]!))
    kl += Math.exp(log) * (log - q[at]!)
  }
  // Rounding may leave a hair below zero, where the divergence cannot be.
  return { logitDifference, kl: Math.max(0, kl) }
}

function logProbabilities(logits: Float32Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b))
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0)
  return Float64Array.from(logits, (logit) => logit - most - Math.log(sum))
}
