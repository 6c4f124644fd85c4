import { z } from 'zod'
import { MemoryType } from './vocabulary.ts'

/**
 * What MemReader makes of a prompt (MemOS paper, section 5.3.1): who asks, in which scope, for which kind of memory, with which intent,
 * in which time window. Made by rules; says so in `by`.
 */
export const MemoryCall = z
  .strictObject({
    callerId: z.string(),
    scope: z.array(z.string()).meta({ description: 'Names of the namespaces read.' }),
    memoryType: MemoryType.nullable(),
    intent: z.enum(['recall', 'summarise', 'remember', 'forget', 'update']),
    needsMemory: z.boolean(),
    window: z.strictObject({ from: z.iso.datetime().nullable(), to: z.iso.datetime().nullable() }),
    topics: z.array(z.string()),
    speakers: z.array(z.string()),
    by: z.enum(['rules', 'model']),
  })
  .meta({ id: 'MemoryCall' })
export type MemoryCall = z.infer<typeof MemoryCall>
