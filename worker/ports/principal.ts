import type { Subject } from '../../schemas/administration.ts'
import type { Scope } from '../../schemas/vocabulary.ts'

/** Who calls: what an API key stands for. */
export interface Principal {
  keyId: string
  orgId: string
  scopes: ReadonlySet<Scope>
  /** The user or agent the key is bound to; null for a key of the organisation itself. */
  subject: Subject | null
  /** Names of the only namespaces the key may touch; null for no such restriction. */
  namespaces: readonly string[] | null
  ratePerMinute: number
  /** When the key ends; null for never. Keys that it makes end no later. */
  expiresAtMs: number | null
  /** The root key: may create organisations and act in any of them. */
  root: boolean
}

/** Whether a key reaches less than its whole organisation. */
export const isNarrowed = ({ subject, namespaces }: Pick<Principal, 'subject' | 'namespaces'>): boolean =>
  subject !== null || namespaces !== null
