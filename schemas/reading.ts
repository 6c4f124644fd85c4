import { z } from 'zod'
import { Name, NamespaceName } from './common.ts'
import { Content } from './cube.ts'
import { QUERY_LENGTH_MAX, READ_TURNS_MAX, SEARCH_NAMESPACES_MAX } from './limits.ts'
import { MemoryCall } from './memory-call.ts'
import { Role } from './vocabulary.ts'

const Turn = z.strictObject({ role: Role.default('user'), content: Content }).meta({ id: 'Turn' })

export const ReadRequest = z
  .strictObject({
    prompt: z
      .string()
      .max(QUERY_LENGTH_MAX)
      .refine((text) => text.trim().length > 0, 'text that is not blank')
      .refine((text) => text.isWellFormed(), 'well-formed Unicode'),
    turns: z.array(Turn).max(READ_TURNS_MAX).default([]).meta({ description: 'What was said before, oldest first.' }),
    namespaces: z.array(NamespaceName).min(1).max(SEARCH_NAMESPACES_MAX).optional(),
    userId: Name.optional(),
    refine: z.boolean().default(false).meta({ description: 'Ask the configured language model as well.' }),
  })
  .meta({
    id: 'ReadRequest',
    examples: [
      {
        prompt: 'and what about Tom?',
        turns: [
          { role: 'user', content: "When is Anna's birthday?" },
          { role: 'assistant', content: 'On the third of March.' },
        ],
      },
    ],
  })
export type ReadRequest = z.infer<typeof ReadRequest>

export const ReadResponse = z
  .strictObject({
    call: MemoryCall,
    rewritten: z.string().meta({ description: 'The prompt as it would stand alone.' }),
    notes: z.array(z.string()),
  })
  .meta({ id: 'ReadResponse' })
export type ReadResponse = z.infer<typeof ReadResponse>

/** What is done with a statement. `link` adds it with a lineage to the memory that it refers to; `supersede` adds it and ends the older memory. */
export const MEMORY_OPERATIONS = ['add', 'update', 'supersede', 'link', 'forget', 'skip'] as const

/** Why an operation was planned: the first group keeps, the second changes, the third leaves out. */
export const OPERATION_REASONS = [
  'statement',
  'asked_to_remember',
  'refers_to',
  'adds_detail',
  'correction',
  'same_attribute',
  'changed_state',
  'asked_to_forget',
  'needs_confirmation',
  'recalled',
  'duplicate',
  'near_duplicate',
  'question',
  'greeting',
  'acknowledgement',
  'status_check',
  'boilerplate',
  'system_prompt',
  'empty',
  'instruction',
  'no_target',
  'not_writable',
  'too_many_targets',
  'refined_away',
] as const
export const OperationReason = z.enum(OPERATION_REASONS).meta({ id: 'OperationReason' })
export type OperationReason = z.infer<typeof OperationReason>

export const MemoryOperation = z
  .strictObject({
    op: z.enum(MEMORY_OPERATIONS),
    reason: OperationReason,
    message: z.int().meta({ description: 'Index of the message it comes from; 0 for a text.' }),
    span: z
      .strictObject({ start: z.int(), end: z.int() })
      .meta({ description: 'Where in that message, in UTF-16 units; `end` is exclusive.' }),
    content: z.string().nullable().meta({ description: 'Text that is stored; null for forget and skip.' }),
    semanticType: z.string().nullable(),
    target: z
      .strictObject({ cubeId: z.string(), revision: z.int(), content: z.string().nullable(), score: z.number() })
      .nullable()
      .meta({ description: 'The memory concerned, and how much of what was looked for it holds (0 to 1).' }),
    by: z.enum(['rules', 'model']),
    applied: z.boolean(),
  })
  .meta({ id: 'MemoryOperation' })
export type MemoryOperation = z.infer<typeof MemoryOperation>

export const MemoryPlan = z
  .strictObject({ namespace: NamespaceName, operations: z.array(MemoryOperation), notes: z.array(z.string()) })
  .meta({ id: 'MemoryPlan' })
export type MemoryPlan = z.infer<typeof MemoryPlan>
