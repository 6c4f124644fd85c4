import { z } from 'zod'
import { isWellFormed, Moment, NamespaceName, WELL_FORMED } from './common.ts'
import { FACT_OBJECT_LENGTH_MAX, FACT_PREDICATE_LENGTH_MAX, FACT_SUBJECT_LENGTH_MAX } from './limits.ts'
import { CubeId } from './revision.ts'

const stamp = z.iso.datetime()
const text = (length: number) =>
  z
    .string()
    .max(length)
    .refine(isWellFormed, WELL_FORMED)
    .refine((value) => !/\p{Cc}/u.test(value), 'no control characters')

export const FactId = z
  .string()
  .regex(/^[0-9a-f]{32}$/, 'expected 32 hexadecimal digits')
  .meta({ id: 'FactId' })

export const FactSubject = text(FACT_SUBJECT_LENGTH_MAX).min(1)
export const Predicate = z
  .string()
  .max(FACT_PREDICATE_LENGTH_MAX)
  .regex(/^[\p{L}][\p{L}\p{N}_]*$/u, 'a word of letters, digits and _')
  .meta({
    id: 'Predicate',
    description:
      'What is said: `lives_in`, `works_at`, `likes` … Of those that hold for one object at a time, a later statement ends the earlier one.',
    examples: ['lives_in'],
  })

/** A statement that a caller makes, with the cube that is its evidence. */
export const StateFact = z
  .strictObject({
    cubeId: CubeId.describe('The evidence; who may read it may read the fact.'),
    subject: FactSubject,
    predicate: Predicate,
    object: text(FACT_OBJECT_LENGTH_MAX).describe('Empty only with `ended`: whatever held is over.'),
    entity: text(FACT_SUBJECT_LENGTH_MAX).min(1).optional().describe('Entity that the object names.'),
    validFrom: Moment.optional().describe('Default: when the evidence was said.'),
    validTo: Moment.optional(),
    ended: z.boolean().default(false).describe('It is over since `validFrom`.'),
    confidence: z.number().min(0).max(1).default(1),
  })
  .refine(({ object, ended }) => ended || object.trim() !== '', { path: ['object'], message: 'text that is not blank' })
  .meta({
    id: 'StateFact',
    examples: [
      {
        cubeId: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
        subject: 'Alice',
        predicate: 'lives_in',
        object: 'Lisbon',
        validFrom: '2026-03-01T00:00:00Z',
      },
    ],
  })
export type StateFact = z.infer<typeof StateFact>

export const Fact = z
  .strictObject({
    id: FactId,
    namespace: NamespaceName,
    subject: z.string(),
    predicate: z.string(),
    object: z.string(),
    entity: z.string().nullable().meta({ description: 'Key of the entity that the object names.' }),
    cubeId: CubeId.describe('The evidence.'),
    validFrom: stamp,
    validTo: stamp
      .nullable()
      .meta({ description: 'Exclusive; equal to validFrom where the statement says that something is over.' }),
    recordedAt: stamp.meta({ description: 'When it was known here.' }),
    retractedAt: stamp.nullable(),
    supersededBy: FactId.nullable().meta({ description: 'The statement that ended it, where that may be read.' }),
    confidence: z.number(),
    source: z.enum(['rules', 'model', 'caller']),
  })
  .meta({ id: 'Fact' })
export type Fact = z.infer<typeof Fact>

export const FactLink = z
  .strictObject({
    relation: z.enum(['supersedes', 'superseded_by', 'contradicts']).meta({ description: 'Seen from this fact.' }),
    factId: FactId,
    previousTo: stamp.nullable().meta({ description: 'End that the older fact had before; what an undo restores.' }),
    createdBy: z.string(),
    createdAt: stamp,
    undoneAt: stamp.nullable(),
    undoneBy: z.string().nullable(),
  })
  .meta({ id: 'FactLink' })

export const FactDetail = Fact.extend({ links: z.array(FactLink) }).meta({ id: 'FactDetail' })
export type FactDetail = z.infer<typeof FactDetail>

export const UndoFact = z
  .strictObject({
    factId: FactId.optional().describe(
      'Only the link to this one; default: all that the fact superseded or contradicts.',
    ),
  })
  .meta({ id: 'UndoFact', examples: [{}] })
