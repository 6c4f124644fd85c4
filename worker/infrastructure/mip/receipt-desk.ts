import { tryDelegation } from '../../../protocol/core/delegation.ts'
import type { Ed25519 } from '../../../protocol/core/ed25519-rule.ts'
import { openEntryParts } from '../../../protocol/core/entry.ts'
import { type OpenedReceipt, openReceipt, verifyReceipt } from '../../../protocol/core/erase-receipt.ts'
import type { LogState } from '../../../protocol/core/log-state.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import type { ProofAnswer, ReceiptOffer } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MIP_STRANGERS_RECEIPTS_MAX } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { delegationWires } from './delegation-wires.ts'
import { FollowedReader } from './followed-reader.ts'
import type { IdentityDirectory } from './identity-directory.ts'
import { LogRows } from './log-rows.ts'
import { ReceiptRows } from './receipt-rows.ts'

export interface ReceiptDeskComponents {
  vault: MemVault
  identities: IdentityDirectory
  ed25519: Ed25519
  runtime: Runtime
}

/**
 * Takes receipts of erasures that anybody may send (MIP 4.9): only for what an organisation here has really revoked, one of each organisation,
 * and of strangers so many for each revocation.
 */
export class ReceiptDesk {
  readonly #components: ReceiptDeskComponents

  constructor(components: ReceiptDeskComponents) {
    this.#components = components
  }

  async offer({ receipt: [bytes, signature], delegations }: ReceiptOffer): Promise<ProofAnswer> {
    try {
      return await this.#take(openReceipt(toWire({ bytes, signature })), delegations)
    } catch (error) {
      if (error instanceof MipError) return 'refused'
      throw error
    }
  }

  /** @throws MipError with the reason for which it is refused */
  async #take(opened: OpenedReceipt, delegations: ReceiptOffer['delegations']): Promise<ProofAnswer> {
    const { vault, identities, ed25519, runtime } = this.#components
    const { org: did, of, log, epoch, seq, revoke, cube, ts } = opened.receipt
    const orgId = await identities.orgOf(of)
    if (orgId === null) return 'refused'
    const nowMs = runtime.nowMs()
    const own = await vault.of(orgId, nowMs, 'write')
    const receipts = new ReceiptRows(own)
    // The very one that is here was judged when it came.
    if ((await receipts.receipt(revoke, did))?.cid === opened.cid) return 'known'
    const rows = new LogRows(own)
    const row = await rows.one(of, log)
    const wire = row?.role === 'own' ? await rows.entryAt(row.id, { epoch, seq }) : null
    const main = await rows.one(did, MAIN_LOG)
    const given = new Map<Cid, Uint8Array>()
    for (const [part, sig] of delegations) {
      const one = tryDelegation(toWire({ bytes: part, signature: sig }))
      if (typeof one !== 'string') given.set(one.address, toWire(one))
    }
    const { dlg } = opened.receipt
    await verifyReceipt(opened, {
      revocation: wire && openEntryParts(...wire),
      authority: main === null ? null : (main.state as unknown as LogState).authority,
      lookup: await delegationWires(rows, did, dlg === null ? [] : [dlg], given),
      nowMs,
      ed25519,
    })
    if ((await receipts.receipt(revoke, did)) !== null) return 'known'
    if ((await new FollowedReader(own, { orgId }).peer(did))?.tier === 'blocked') return 'refused'
    const receipt = {
      revoke,
      cube,
      did,
      cid: opened.cid,
      receipt: toWire(opened) as Buffer,
      erasedAtMs: ts,
      atMs: nowMs,
    }
    await own.apply([{ kind: 'insert_mip_receipt', receipt, strangersMax: MIP_STRANGERS_RECEIPTS_MAX }])
    return (await receipts.receipt(revoke, did)) === null ? 'refused' : 'accepted'
  }
}
