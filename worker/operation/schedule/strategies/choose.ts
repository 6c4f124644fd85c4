import type { ScheduleStrategy } from '../../../../schemas/namespace-settings.ts'
import { heat } from './heat.ts'
import { label } from './label.ts'
import { lru } from './lru.ts'
import { semantic } from './semantic.ts'
import { type Candidate, type Need, PRIORITY_WEIGHTS, type Strategy } from './strategy.ts'

/** Every strategy by its name. A name without one does not compile. */
export const STRATEGIES: Readonly<Record<ScheduleStrategy, Strategy>> = { lru, heat, semantic, label }

export interface Choice<T extends Candidate> {
  candidate: T
  score: number
}

/** The cubes that a strategy keeps at hand, best first: equal scores go by priority, then by last use, then the newer cube first. */
export function chooseHot<T extends Candidate>(
  strategy: Strategy,
  candidates: readonly T[],
  need: Need,
  hotMax: number,
): Choice<T>[] {
  return candidates
    .flatMap((candidate) => {
      const score = strategy.score(candidate, need)
      return score === null ? [] : [{ candidate, score }]
    })
    .sort(
      (a, b) =>
        b.score - a.score ||
        PRIORITY_WEIGHTS[b.candidate.priority] - PRIORITY_WEIGHTS[a.candidate.priority] ||
        (b.candidate.lastUsedAtMs ?? 0) - (a.candidate.lastUsedAtMs ?? 0) ||
        b.candidate.seq - a.candidate.seq,
    )
    .slice(0, hotMax)
}
