import { z } from 'zod'
import { Metadata, Moment, Name, Tags } from './common.ts'
import { CallerEmbedding, Content, CubeReceipt, Target } from './cube.ts'
import { BATCH_ITEMS_MAX } from './limits.ts'
import { MemoryPlan } from './reading.ts'
import { Priority, Role, Sensitivity } from './vocabulary.ts'

/** One turn of a conversation. */
export const Message = z
  .strictObject({
    content: Content,
    role: Role.default('user'),
    /** Name of the speaker when roles are not enough (two people talking). */
    speaker: Name.optional(),
    saidAt: Moment.optional(),
    metadata: Metadata.optional(),
    embedding: CallerEmbedding.optional(),
  })
  .meta({ id: 'Message' })
export type Message = z.infer<typeof Message>

export const RememberRequest = z
  .strictObject({
    text: Content.optional(),
    messages: z.array(Message).min(1).max(BATCH_ITEMS_MAX).optional(),
    session: Name.optional(),
    saidAt: Moment.optional(),
    tags: Tags.default([]),
    metadata: Metadata.default({}),
    priority: Priority.default('mid'),
    sensitivity: Sensitivity.default('none'),
    expiresAt: Moment.optional(),
    mode: z.enum(['verbatim', 'plan']).default('verbatim').meta({
      description:
        'verbatim: each message becomes one memory. plan: MemReader decides what is added, changed or left out.',
    }),
    refine: z.boolean().default(false).meta({ description: 'With a plan: ask the configured language model as well.' }),
    confirm: z.boolean().default(false).meta({ description: 'With a plan: carry out what it forgets, too.' }),
    ...Target,
  })
  .refine((request) => (request.text === undefined) !== (request.messages === undefined), {
    path: ['messages'],
    message: 'either text or messages',
  })
  .meta({
    id: 'RememberRequest',
    examples: [
      {
        session: 'trip-planning',
        messages: [
          { role: 'user', content: 'I moved to Lisbon in March.' },
          { role: 'assistant', content: 'Noted!' },
        ],
      },
    ],
  })
export type RememberRequest = z.infer<typeof RememberRequest>

export const RememberResponse = z
  .strictObject({
    cubes: z.array(CubeReceipt),
    /** Refinement that goes on after the answer (embedding); null when there is none to do. */
    taskId: z.string().nullable(),
    plan: MemoryPlan.optional().meta({ description: 'With mode plan.' }),
  })
  .meta({ id: 'RememberResponse' })
export type RememberResponse = z.infer<typeof RememberResponse>
