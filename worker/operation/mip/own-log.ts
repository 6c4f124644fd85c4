import type { DelegationLookup } from '../../../protocol/core/delegation.ts'
import type { OpenedEntry } from '../../../protocol/core/entry.ts'
import { applyEntries, type LogOutcome } from '../../../protocol/core/log-apply.ts'
import { type Authority, type LogState, newLogState } from '../../../protocol/core/log-state.ts'
import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { LogRows } from '../../infrastructure/mip/log-rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { Signer } from '../../ports/signer.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { MipLogRow } from '../../ports/writes/mip.ts'

/** A log of ours as it was read: what is appended goes after this place or not at all. */
export interface OwnLog {
  org: Did
  log: string
  /** Null: nothing has been appended. */
  row: MipLogRow | null
  state: LogState
  /** Who may speak for the organisation; null before its genesis. */
  authority: Authority | null
}

/** Reads a log of an organisation, and who may write it. */
export async function readOwnLog(rows: LogRows, org: Did, log: string): Promise<OwnLog> {
  const row = await rows.one(org, log)
  const main = log === MAIN_LOG ? row : await rows.one(org, MAIN_LOG)
  const state = row === null ? newLogState(org, log) : stateOf(row)
  return { org, log, row, state, authority: main === null ? null : stateOf(main).authority }
}

/** What a log's row says in the protocol's own terms; it was checked when it was written. */
export const stateOf = ({ state }: MipLogRow): LogState => state as unknown as LogState

export interface Appending {
  signer: Signer
  delegations: DelegationLookup
  nowMs: number
}

/**
 * Judges entries of ours exactly as a stranger will: what would be refused elsewhere is not written here.
 * @throws MemosError mip_refused with the code of the protocol and the place in the batch
 */
export async function judged(
  own: OwnLog,
  entries: readonly OpenedEntry[],
  { signer, delegations, nowMs }: Appending,
): Promise<LogOutcome> {
  const { authority } = own
  const outcome = await applyEntries(own.state, entries, { delegations, nowMs, authority, ed25519: signer.ed25519 })
  if (outcome.problem !== undefined) throw refusedBy(outcome.problem.code, `entries.${outcome.problem.at}`)
  return outcome
}

export const refusedBy = (reason: string, field?: string): MemosError =>
  new MemosError('mip_refused', {
    reason,
    ...(field !== undefined && { field }),
    detail: `The rules of the interchange protocol refuse it: ${reason}.`,
  })

/** The writes that append judged entries; expects that the log is where it was read. */
export function appendWrites(
  own: OwnLog,
  { state, accepted }: LogOutcome,
  runtime: Runtime,
  atMs: number,
): VaultWrite[] {
  const logId = own.row?.id ?? randomId(runtime)
  const before = own.row ?? { epoch: 0, seq: -1 }
  const { org, log } = own
  const head = { epoch: state.epoch, seq: state.seq, cid: state.cid ?? '', state: { ...state } }
  const made: VaultWrite = {
    kind: 'insert_mip_log',
    log: {
      id: logId,
      did: org,
      log,
      role: 'own',
      epoch: 0,
      seq: -1,
      headCid: null,
      state: { ...own.state },
      stopped: null,
      updatedAtMs: atMs,
    },
  }
  const reopened: VaultWrite = { kind: 'stop_mip_log', logId, stopped: null, atMs }
  return [
    ...(own.row === null ? [made] : []),
    {
      kind: 'append_mip_entries',
      logId,
      expected: { epoch: before.epoch, seq: before.seq },
      head,
      entries: accepted.map(entryRow),
      atMs,
    },
    // A root that has named the survivor of a fork opens the log again.
    ...(own.row !== null && own.row.stopped !== null && state.frozen === null ? [reopened] : []),
  ]
}

function entryRow({ entry, cid, bytes, signature }: OpenedEntry) {
  const { cube } = entry.sum as { cube?: unknown }
  return {
    epoch: entry.epoch,
    seq: entry.seq,
    cid,
    bytes: bytes as Buffer,
    signature: signature as Buffer,
    op: entry.op,
    cube: typeof cube === 'string' ? cube : null,
    bodyCid: entry.body,
    ts: entry.ts,
  }
}

/** 47 random bits: exact in a double, and unique across databases. */
function randomId({ randomBytes }: Runtime): number {
  return randomBytes(6).reduce((id, byte) => id * 256 + byte, 0) % 2 ** 47
}
