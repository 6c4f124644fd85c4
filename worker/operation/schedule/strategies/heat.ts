import { heatAt } from '../heat.ts'
import { PRIORITY_WEIGHTS, type Strategy } from './strategy.ts'

/** What is used often and lately, weighted by priority. */
export const heat: Strategy = {
  name: 'heat',
  score: (candidate, { nowMs, halfLifeMs }) =>
    candidate.lastUsedAtMs === null
      ? null
      : heatAt(candidate, nowMs, halfLifeMs) * PRIORITY_WEIGHTS[candidate.priority],
}
