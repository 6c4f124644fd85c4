import type { Subject } from '../../schemas/administration.ts'
import type { Scope, Sensitivity } from '../../schemas/vocabulary.ts'

/** Who calls: what an API key stands for. */
export interface Principal {
  keyId: string
  orgId: string
  scopes: ReadonlySet<Scope>
  /** The user or agent the key is bound to; null for a key of the organisation itself. */
  subject: Subject | null
  /** Names of the only namespaces the key may touch; null for no such restriction. */
  namespaces: readonly string[] | null
  /** The most sensitive cubes the key may read, where nothing narrower applies. */
  clearance: Sensitivity
  /** The only purposes and tasks that requests of the key may claim; null for any. */
  purposes: readonly string[] | null
  tasks: readonly string[] | null
  /** What this request claims to be for; null when it claims nothing. Permissions may ask for one. */
  purpose: string | null
  task: string | null
  /** The moment at which permissions are judged. */
  atMs: number
  ratePerMinute: number
  /** When the key ends; null for never. Keys that it makes end no later. */
  expiresAtMs: number | null
  /** The root key: may create organisations and act in any of them. */
  root: boolean
}

/** What a request says of itself: the word of whoever holds the key, unless the key is bound to it. */
export type Claims = Pick<Principal, 'purpose' | 'task'>

/** Whether a key reaches less than its whole organisation. */
export const isNarrowed = ({ subject, namespaces }: Pick<Principal, 'subject' | 'namespaces'>): boolean =>
  subject !== null || namespaces !== null

/** Caller of background work on an organisation's own behalf. */
export const SYSTEM_CALLER = 'system'
