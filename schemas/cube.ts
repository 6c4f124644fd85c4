import { z } from 'zod'
import { isWellFormed, Metadata, Moment, Name, NamespaceName, Tags, WELL_FORMED } from './common.ts'
import { LifecycleState } from './lifecycle.ts'
import {
  BATCH_ITEMS_MAX,
  CONTENT_BYTES_MAX,
  LINEAGE_MAX,
  REFERENCE_LENGTH_MAX,
  TITLE_LENGTH_MAX,
  VECTOR_DIMENSIONS_MAX,
} from './limits.ts'
import { KvRendition, LanguageTag, LoraRendition, SteeringRendition } from './rendition.ts'
import { CubeId, LineageParent, SemanticType } from './revision.ts'
import { Layer, MemoryType, OriginKind, Priority, Role, SensitiveLabel, Sensitivity, UpdateMode } from './vocabulary.ts'

const utf8 = new TextEncoder()

/** Text of a memory. Lone surrogates are refused: they have no UTF-8 and would change the content address. */
export const Content = z
  .string()
  .refine((text) => text.trim().length > 0, 'text that is not blank')
  .refine(isWellFormed, WELL_FORMED)
  .refine((text) => utf8.encode(text).length <= CONTENT_BYTES_MAX, `at most ${CONTENT_BYTES_MAX} bytes of UTF-8`)
  .meta({ id: 'Content', examples: ['I moved to Lisbon in March.'] })

/** Text of a column: SQLite ends a text at NUL. */
const noNul = (text: string): boolean => !text.includes('\0')
const NO_NUL = 'text without NUL characters'

export const Origin = z
  .strictObject({
    kind: OriginKind.default('user_input'),
    ref: z.string().max(REFERENCE_LENGTH_MAX).refine(isWellFormed, WELL_FORMED).refine(noNul, NO_NUL).optional(),
  })
  .meta({ id: 'Origin' })

const Title = z.string().min(1).max(TITLE_LENGTH_MAX).refine(isWellFormed, WELL_FORMED).refine(noNul, NO_NUL)

/** Vector made by the caller's own model. */
export const CallerEmbedding = z
  .strictObject({ model: Name, values: z.array(z.number()).min(1).max(VECTOR_DIMENSIONS_MAX) })
  .meta({ id: 'CallerEmbedding' })

/** Model-bound payloads: tensors live in blobs named by CID; see the rendition schemas for layout facts. */
export const ModelPayload = z
  .discriminatedUnion('kind', [KvRendition, SteeringRendition, LoraRendition])
  .meta({ id: 'ModelPayload' })

/** Where a memory goes: a namespace by name, or the private namespace of a user. */
export const Target = { namespace: NamespaceName.optional(), userId: Name.optional() }

const cubeFields = {
  content: Content,
  renditions: z.array(ModelPayload).max(8).optional(),
  title: Title.optional(),
  semanticType: SemanticType.default('fact'),
  memoryType: MemoryType.default('plaintext'),
  language: LanguageTag.optional(),
  tags: Tags.default([]),
  metadata: Metadata.default({}),
  session: Name.optional(),
  speaker: Name.optional(),
  role: Role.optional(),
  saidAt: Moment.optional(),
  expiresAt: Moment.optional(),
  validFrom: Moment.optional().meta({ description: 'What the memory says holds from here.' }),
  validTo: Moment.optional().meta({
    description: '... and until here (exclusive); from then on searches leave it out.',
  }),
  priority: Priority.default('mid'),
  sensitivity: Sensitivity.default('none'),
  origin: Origin.default({ kind: 'user_input' }),
  lineage: z.array(LineageParent).max(LINEAGE_MAX).optional(),
  embedding: CallerEmbedding.optional(),
}

const fitsItsType = (cube: { memoryType: string; renditions?: { kind: string }[] | undefined }) => {
  const wanted = { plaintext: [], activation: ['kv', 'steering'], parametric: ['lora'] }[cube.memoryType] ?? []
  const kinds = cube.renditions?.map((r) => r.kind) ?? []
  return cube.memoryType === 'plaintext'
    ? kinds.length === 0
    : kinds.length > 0 && kinds.every((kind) => wanted.includes(kind as never))
}

