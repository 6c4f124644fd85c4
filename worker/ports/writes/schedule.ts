import type { DecisionRow, TaskRow } from '../rows.ts'

export type NewDecision = Omit<DecisionRow, 'id' | 'orgId'>

/** Decisions of MemScheduler. */
export type ScheduleWrite =
  /** The hot set of a namespace, best first, in place of the one before. Cubes that are gone or archived by now are left out. */
  | { kind: 'replace_hot_set'; namespaceId: number; hot: readonly { seq: number; score: number }[] }
  | { kind: 'record_decision'; decision: NewDecision }
  /** Queues a change of type and says why; nothing where the same plan is known, unless the scheduler itself had dropped it. */
  | { kind: 'plan_task'; task: TaskRow; decision: NewDecision }
  /** Ends a plan that still waits, and says why; nothing where it does not wait any more. */
  | { kind: 'drop_plan'; decision: NewDecision & { taskId: string } }
  /** When to look at the namespace again; nothing where its memory was used since it was claimed until `claimedUntilMs`. */
  | { kind: 'finish_schedule'; namespaceId: number; claimedUntilMs: number; nextAtMs: number }
  /** Feedback on cubes as `usefulness * keep + add` (worker/operation/schedule/usefulness.ts); one entry per cube. */
  | {
      kind: 'change_usefulness'
      namespaceId: number
      changes: readonly { cubeId: string; keep: number; add: number }[]
    }
