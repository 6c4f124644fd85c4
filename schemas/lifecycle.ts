import { z } from 'zod'
import { isWellFormed, WELL_FORMED } from './common.ts'
import { LIFECYCLE_REASON_LENGTH_MAX } from './limits.ts'

/**
 * States of a cube. The paper names four in section 5.4.3 (generated, activated, merged, archived), adds expired in section 5.2 and
 * describes frozen as "updates disabled, full history kept".
 */
export const LIFECYCLE_STATES = ['generated', 'activated', 'merged', 'archived', 'expired', 'frozen'] as const
export const LifecycleState = z
  .enum(LIFECYCLE_STATES)
  .meta({ id: 'LifecycleState', description: 'MemOS paper, sections 5.2 and 5.4.3.' })
export type LifecycleState = z.infer<typeof LifecycleState>

/**
 * What can happen to a cube: `recall` (handed out), `merge` (text added, or another cube taken in), `idle` (not used for long), `archive`
 * (put away on request, or because another cube took it in), `ttl` (its time is over), `freeze`, `unfreeze`, `restore` (brought back).
 */
export const LIFECYCLE_EVENTS = ['recall', 'merge', 'idle', 'archive', 'ttl', 'freeze', 'unfreeze', 'restore'] as const
export type LifecycleEvent = (typeof LIFECYCLE_EVENTS)[number]

/**
 * The state machine. An event that a state does not name changes nothing and is refused where a caller asked for it. `expired` has no way out:
 * the cube is erased in the same batch, and its tombstone is all that stays.
 */
export const TRANSITIONS = {
  generated: {
    recall: 'activated',
    merge: 'merged',
    idle: 'archived',
    archive: 'archived',
    ttl: 'expired',
    freeze: 'frozen',
  },
  activated: { merge: 'merged', idle: 'archived', archive: 'archived', ttl: 'expired', freeze: 'frozen' },
  merged: {
    recall: 'activated',
    merge: 'merged',
    idle: 'archived',
    archive: 'archived',
    ttl: 'expired',
    freeze: 'frozen',
  },
  archived: { restore: 'activated', ttl: 'expired' },
  expired: {},
  frozen: { unfreeze: 'activated' },
} as const satisfies Record<LifecycleState, Partial<Record<LifecycleEvent, LifecycleState>>>

/** The state after an event; null where the state does not know the event. */
export const nextState = (state: LifecycleState, event: LifecycleEvent): LifecycleState | null =>
  (TRANSITIONS[state] as Partial<Record<LifecycleEvent, LifecycleState>>)[event] ?? null

/** What a caller may do; the other events happen by themselves. */
export const LIFECYCLE_COMMANDS = [
  'freeze',
  'unfreeze',
  'archive',
  'restore',
] as const satisfies readonly LifecycleEvent[]

/** Commands that a state allows, in the words of the API. */
export const commandsOf = (state: LifecycleState): (typeof LIFECYCLE_COMMANDS)[number][] =>
  LIFECYCLE_COMMANDS.filter((command) => nextState(state, command) !== null)

export const ChangeLifecycle = z
  .strictObject({
    event: z.enum(LIFECYCLE_COMMANDS),
    /** Refuses the change unless the cube is in this state. */
    expectedState: LifecycleState.optional(),
    reason: z.string().min(1).max(LIFECYCLE_REASON_LENGTH_MAX).refine(isWellFormed, WELL_FORMED).optional(),
  })
  .meta({ id: 'ChangeLifecycle', examples: [{ event: 'freeze', reason: 'legal hold 17' }] })
export type ChangeLifecycle = z.infer<typeof ChangeLifecycle>

export const TransitionView = z
  .strictObject({
    at: z.iso.datetime(),
    event: z.enum(LIFECYCLE_EVENTS),
    from: LifecycleState,
    to: LifecycleState,
    caller: z.string().meta({ description: 'Id of the key, or `system` for the policy of the namespace.' }),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Transition' })
export type TransitionView = z.infer<typeof TransitionView>
