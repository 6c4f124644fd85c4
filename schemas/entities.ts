import { z } from 'zod'
import { NamespaceName, PageQuery, pageOf } from './common.ts'
import { ENTITY_KEY_LENGTH_MAX } from './limits.ts'
import { CubeId } from './revision.ts'
import { ENTITY_KINDS } from './vocabulary.ts'

const stamp = z.iso.datetime()

/** A name as callers write it; its key is what is looked for. */
export const EntityNameInput = z
  .string()
  .min(1)
  .max(ENTITY_KEY_LENGTH_MAX * 2)
  .refine((text) => text.isWellFormed(), 'well-formed Unicode')

export const EntityKind = z.enum(ENTITY_KINDS).meta({ id: 'EntityKind' })

/** Something that memories of a namespace speak of. Names and numbers come from the memories that the caller may read. */
export const Entity = z
  .strictObject({
    key: z.string().meta({ description: 'Normalised name; unique in the namespace.' }),
    name: z.string(),
    kind: EntityKind,
    cubes: z.int().meta({ description: 'Memories that mention it under any of its names.' }),
    aliases: z.array(z.string()).meta({ description: 'Keys of its other names.' }),
  })
  .meta({ id: 'Entity' })
export type Entity = z.infer<typeof Entity>

export const EntityDetail = z
  .strictObject({
    entity: Entity,
    related: z
      .array(z.strictObject({ key: z.string(), name: z.string(), together: z.int() }))
      .meta({ description: 'Entities in the same memories, by how many of the newest ones.' }),
    facts: z
      .array(
        z.strictObject({
          id: z.string(),
          cubeId: CubeId,
          subject: z.string(),
          predicate: z.string(),
          object: z.string(),
          objectKey: z.string().nullable(),
          validFrom: stamp,
          validTo: stamp.nullable(),
        }),
      )
      .meta({ description: 'Statements about it and such that name it, newest first: the edges of the graph.' }),
    mentions: z.array(z.strictObject({ cubeId: CubeId, saidAt: stamp, count: z.int() })),
    nextCursor: z.string().nullable().meta({ description: 'For further mentions.' }),
  })
  .meta({ id: 'EntityDetail' })
export type EntityDetail = z.infer<typeof EntityDetail>

export const EntityQuery = PageQuery.extend({
  prefix: EntityNameInput.optional(),
  kind: EntityKind.optional(),
})

export const MergeEntities = z
  .strictObject({ from: EntityNameInput, into: EntityNameInput })
  .meta({ id: 'MergeEntities', examples: [{ from: 'Mel', into: 'Melanie Smith' }] })

export const SplitEntity = z
  .strictObject({ alias: EntityNameInput })
  .meta({ id: 'SplitEntity', examples: [{ alias: 'Mel' }] })

export const EntityPage = pageOf(Entity).meta({ id: 'EntityPage' })

/** Tags that the server predicts for a memory: the entities that it mentions. Local; never part of what is signed. */
export const PredictedTags = z
  .strictObject({
    items: z.array(z.strictObject({ key: z.string(), name: z.string(), kind: EntityKind, count: z.int() })),
  })
  .meta({ id: 'PredictedTags' })

export const entityParams = z.strictObject({ name: NamespaceName, key: EntityNameInput })
