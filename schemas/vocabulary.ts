import { z } from 'zod'

/** Words with a fixed set of values. The same lists feed validation, OpenAPI and the tables. */
export const MEMORY_TYPES = ['plaintext', 'activation', 'parametric'] as const
export const MemoryType = z.enum(MEMORY_TYPES).meta({ id: 'MemoryType', description: 'MemOS paper, section 4.1.' })
export type MemoryType = z.infer<typeof MemoryType>

/** "Origin signature" of the paper (section 4.2): where a memory came from. */
export const ORIGIN_KINDS = ['user_input', 'inference', 'retrieval', 'finetune'] as const
export const OriginKind = z.enum(ORIGIN_KINDS).meta({ id: 'OriginKind' })

export const PRIORITIES = ['low', 'mid', 'high'] as const
export const Priority = z.enum(PRIORITIES).meta({ id: 'Priority' })
export type Priority = z.infer<typeof Priority>

export const SENSITIVITIES = ['none', 'personal', 'secret'] as const
export const Sensitivity = z
  .enum(SENSITIVITIES)
  .meta({ id: 'Sensitivity', description: 'secret cubes are readable with the scope memory:secret only.' })
export type Sensitivity = z.infer<typeof Sensitivity>
/** Whether something is more sensitive than a clearance reaches. */
export const isAbove = (sensitivity: Sensitivity, clearance: Sensitivity): boolean =>
  SENSITIVITIES.indexOf(sensitivity) > SENSITIVITIES.indexOf(clearance)

/** Kinds of sensitive content that are found in texts (worker/operation/governance/sensitive.ts). */
export const SENSITIVE_LABELS = ['secret', 'email', 'iban', 'national_id', 'card', 'phone'] as const
export const SensitiveLabel = z.enum(SENSITIVE_LABELS).meta({ id: 'SensitiveLabel' })
export type SensitiveLabel = z.infer<typeof SensitiveLabel>

export const ROLES = ['user', 'assistant', 'system', 'tool'] as const
export const Role = z.enum(ROLES).meta({ id: 'Role' })
export type Role = z.infer<typeof Role>

export const LAYERS = ['private', 'shared', 'global'] as const
export const Layer = z.enum(LAYERS).meta({
  id: 'Layer',
  description: 'private: its owner; shared: those granted; global: everyone in the organisation.',
})
export type Layer = z.infer<typeof Layer>

export const SUBJECT_KINDS = ['user', 'agent'] as const
export const SubjectKind = z.enum(SUBJECT_KINDS).meta({ id: 'SubjectKind' })
export type SubjectKind = z.infer<typeof SubjectKind>

export const SCOPES = [
  'memory:read',
  'memory:write',
  'memory:secret',
  'namespace:admin',
  'key:admin',
  'org:admin',
  'log:read',
  'metrics:read',
  'mip',
] as const
export const Scope = z.enum(SCOPES).meta({ id: 'Scope' })
export type Scope = z.infer<typeof Scope>

/** How a revision came to be. */
export const REVISION_MODES = ['create', 'append', 'merge', 'overwrite', 'import', 'restore'] as const

export const TASK_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const
export const TaskState = z.enum(TASK_STATES).meta({ id: 'TaskState' })
export type TaskState = z.infer<typeof TaskState>

export const UPDATE_MODES = ['append', 'merge', 'overwrite'] as const
export const UpdateMode = z
  .enum(UPDATE_MODES)
  .meta({ id: 'UpdateMode', description: 'MemOS paper, section 5.3.2 (Update API).' })
export type UpdateMode = z.infer<typeof UpdateMode>

/** What an entity of the knowledge graph can be. */
export const ENTITY_KINDS = ['person', 'place', 'organisation', 'thing', 'date'] as const

/** Who extracted a piece of knowledge. */
export const KNOWLEDGE_SOURCES = ['rules', 'model', 'caller'] as const