export const CreateCube = z
  .strictObject({ ...cubeFields, ...Target })
  .refine(fitsItsType, {
    path: ['renditions'],
    message: 'renditions that fit memoryType (activation: kv, steering; parametric: lora; plaintext: none)',
  })
  .meta({
    id: 'CreateCube',
    examples: [{ content: 'Alice prefers window seats.', tags: ['travel'], semanticType: 'user_preference' }],
  })
export type CreateCube = z.infer<typeof CreateCube>

export const CreateCubes = z.strictObject({ cubes: z.array(CreateCube).min(1).max(BATCH_ITEMS_MAX) }).meta({
  id: 'CreateCubes',
  examples: [{ cubes: [{ content: 'Alice prefers window seats.' }, { content: 'Alice moved to Lisbon.' }] }],
})

export const UpdateCube = z
  .strictObject({
    mode: UpdateMode.default('overwrite'),
    content: Content.optional(),
    title: Title.nullable().optional(),
    semanticType: SemanticType.optional(),
    tags: Tags.optional(),
    metadata: Metadata.optional(),
    expiresAt: Moment.nullable().optional(),
    validFrom: Moment.nullable().optional(),
    validTo: Moment.nullable().optional(),
    priority: Priority.optional(),
    sensitivity: Sensitivity.optional(),
    expectedRevision: z.int().min(1).optional(),
  })
  .refine(
    (update) => Object.keys(update).some((key) => key !== 'mode' && key !== 'expectedRevision'),
    'at least one field to change',
  )
  .meta({
    id: 'UpdateCube',
    examples: [{ mode: 'append', content: 'Since May she prefers the aisle.', expectedRevision: 1 }],
  })
export type UpdateCube = z.infer<typeof UpdateCube>

const stamp = z.iso.datetime()

/** A memory as callers see it: payload and the three metadata groups of the paper (section 4.2). */
export const MemCube = z
  .strictObject({
    cubeId: CubeId,
    namespace: NamespaceName,
    revision: z.int().min(1),
    cid: z.string(),
    content: z.string().nullable().meta({ description: 'The text rendition; null when the cube has none.' }),
    renditions: z.array(ModelPayload),
    metadata: Metadata,
    descriptive: z.strictObject({
      memoryType: MemoryType,
      semanticType: z.string(),
      title: z.string().nullable(),
      tags: z.array(z.string()),
      session: z.string().nullable(),
      speaker: z.string().nullable(),
      role: Role.nullable(),
      saidAt: stamp,
      validFrom: stamp.nullable(),
      validTo: stamp.nullable(),
      createdAt: stamp,
      updatedAt: stamp,
      origin: Origin,
      provenanceId: z.string(),
    }),
    governance: z.strictObject({
      layer: Layer,
      priority: Priority,
      sensitivity: Sensitivity,
      labels: z.array(SensitiveLabel).meta({ description: 'Sensitive content found in the text.' }),
      expiresAt: stamp.nullable(),
    }),
    behavioural: z.strictObject({
      state: LifecycleState,
      mergedInto: CubeId.nullable().meta({
        description: 'Cube that took it in, while it is archived for that reason.',
      }),
      accessCount: z.int(),
      lastUsedAt: stamp.nullable(),
      heat: z
        .number()
        .meta({ description: 'Uses, each halved after every half-life of the namespace; as of lastUsedAt.' }),
      usefulness: z.number().meta({ description: '-1 to 1, what feedback says of it.' }),
    }),
  })
  .meta({ id: 'MemCube' })
export type MemCube = z.infer<typeof MemCube>

/** What a write answers for each cube. */
export const CubeReceipt = z
  .strictObject({ cubeId: CubeId, revision: z.int(), cid: z.string(), namespace: NamespaceName })
  .meta({ id: 'CubeReceipt' })
export type CubeReceipt = z.infer<typeof CubeReceipt>
