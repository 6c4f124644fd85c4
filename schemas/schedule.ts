import { z } from 'zod'
import { Moment, NamespaceName, PageQuery, Tag } from './common.ts'
import { HOT_CUBES_MAX, QUERY_LENGTH_MAX, SCHEDULE_LABELS_MAX } from './limits.ts'
import { ScheduleStrategy } from './namespace-settings.ts'

const stamp = z.iso.datetime()

/** What the scheduler is to decide now. What is left out comes from the namespace's policy and from what was used last. */
export const RunSchedule = z
  .strictObject({
    strategy: ScheduleStrategy.optional(),
    /** What memory is needed for; for the strategy `semantic`. */
    query: z.string().min(1).max(QUERY_LENGTH_MAX).optional(),
    /** Tags that are needed; for the strategy `label`. */
    labels: z.array(Tag).min(1).max(SCHEDULE_LABELS_MAX).optional(),
    hotMax: z.int().min(1).max(HOT_CUBES_MAX).optional(),
  })
  .meta({ id: 'RunSchedule', examples: [{ strategy: 'semantic', query: 'the harbour', hotMax: 16 }] })
export type RunSchedule = z.infer<typeof RunSchedule>

export const HotCube = z
  .strictObject({
    cubeId: z.string(),
    rank: z.int(),
    /** In the measure of the strategy: only to be compared within one hot set. */
    score: z.number(),
    /** Uses, each halved after every half-life, as of now. */
    heat: z.number(),
    accessCount: z.int(),
    lastUsedAt: stamp.nullable(),
  })
  .meta({ id: 'HotCube' })

export const DECISION_KINDS = ['hot_set', 'promote', 'distil', 'demote', 'externalise'] as const
export const DecisionKind = z.enum(DECISION_KINDS).meta({
  id: 'DecisionKind',
  description: 'hot_set: what is kept at hand; the others are changes of memory type (MemOS paper, section 5.4.2).',
})
export type DecisionKind = z.infer<typeof DecisionKind>

const Facts = z.record(z.string(), z.unknown())

export const Decision = z
  .strictObject({
    namespace: z.string(),
    at: stamp,
    kind: DecisionKind,
    strategy: z.string(),
    inputs: Facts.meta({ description: 'What was looked at: counts, thresholds, measures.' }),
    choice: Facts.meta({ description: 'What was chosen. Cubes that the caller may not see are left out.' }),
    reason: z.string(),
    /** Key that asked for it, or `system`. */
    caller: z.string(),
    cubeId: z.string().nullable(),
    taskId: z.string().nullable(),
  })
  .meta({ id: 'Decision' })
export type Decision = z.infer<typeof Decision>

/** The cubes at hand in a namespace, best first, and the last decision on them. */
export const HotSet = z
  .strictObject({ namespace: z.string(), cubes: z.array(HotCube), decision: Decision.nullable() })
  .meta({ id: 'HotSet' })
export type HotSet = z.infer<typeof HotSet>

export const DecisionQuery = PageQuery.extend({
  namespace: NamespaceName.optional(),
  kind: DecisionKind.optional(),
  from: Moment.optional(),
  to: Moment.optional(),
})
