import { z } from 'zod'
import {
  HOT_CUBES_MAX,
  IDLE_DAYS_DEFAULT,
  POLICY_DAYS_MAX,
  REVISIONS_KEPT_DEFAULT,
  REVISIONS_KEPT_MAX,
} from './limits.ts'
import { KV_BYTES_DEFAULT, KV_BYTES_MAX } from './limits-nodes.ts'

const Days = z.number().positive().max(POLICY_DAYS_MAX)

/** How memory ages in a namespace (MemOS paper, section 5.4.3). */
export const LifecyclePolicy = z
  .strictObject({
    /** Not used for so long, a cube is archived; null: never. */
    idleDays: Days.nullable(),
    /** Time to live of cubes that name none themselves; null: for ever. */
    ttlDays: Days.nullable(),
    /** Older revisions of a cube are purged, all but so many. */
    revisionsKept: z.int().min(1).max(REVISIONS_KEPT_MAX),
    /** Whether cubes outside of conversations that say the same become one. */
    consolidate: z.boolean(),
    /** Share of common terms (Jaccard) from which two cubes say the same. */
    overlap: z.number().min(0.5).max(1),
  })
  .meta({ id: 'LifecyclePolicy', examples: [{ idleDays: 30, ttlDays: null }] })
export type LifecyclePolicy = z.infer<typeof LifecyclePolicy>
const LIFECYCLE_DEFAULT: LifecyclePolicy = {
  idleDays: IDLE_DAYS_DEFAULT,
  ttlDays: null,
  revisionsKept: REVISIONS_KEPT_DEFAULT,
  consolidate: true,
  overlap: 0.85,
}

export const SCHEDULE_STRATEGIES = ['lru', 'heat', 'semantic', 'label'] as const
export const ScheduleStrategy = z.enum(SCHEDULE_STRATEGIES).meta({
  id: 'ScheduleStrategy',
  description:
    'lru: used last; heat: used often and lately; semantic: nearest to a query; label: tags in common. MemOS short paper, section 4.3.',
})
export type ScheduleStrategy = z.infer<typeof ScheduleStrategy>

/** What the scheduler keeps at hand and when a memory changes its type; thresholds are data (the paper gives none). */
export const SchedulePolicy = z
  .strictObject({
    strategy: ScheduleStrategy,
    hotMax: z.int().min(1).max(HOT_CUBES_MAX),
    /** Time in which the weight of a use halves. */
    halfLifeDays: Days,
    /** Plaintext this hot and unchanged for so long is worth a KV cache. */
    promoteHeat: z.number().positive(),
    promoteStableDays: Days,
    /** Plaintext this hot and unchanged for so long is worth an adapter. */
    distilHeat: z.number().positive(),
    distilStableDays: Days,
    /** Activation memory below this heat goes back to text. */
    demoteHeat: z.number().nonnegative(),
    /** Parametric memory not used for so long is written back as text. */
    externaliseIdleDays: Days,
    /** KV caches of the namespace together; what is used least goes first. */
    kvBytesMax: z.int().nonnegative().max(KV_BYTES_MAX),
    /** Form of KV caches: int8 takes about half of fp16. */
    kvDtype: z.enum(['fp16', 'int8']),
  })
  .meta({ id: 'SchedulePolicy', examples: [{ strategy: 'lru', hotMax: 16 }] })
export type SchedulePolicy = z.infer<typeof SchedulePolicy>
const SCHEDULE_DEFAULT: SchedulePolicy = {
  strategy: 'heat',
  hotMax: 32,
  halfLifeDays: 7,
  promoteHeat: 8,
  promoteStableDays: 1,
  distilHeat: 64,
  distilStableDays: 14,
  demoteHeat: 0.5,
  externaliseIdleDays: 180,
  kvBytesMax: KV_BYTES_DEFAULT,
  kvDtype: 'fp16',
}

/** Whether entities and facts are extracted, and whether searches walk the graph of entities. */
export const KnowledgePolicy = z
  .strictObject({
    extract: z.boolean(),
    /** Whether the language model, where one is configured, extracts beside the rules: one call for a few memories. */
    model: z.boolean(),
    graphSearch: z.boolean(),
  })
  .meta({ id: 'KnowledgePolicy', examples: [{ extract: false }] })
export type KnowledgePolicy = z.infer<typeof KnowledgePolicy>
const KNOWLEDGE_DEFAULT: KnowledgePolicy = { extract: true, model: false, graphSearch: false }

/** What can be set per namespace. What is left out keeps its default. */
export const NamespaceSettings = z
  .strictObject({
    /** Weights of retrieval by name (docs/retrieval.md). */
    weights: z.record(z.string(), z.number().min(-10).max(100)).optional(),
    lifecycle: LifecyclePolicy.partial().optional(),
    schedule: SchedulePolicy.partial().optional(),
    knowledge: KnowledgePolicy.partial().optional(),
  })
  .meta({ id: 'NamespaceSettings', examples: [{ weights: { session: 0.5 }, lifecycle: { idleDays: 30 } }] })
export type NamespaceSettings = z.infer<typeof NamespaceSettings>

const { weights, lifecycle, schedule, knowledge } = NamespaceSettings.shape
/** The same by groups: null takes a group back to its defaults. */
export const SettingsChange = z
  .strictObject({
    weights: weights.nullable(),
    lifecycle: lifecycle.nullable(),
    schedule: schedule.nullable(),
    knowledge: knowledge.nullable(),
  })
  .meta({ id: 'SettingsChange', examples: [{ lifecycle: { idleDays: 30 } }] })
export type SettingsChange = z.infer<typeof SettingsChange>

/** The policies of a namespace, defaults filled in. */
export const lifecyclePolicy = (settings: NamespaceSettings): LifecyclePolicy => ({
  ...LIFECYCLE_DEFAULT,
  ...given(settings.lifecycle),
})
export const schedulePolicy = (settings: NamespaceSettings): SchedulePolicy => ({
  ...SCHEDULE_DEFAULT,
  ...given(settings.schedule),
})
export const knowledgePolicy = (settings: NamespaceSettings): KnowledgePolicy => ({
  ...KNOWLEDGE_DEFAULT,
  ...given(settings.knowledge),
})

/** The fields that have a value: an absent one must not hide its default. */
const given = <T extends object>(fields: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value !== undefined)) as never
