import { type DelegationLookup, openDelegation } from '../../../protocol/core/delegation.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MIP_DELEGATION_DEPTH_MAX } from '../../../schemas/limits-mip.ts'
import type { LogRows } from './log-rows.ts'

/**
 * Reads delegations and all they come from, for rules that cannot wait. `given` are wires that came along and are looked at first; what is not
 * found is absent.
 */
export async function delegationWires(
  rows: LogRows,
  did: string,
  addresses: Iterable<Cid>,
  given: ReadonlyMap<Cid, Uint8Array> = new Map(),
): Promise<DelegationLookup> {
  const found = new Map(given)
  let wanted = [...new Set(addresses)]
  for (let depth = 0; depth < MIP_DELEGATION_DEPTH_MAX && wanted.length > 0; depth++) {
    const missing = wanted.filter((address) => !found.has(address))
    for (const [cid, bytes] of await rows.objects(did, missing)) found.set(cid, bytes)
    wanted = wanted.flatMap((address) => proofOf(found.get(address)))
  }
  return (address) => found.get(address) ?? null
}

function proofOf(wire: Uint8Array | undefined): Cid[] {
  if (wire === undefined) return []
  try {
    const { prf } = openDelegation(wire).delegation
    return prf === null ? [] : [prf]
  } catch (error) {
    if (error instanceof MipError) return []
    throw error
  }
}
