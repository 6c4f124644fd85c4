import { z } from 'zod'
import { Moment, Name, NamespaceName } from './common.ts'
import { CONTEXT_WORD_LENGTH_MAX, CONTEXT_WORDS_MAX, ROLE_MEMBERS_MAX, ROLE_NAMESPACES_MAX } from './limits.ts'
import { CubeId } from './revision.ts'
import { Sensitivity, SubjectKind } from './vocabulary.ts'

/** A purpose or task as it stands in a header, a key and a permission. */
export const ContextWord = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,${CONTEXT_WORD_LENGTH_MAX - 1}}$`),
    `letters, digits and . _ : -, at most ${CONTEXT_WORD_LENGTH_MAX}, starting with a letter or digit`,
  )
  .meta({ id: 'ContextWord', examples: ['billing'] })
export const ContextWords = z.array(ContextWord).min(1).max(CONTEXT_WORDS_MAX)

export const Access = z.enum(['read', 'write']).meta({ id: 'Access' })
export type Access = z.infer<typeof Access>

export const PERMISSION_SUBJECT_KINDS = ['user', 'agent', 'role', 'org'] as const

/** Whom a permission is for: `org` is everybody in the organisation and has no id, all others have one. */
export const PermissionSubject = z
  .strictObject({ kind: z.enum(PERMISSION_SUBJECT_KINDS), id: Name.optional() })
  .refine(({ kind, id }) => (kind === 'org') === (id === undefined), { path: ['id'], message: 'an id, except for org' })
  .meta({ id: 'PermissionSubject' })
export type PermissionSubject = z.infer<typeof PermissionSubject>

export const CreatePermission = z
  .strictObject({
    subject: PermissionSubject,
    namespace: NamespaceName,
    /** The only cube it opens; without it the whole namespace. */
    cubeId: CubeId.optional(),
    access: Access,
    /** Requests must claim one of these (header memos-purpose). */
    purposes: ContextWords.optional(),
    /** Requests must claim one of these (header memos-task). */
    tasks: ContextWords.optional(),
    clearance: Sensitivity.default('personal'),
    notBefore: Moment.optional(),
    expiresAt: Moment.optional(),
  })
  .meta({
    id: 'CreatePermission',
    examples: [
      { subject: { kind: 'user', id: 'bob' }, namespace: 'team', access: 'read', expiresAt: '2030-01-01T00:00:00Z' },
    ],
  })
export type CreatePermission = z.infer<typeof CreatePermission>

const stamp = z.iso.datetime()

export const Permission = z
  .strictObject({
    id: z.string(),
    subject: PermissionSubject,
    namespace: NamespaceName,
    cubeId: z.string().nullable(),
    access: Access,
    purposes: z.array(z.string()).nullable(),
    tasks: z.array(z.string()).nullable(),
    clearance: Sensitivity,
    notBefore: stamp.nullable(),
    expiresAt: stamp.nullable(),
    /** Whether a role's template made it. */
    fromTemplate: z.boolean(),
    grantedBy: z.string(),
    createdAt: stamp,
  })
  .meta({
    id: 'Permission',
    description: 'Subject x object x context (MemOS paper, section 5.5): a row opens, and nothing else does.',
  })
export type Permission = z.infer<typeof Permission>

/** Name of a role. */
export const RoleName = Name

export const RoleTemplate = z
  .strictObject({
    namespaces: z
      .array(
        z.strictObject({
          name: NamespaceName,
          access: Access,
          clearance: Sensitivity.default('personal'),
          purposes: ContextWords.optional(),
          tasks: ContextWords.optional(),
        }),
      )
      .max(ROLE_NAMESPACES_MAX),
  })
  .meta({ id: 'RoleTemplate' })
export type RoleTemplate = z.infer<typeof RoleTemplate>

export const SetRole = z.strictObject({ description: Name.optional(), template: RoleTemplate }).meta({
  id: 'SetRole',
  examples: [
    {
      description: 'Runs the household',
      template: { namespaces: [{ name: 'family', access: 'write', tasks: ['parenting'] }] },
    },
  ],
})
export type SetRole = z.infer<typeof SetRole>

export const Role = z
  .strictObject({ name: z.string(), description: z.string().nullable(), template: RoleTemplate, createdAt: stamp })
  .meta({ id: 'RoleOfOrganisation' })

const roleSubject = z.strictObject({ kind: SubjectKind, id: Name })

export const RoleMembers = z
  .strictObject({
    members: z.array(z.strictObject({ subject: roleSubject, expiresAt: Moment.optional() })).max(ROLE_MEMBERS_MAX),
  })
  .meta({ id: 'RoleMembers', examples: [{ members: [{ subject: { kind: 'user', id: 'ana' } }] }] })
export type RoleMembers = z.infer<typeof RoleMembers>
