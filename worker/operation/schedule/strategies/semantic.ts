import { PRIORITY_WEIGHTS, type Strategy } from './strategy.ts'

/** What is like the need, weighted by priority. */
export const semantic: Strategy = {
  name: 'semantic',
  score: ({ similarity, priority }) =>
    similarity === null || similarity <= 0 ? null : similarity * PRIORITY_WEIGHTS[priority],
}
