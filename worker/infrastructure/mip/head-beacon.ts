import type { LogState } from '../../../protocol/core/log-state.ts'
import { usableDelegation } from '../../../protocol/core/usable-delegation.ts'
import type { SignedBytes } from '../../../protocol/core/wire-types.ts'
import type { Head } from '../../../schemas/mip-entry.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { Signer } from '../../ports/signer.ts'
import type { MipLogRow } from '../../ports/writes/mip.ts'

export interface BeaconInit {
  signer: Signer | null
  orgId: string
  nowMs: number
  /** The organisation's own logs; `main` among them says who may sign. */
  logs: readonly MipLogRow[]
}

/** Signs where a log of ours ends, now. Null: the log is empty, or no key of this deployment may sign for it. */
export async function signBeacon(
  row: MipLogRow,
  { signer, orgId, nowMs, logs }: BeaconInit,
): Promise<SignedBytes | null> {
  const main = logs.find(({ log }) => log === MAIN_LOG)
  const authority = main === undefined ? null : (main.state as unknown as LogState).authority
  if (signer === null || authority === null || row.headCid === null) return null
  const key = await signer.publishing(orgId)
  const { did, log, epoch, seq, headCid } = row
  const dlg = usableDelegation(authority, { did: key.did, log, seq, atMs: nowMs })
  if (dlg === null) return null
  // The row holds what was checked when it was written.
  const head = { v: 1, org: did, log, epoch, seq, cid: headCid, ts: nowMs, key: key.did, dlg } as Head
  const { bytes, signature } = await key.signHead(head)
  return [bytes, signature]
}
