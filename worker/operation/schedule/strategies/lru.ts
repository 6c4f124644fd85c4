import type { Strategy } from './strategy.ts'

/** What was used last. Priority decides between cubes of one and the same moment only. */
export const lru: Strategy = { name: 'lru', score: ({ lastUsedAtMs }) => lastUsedAtMs }
