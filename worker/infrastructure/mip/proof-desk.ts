import type { Ed25519 } from '../../../protocol/core/ed25519-rule.ts'
import { type OpenedProof, openProof } from '../../../protocol/core/equivocation.ts'
import { verifyProof } from '../../../protocol/core/log-apply.ts'
import type { LogState } from '../../../protocol/core/log-state.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import type { ProofAnswer } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MipLogRow } from '../../ports/writes/mip.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { delegationWires } from './delegation-wires.ts'
import { LogRows } from './log-rows.ts'
import { servedLogs } from './served-logs.ts'

export interface ProofDeskComponents {
  vault: MemVault
  ed25519: Ed25519
  runtime: Runtime
}

/**
 * Judges proofs that anybody may offer (MIP 4.3): whoever has signed two entries for one place is followed no further. The only thing that a
 * peer without a key can have written here, and only what its own signatures prove.
 */
export class ProofDesk {
  readonly #components: ProofDeskComponents

  constructor(components: ProofDeskComponents) {
    this.#components = components
  }

  async offer(bytes: Uint8Array): Promise<ProofAnswer> {
    const proof = opened(bytes)
    const { vault } = this.#components
    if (proof === null) return 'refused'
    const { org, log } = proof.a.entry
    const answers: ProofAnswer[] = []
    for (const name of vault.databaseNames)
      for (const row of await servedLogs(vault.database(name), { org, log }))
        answers.push(await this.#judge(proof, row))
    return answers.includes('accepted') ? 'accepted' : (answers[0] ?? 'refused')
  }

  async #judge(proof: OpenedProof, row: MipLogRow): Promise<ProofAnswer> {
    const { vault, ed25519, runtime } = this.#components
    const nowMs = runtime.nowMs()
    const org = await vault.of(row.orgId, nowMs, 'write')
    const rows = new LogRows(org)
    const state = row.state as unknown as LogState
    const main = row.log === MAIN_LOG ? row : await rows.one(row.did, MAIN_LOG)
    const authority = main === null ? null : (main.state as unknown as LogState).authority
    const addresses = [proof.a, proof.b].flatMap(({ entry }) => (entry.dlg === null ? [] : [entry.dlg as Cid]))
    const delegations = await delegationWires(rows, row.did, addresses)
    const options = { delegations, nowMs, authority, ed25519 }
    try {
      const after = await verifyProof(proof.bytes, state, options)
      if (after.frozen === null || row.stopped !== null) return 'known'
      await org.apply([
        // Before the proof is there: it is lowered once for each log.
        ...(row.role === 'own' ? [] : [{ kind: 'lower_mip_peer' as const, did: row.did, log: row.log, atMs: nowMs }]),
        {
          kind: 'insert_mip_proof',
          proof: {
            cid: proof.cid,
            did: row.did,
            log: row.log,
            epoch: proof.a.entry.epoch,
            seq: proof.a.entry.seq,
            bytes: proof.bytes as Buffer,
            atMs: nowMs,
          },
        },
        {
          kind: 'append_mip_entries',
          logId: row.id,
          expected: row,
          head: { epoch: row.epoch, seq: row.seq, cid: row.headCid ?? '', state: { ...after } },
          entries: [],
          atMs: nowMs,
        },
        { kind: 'stop_mip_log', logId: row.id, stopped: 'fork', atMs: nowMs },
      ])
      return 'accepted'
    } catch (error) {
      if (error instanceof MipError) return 'refused'
      throw error
    }
  }
}

function opened(bytes: Uint8Array): OpenedProof | null {
  try {
    return openProof(bytes)
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}
