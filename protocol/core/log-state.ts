import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import type { Delegation } from '../../schemas/mip-delegation.ts'
import type { Entry } from '../../schemas/mip-entry.ts'
import { type DelegationLookup, readChain } from './delegation.ts'

/** Who may speak for an organisation: what its log `main` has said so far. Plain JSON. */
export interface Authority {
  root: Did
  /** sha2-256, hex, of the public key that the next rotation reveals. */
  next: string
  /** May take a rotation back; null when the organisation has named none. */
  recovery: Did | null
  /** X25519 public key, base64url. */
  agreement: string | null
  /** Every root since, with the entry of `main` that made it one; the latest MIP_ROOTS_MAX. */
  roots: readonly { did: Did; seq: number }[]
  /** A rotation that `recovery`, as it was before, may still take back. The clock is the reader's own: a writer's could be set. */
  rotation: { seq: number; recovery: Did; before: readonly { did: Did; seq: number }[]; untilMs: number } | null
  /** Delegations of a root that `main` names, the latest MIP_DELEGATIONS_MAX. */
  delegations: readonly { address: Cid; delegation: Delegation; seq: number }[]
  revoked: readonly { delegation: Cid; log: string | null; lastSeq: number; seq: number; ts: number }[]
  replicas: { urls: readonly string[]; addrs: readonly string[] }
  /** Time of the last entry of a root in `main`: an expired key cannot pretend an earlier one there. */
  atMs: number
}

/** All that a follower keeps of one log. Plain JSON; a new state shares what has not changed with the one before. */
export interface LogState {
  v: 1
  org: Did
  log: string
  epoch: number
  /** Of the last entry; -1 before the first. */
  seq: number
  cid: Cid | null
  /** In the state of `main` only. */
  authority: Authority | null
  /** A proven fork: entries of this epoch from `seq` on are refused until a root has named the survivor. */
  frozen: { seq: number; proof: Cid } | null
}

/** The state of a log of which nothing has been read. */
export function newLogState(org: Did, log: string): LogState {
  return { v: 1, org, log, epoch: 0, seq: -1, cid: null, authority: null, frozen: null }
}

/** Says whether a delegation may no longer append at this place. A revocation for the log itself goes before one for all other logs. */
export function isRevokedAt({ revoked }: Authority, address: Cid, log: string, seq: number): boolean {
  const ofLog = (name: string | null) => revoked.find((one) => one.delegation === address && one.log === name)
  const revocation = ofLog(log) ?? ofLog(null)
  return revocation !== undefined && seq > revocation.lastSeq
}

/** Says whether an entry that was accepted has since been made void by `org.revoke-key`: what came from it should go. */
export function isVoided(authority: Authority, entry: Entry, delegations: DelegationLookup): boolean {
  if (entry.dlg === null || authority.revoked.length === 0) return false
  if (isRevokedAt(authority, entry.dlg, entry.log, entry.seq)) return true
  const chain = readChain(entry.dlg, delegations)
  return typeof chain !== 'string' && chain.some(({ address }) => isRevokedAt(authority, address, entry.log, entry.seq))
}

/** How a head that someone names relates to what has been read. `fork`: it is another entry at the same place. */
export function compareHead(
  state: LogState,
  head: { epoch: number; seq: number; cid: Cid },
): 'same' | 'ahead' | 'behind' | 'fork' {
  if (head.epoch !== state.epoch) return head.epoch > state.epoch ? 'ahead' : 'behind'
  if (head.seq !== state.seq) return head.seq > state.seq ? 'ahead' : 'behind'
  return head.cid === state.cid ? 'same' : 'fork'
}
