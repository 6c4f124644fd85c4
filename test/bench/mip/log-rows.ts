import { randomInt } from 'node:crypto'
import { argumentsOf, type OpenedEntry } from '../../../protocol/core/entry.ts'
import { newLogState } from '../../../protocol/core/log-state.ts'
import type { Did } from '../../../schemas/did.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { MipEntryRow, MipLogRow } from '../../../worker/ports/writes/mip.ts'

/** The row of a log `main` before its first entry. */
export function logRow({ orgId, did, role }: Pick<MipLogRow, 'orgId' | 'role'> & { did: Did }): MipLogRow {
  return {
    id: randomInt(2 ** 47),
    orgId,
    did,
    log: MAIN_LOG,
    role,
    epoch: 0,
    seq: -1,
    headCid: null,
    state: { ...newLogState(did, MAIN_LOG) },
    stopped: null,
    updatedAtMs: Date.now(),
  }
}

/** The row of an entry. */
export function entryRow({ entry, cid, bytes, signature }: OpenedEntry): Omit<MipEntryRow, 'logId'> {
  const { epoch, seq, op, body, ts } = entry
  const cube = argumentsOf(entry, 'cube.publish')?.cube ?? null
  return { epoch, seq, cid, bytes: bytes as Buffer, signature: signature as Buffer, op, cube, bodyCid: body, ts }
}
