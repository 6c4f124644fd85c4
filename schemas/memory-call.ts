import { z } from 'zod'
import { MemoryType } from './vocabulary.ts'

/** What a prompt wants of memory. `chat` wants nothing of it. */
export const INTENTS = ['recall', 'list', 'summarise', 'compare', 'remember', 'update', 'forget', 'chat'] as const
export const Intent = z.enum(INTENTS).meta({ id: 'Intent' })
export type Intent = z.infer<typeof Intent>

/** What is to be made of the memories found. */
export const OUTPUT_TARGETS = ['answer', 'summary', 'list', 'table', 'context', 'draft'] as const
export const OutputTarget = z.enum(OUTPUT_TARGETS).meta({ id: 'OutputTarget' })
export type OutputTarget = z.infer<typeof OutputTarget>

/** Why memory is needed, or not. */
export const NEED_REASONS = [
  'changes_memory',
  'personal',
  'past',
  'names_entity',
  'follow_up',
  'unclear',
  'small_talk',
  'arithmetic',
  'general_task',
  'general_knowledge',
] as const
export const NeedReason = z.enum(NEED_REASONS).meta({
  id: 'NeedReason',
  description: 'The first six say why memory is needed, the others why it is not. `unclear` reads memory, to be safe.',
})
export type NeedReason = z.infer<typeof NeedReason>

/**
 * What MemReader makes of a prompt (MemOS paper, section 5.3.1): who asks, in which scope, for which kind of memory, with which intent,
 * in which time window, for what. Made by rules or by a model; says so in `by`.
 */
export const MemoryCall = z
  .strictObject({
    callerId: z.string(),
    scope: z.array(z.string()).meta({ description: 'Names of the namespaces read.' }),
    memoryType: MemoryType.nullable().meta({ description: 'null where the prompt names none.' }),
    semanticType: z.string().nullable().meta({ description: 'null where the prompt names none.' }),
    intent: Intent,
    target: OutputTarget,
    needsMemory: z.boolean(),
    reason: NeedReason,
    window: z
      .strictObject({ from: z.iso.datetime().nullable(), to: z.iso.datetime().nullable() })
      .meta({ description: 'Time that the prompt names, in UTC; `to` is exclusive, null is open.' }),
    entities: z.array(z.string()).meta({ description: 'Persons, places and things that the prompt names or means.' }),
    topics: z.array(z.string()).meta({ description: 'What the prompt says it is about.' }),
    speakers: z.array(z.string()).meta({ description: 'Those whose words are asked for.' }),
    by: z.enum(['rules', 'model']),
  })
  .meta({ id: 'MemoryCall' })
export type MemoryCall = z.infer<typeof MemoryCall>
