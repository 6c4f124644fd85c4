import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import { useFault } from './delegation.ts'
import { type Authority, isRevokedAt } from './log-state.ts'

export interface KeyUse {
  /** Who wants to sign. */
  did: Did
  log: string
  seq: number
  atMs: number
}

/** The delegation of a root by which a key may append at a place, the longest-lived first; null when there is none. */
export function usableDelegation(authority: Authority, { did, log, seq, atMs }: KeyUse): Cid | null {
  const usable = authority.delegations.filter(
    ({ address, delegation }) =>
      useFault(delegation, { aud: did, atMs }) === null &&
      // Others allow for our clock; we do not count on that.
      atMs < delegation.exp &&
      (delegation.pol.log ?? log) === log &&
      !isRevokedAt(authority, address, log, seq),
  )
  return usable.toSorted((a, b) => b.delegation.exp - a.delegation.exp)[0]?.address ?? null
}
