import type { ScheduleStrategy } from '../../../../schemas/namespace-settings.ts'
import type { Priority } from '../../../../schemas/vocabulary.ts'
import type { Heat } from '../heat.ts'

/** What a strategy knows of a cube. */
export interface Candidate extends Heat {
  seq: number
  cubeId: string
  tags: readonly string[]
  priority: Priority
  /** Likeness to what is needed, above 0 where there is any; null where it was not compared. */
  similarity: number | null
}

/** What memory is needed for. */
export interface Need {
  nowMs: number
  halfLifeMs: number
  labels: ReadonlySet<string>
}

/** One way to say which cubes are worth being at hand. */
export interface Strategy {
  name: ScheduleStrategy
  /** The higher, the hotter; null: not to be kept at hand. Only to be compared with scores of the same strategy and need. */
  score(candidate: Candidate, need: Need): number | null
}

/** What the paper calls priority tags (section 5.4.2). */
export const PRIORITY_WEIGHTS: Readonly<Record<Priority, number>> = { low: 0.5, mid: 1, high: 2 }
