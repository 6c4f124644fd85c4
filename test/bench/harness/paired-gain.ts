import { seededRandom } from '../../conformance/seeded-random.ts'
import { mean, percentile } from './statistics.ts'

const RESAMPLES = 4000
const SEED = 20261120

export interface PairedGain {
  gain: number
  /** 95 % interval of the gain by resampling the questions (paired bootstrap; Efron and Tibshirani 1993). */
  low: number
  high: number
}

/** The mean of what each question gained, and how far chance in the choice of questions could move it. */
export function pairedGain(before: readonly number[], after: readonly number[]): PairedGain {
  const gains = before.map((value, at) => (after[at] ?? 0) - value)
  const random = seededRandom(SEED)
  const means = Array.from({ length: RESAMPLES }, () => mean(gains.map(() => gains[random(gains.length)] ?? 0)))
  return { gain: mean(gains), low: percentile(means, 0.025), high: percentile(means, 0.975) }
}
