import { z } from 'zod'
import { Name, NamespaceName } from './common.ts'
import { KEY_DAYS_MAX, KEY_ROTATION_GRACE_MS_MAX, RATE_PER_MINUTE_DEFAULT, RATE_PER_MINUTE_MAX } from './limits.ts'
import { NamespaceSettings, SettingsChange } from './namespace-settings.ts'
import { Access, ContextWords } from './permissions.ts'
import { Layer, SCOPES, Scope, Sensitivity, SubjectKind, TaskState } from './vocabulary.ts'

const stamp = z.iso.datetime()

export const CreateOrganisation = z
  .strictObject({ name: Name, cubesMax: z.int().min(1).optional(), database: Name.default('default') })
  .meta({ id: 'CreateOrganisation', examples: [{ name: 'Acme' }] })

export const Organisation = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    database: z.string(),
    state: z.enum(['active', 'moving']),
    cubesMax: z.int().nullable(),
    createdAt: stamp,
  })
  .meta({ id: 'Organisation' })

/** The answer is a task; the organisation is written again when it is done. */
export const MoveOrganisation = z
  .strictObject({ database: Name })
  .meta({ id: 'MoveOrganisation', examples: [{ database: 'shard-1' }] })

export const CreatePrincipal = z
  .strictObject({ id: Name, displayName: Name.optional() })
  .meta({ id: 'CreatePrincipal', examples: [{ id: 'alice', displayName: 'Alice' }] })
export const Principal = z
  .strictObject({ kind: SubjectKind, id: z.string(), displayName: z.string().nullable(), createdAt: stamp })
  .meta({ id: 'Principal' })

export const Subject = z.strictObject({ kind: SubjectKind, id: Name }).meta({ id: 'Subject' })
export type Subject = z.infer<typeof Subject>

export const CreateKey = z
  .strictObject({
    name: Name,
    scopes: z.array(Scope).min(1).max(SCOPES.length).default(['memory:read', 'memory:write']),
    /** Bound to a user or agent, the key sees what that subject may see; unbound, everything in the organisation. */
    subject: Subject.optional(),
    namespaces: z.array(NamespaceName).min(1).max(64).optional(),
    /** The most sensitive cubes it reads; default: personal, or secret with the scope memory:secret. */
    clearance: z.enum(['none', 'personal']).optional(),
    /** The only purposes and tasks its requests may claim (headers memos-purpose, memos-task). */
    purposes: ContextWords.optional(),
    tasks: ContextWords.optional(),
    expiresInDays: z.int().min(1).max(KEY_DAYS_MAX).optional(),
    ratePerMinute: z.int().min(1).max(RATE_PER_MINUTE_MAX).default(RATE_PER_MINUTE_DEFAULT),
  })
  .meta({
    id: 'CreateKey',
    examples: [{ name: 'web app', scopes: ['memory:read'], subject: { kind: 'user', id: 'alice' } }],
  })

export const RotateKey = z
  .strictObject({ graceMs: z.int().min(0).max(KEY_ROTATION_GRACE_MS_MAX).default(0) })
  .meta({ id: 'RotateKey' })

export const ApiKey = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    scopes: z.array(Scope),
    subject: Subject.nullable(),
    namespaces: z.array(z.string()).nullable(),
    clearance: Sensitivity,
    purposes: z.array(z.string()).nullable(),
    tasks: z.array(z.string()).nullable(),
    ratePerMinute: z.int(),
    createdAt: stamp,
    expiresAt: stamp.nullable(),
    revokedAt: stamp.nullable(),
  })
  .meta({ id: 'ApiKey' })
export type ApiKey = z.infer<typeof ApiKey>

/** The secret is shown once, here. */
export const NewApiKey = z.strictObject({ key: ApiKey, secret: z.string() }).meta({ id: 'NewApiKey' })

export const CreateNamespace = z
  .strictObject({
    name: NamespaceName,
    layer: Layer.default('private'),
    owner: Subject.optional(),
    settings: NamespaceSettings.default({}),
  })
  .refine((n) => n.layer !== 'private' || n.owner !== undefined, {
    path: ['owner'],
    message: 'a subject, since the layer is private',
  })
  .meta({
    id: 'CreateNamespace',
    examples: [{ name: 'user:alice', layer: 'private', owner: { kind: 'user', id: 'alice' } }],
  })

/** A group that is given takes the place of the one before; null takes it away; the others stay. */
export const UpdateNamespace = z
  .strictObject({ settings: SettingsChange })
  .meta({ id: 'UpdateNamespace', examples: [{ settings: { weights: { session: 0.8 } } }] })

export const Namespace = z
  .strictObject({
    name: NamespaceName,
    layer: Layer,
    owner: Subject.nullable(),
    settings: NamespaceSettings,
    cubes: z.int().meta({ description: 'Cubes that the caller may read, archived ones aside.' }),
    createdAt: stamp,
  })
  .meta({ id: 'Namespace' })

export const Grant = z.strictObject({ subject: Subject, access: Access }).meta({ id: 'Grant' })
export type Grant = z.infer<typeof Grant>
export const Grants = z
  .strictObject({ grants: z.array(Grant).max(1000) })
  .meta({ id: 'Grants', examples: [{ grants: [{ subject: { kind: 'user', id: 'bob' }, access: 'read' }] }] })

export const Task = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    state: TaskState,
    progress: z.int().nullable().meta({
      description: 'Cubes or rows done; null, as the total, where the caller may not read all that is counted.',
    }),
    total: z.int().nullable(),
    attempts: z.int(),
    error: z.string().nullable(),
    waitingFor: z.string().nullable().meta({ description: 'What a queued task waits for: no worker here can run it.' }),
    createdAt: stamp,
    updatedAt: stamp,
  })
  .meta({ id: 'Task' })
export type Task = z.infer<typeof Task>
