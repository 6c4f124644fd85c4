import type { Outcome } from '../../../schemas/block.ts'
import { usefulnessAfter } from '../schedule/usefulness.ts'

/** A piece of feedback, and the question that it came with where this is among those replayed. */
export interface Told {
  outcome: Outcome
  question: number | null
}

/** One result of a replayed question, best first as it was found. */
export interface ReplayedHit {
  cubeId: string
  /** Score without what feedback made of it. */
  score: number
}

export interface ReplayedQuestion {
  hits: readonly ReplayedHit[]
  answers: ReadonlySet<string>
}

/** How much a block's feedback tells about questions that it did not come with; where it tells nothing, not at all. */
export const STRENGTHS = ['none', 'settled', 'strong'] as const
export type Strength = (typeof STRENGTHS)[number]

/** Feedback counts as this much further feedback that says nothing, where it is taken with caution. */
const PRIOR = 2
const CAUTIOUS: Readonly<Record<Outcome, number>> = { helped: 1, used: 0.25, ignored: -0.25, corrected: -1 }
const STRONG: Readonly<Record<Outcome, number>> = { helped: 1, used: 0.5, ignored: -0.5, corrected: -1 }
/** Standard errors by which a strength must be better than what stands: chance alone must not change ranks. */
const ERRORS_MIN = 1

/** Usefulness (-1..1) that a strength makes of feedback. Unlike the running average, it forgets nothing that is kept. */
export function usefulnessBy(strength: Strength, outcomes: readonly Outcome[]): number {
  if (strength === 'none' || outcomes.length === 0) return 0
  const [values, prior] = strength === 'strong' ? [STRONG, 0] : [CAUTIOUS, PRIOR]
  return outcomes.reduce((sum, outcome) => sum + values[outcome], 0) / (outcomes.length + prior)
}

export interface Choice {
  strength: Strength
  /** Mean reciprocal rank under the running average, and under the strength. */
  before: number
  after: number
}

/**
 * The strength under which the questions are answered best, each ranked by the feedback on the others only: feedback on a question must not vouch for
 * itself (leave-one-out cross-validation, Stone 1974). Null where none is better than the running average beyond chance.
 */
export function chooseStrength(
  questions: readonly ReplayedQuestion[],
  told: ReadonlyMap<string, readonly Told[]>,
  weight: number,
): Choice | null {
  const ranksBy = (usefulness: (outcomes: readonly Outcome[]) => number) =>
    questions.map((question, at) => leftOut(question, at, told, weight, usefulness))
  const running = ranksBy((outcomes) => usefulnessAfter(0, outcomes))
  const before = meanOf(running)
  let best: Choice | null = null
  for (const strength of STRENGTHS) {
    const ranks = ranksBy((outcomes) => usefulnessBy(strength, outcomes))
    const gains = ranks.map((rank, at) => rank - (running[at] as number))
    const gain = meanOf(gains)
    if (gain <= 0 || gain < ERRORS_MIN * standardError(gains)) continue
    const after = meanOf(ranks)
    if (best === null || after > best.after) best = { strength, before, after }
  }
  return best
}

/** Reciprocal rank of the answer to one question when its own feedback does not count. */
function leftOut(
  { hits, answers }: ReplayedQuestion,
  at: number,
  told: ReadonlyMap<string, readonly Told[]>,
  weight: number,
  usefulness: (outcomes: readonly Outcome[]) => number,
): number {
  const scoreOf = ({ cubeId, score }: ReplayedHit): number => {
    const others = (told.get(cubeId) ?? []).filter(({ question }) => question !== at)
    return score * (1 + weight * usefulness(others.map(({ outcome }) => outcome)))
  }
  const ranked = hits.map((hit) => ({ hit, score: scoreOf(hit) })).sort((a, b) => b.score - a.score)
  const place = ranked.findIndex(({ hit }) => answers.has(hit.cubeId))
  return place === -1 ? 0 : 1 / (place + 1)
}

const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

function standardError(values: readonly number[]): number {
  // One question is no evidence.
  if (values.length < 2) return Number.POSITIVE_INFINITY
  const mean = meanOf(values)
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return Math.sqrt(variance / values.length)
}
