import type { z } from 'zod'
import type { OriginKind as OriginKinds, Priority as Priorities, Role, Sensitivity } from './vocabulary.ts'

type OriginKind = z.infer<typeof OriginKinds>
type Priority = z.infer<typeof Priorities>

/** What of a cube no revision holds. */
export interface LocalFields {
  metadata: Record<string, string | number | boolean>
  priority: Priority
  sensitivity: Sensitivity
  expiresAtMs: number | null
}

/** Local facts of a cube on a branch. */
export interface BranchLocal {
  now: LocalFields
  /** As they were when the branch first changed the cube; null for a cube that the branch made. */
  base: LocalFields | null
  /** Facts of a cube that the branch made; null for one that the namespace has. */
  made: {
    session: string | null
    speaker: string | null
    role: Role | null
    saidAtMs: number
    createdAtMs: number
    originKind: OriginKind
    originRef: string | null
  } | null
}
