/** Uses of a memory, each halved after every half-life: frequency and recency in one number (MemOS paper, section 5.2). */
export interface Heat {
  /** As of `lastUsedAtMs`. */
  heat: number
  /** null: never used. */
  lastUsedAtMs: number | null
}

export const COLD: Heat = { heat: 0, lastUsedAtMs: null }

/** Share of a use's weight that is left. A clock that went back takes nothing away. */
const left = (elapsedMs: number, halfLifeMs: number): number => 2 ** (-Math.max(0, elapsedMs) / halfLifeMs)

/** Heat at a moment. */
export const heatAt = ({ heat, lastUsedAtMs }: Heat, nowMs: number, halfLifeMs: number): number =>
  lastUsedAtMs === null ? 0 : heat * left(nowMs - lastUsedAtMs, halfLifeMs)

/**
 * Heat after `count` uses at one moment. Uses may arrive in any order: two isolates write theirs when they can, and the result is the same
 * (worker/infrastructure/schedule/use-statements.ts does it in SQL).
 */
export function heatAfter({ heat, lastUsedAtMs }: Heat, count: number, atMs: number, halfLifeMs: number): Heat {
  const before = lastUsedAtMs ?? atMs
  return {
    heat: heat * left(atMs - before, halfLifeMs) + count * left(before - atMs, halfLifeMs),
    lastUsedAtMs: Math.max(before, atMs),
  }
}
