import { readChain } from '../../../protocol/core/delegation.ts'
import { openReceipt } from '../../../protocol/core/erase-receipt.ts'
import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import { fromWire, toWire } from '../../../protocol/core/signed.ts'
import { usableDelegation } from '../../../protocol/core/usable-delegation.ts'
import type { ProofAnswer, SignedBytes } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import {
  MIP_DELEGATION_DEPTH_MAX,
  MIP_ENTRY_BYTES_MAX,
  MIP_PULL_PAUSE_MS_MAX,
  MIP_RECEIPT_ATTEMPTS_MAX,
  MIP_RECEIPT_PAUSE_MS,
} from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { EraseReceipt } from '../../../schemas/mip-receipt.ts'
import type { delegationWires } from '../../infrastructure/mip/delegation-wires.ts'
import type { IdentityDirectory } from '../../infrastructure/mip/identity-directory.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { MipParts } from '../../ports/mip.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { MipErasureRow } from '../../ports/writes/mip.ts'
import { mirrorsOf } from './mirrors.ts'
import { stateOf } from './own-log.ts'

export interface ErasureReceiptsComponents {
  mip: MipParts | null
  identities: IdentityDirectory
  delegationWires: typeof delegationWires
  blobs: BlobStore
}

/**
 * Tells publishers that what they revoked for legal reasons is gone (MIP 4.9). The erasure was written down in the batch that erased; here the
 * blobs are seen to be gone, then the receipt is signed, kept, and offered until the publisher has it. Each step may be repeated.
 */
export class ErasureReceipts {
  readonly #components: ErasureReceiptsComponents

  constructor(components: ErasureReceiptsComponents) {
    this.#components = components
  }

  async deliver(session: VaultSession, revoke: string, context: RequestContext): Promise<void> {
    const [row] = await session.receipts.erasures(1, { revoke })
    const { mip } = this.#components
    if (row === undefined || row.answer !== null || mip === null) return
    const wire = row.receipt === null ? await this.#sign(session, mip, row, context) : new Uint8Array(row.receipt)
    if (wire === 'nobody') return this.#set(session, row, { answer: 'unsigned' }, context)
    const answer = wire === 'not_now' ? 'refused' : await this.#offer(session, mip, row, wire, context)
    const attempts = row.attempts + 1
    if (answer === 'accepted' || answer === 'known') return this.#set(session, row, { answer, attempts }, context)
    // A mirror refuses what is not about its own logs; the publisher may only be away.
    const isLast = attempts >= MIP_RECEIPT_ATTEMPTS_MAX
    const pauseMs = Math.min(MIP_RECEIPT_PAUSE_MS * 2 ** Math.min(attempts - 1, 20), MIP_PULL_PAUSE_MS_MAX)
    const next = isLast ? { answer: 'refused' as const } : { nextAtMs: context.nowMs + pauseMs }
    await this.#set(session, row, { ...next, attempts }, context)
  }

  /** `nobody`: this deployment or organisation has no identity; `not_now`: no right to sign is in force. */
  async #sign(
    session: VaultSession,
    { signer }: MipParts,
    row: MipErasureRow,
    context: RequestContext,
  ): Promise<Uint8Array | 'nobody' | 'not_now'> {
    const { identities, blobs } = this.#components
    const { orgId } = context.principal
    const org = (await identities.didOf(orgId)) as Did | null
    const main = org === null ? null : await session.mipLogs.one(org, MAIN_LOG)
    const authority = main === null ? null : stateOf(main).authority
    if (signer === null || org === null || main === null || authority === null) return 'nobody'
    const key = await signer.publishing(orgId)
    const dlg = usableDelegation(authority, { did: key.did, log: MAIN_LOG, seq: main.seq + 1, atMs: context.nowMs })
    const leaf = authority.delegations.find(({ address }) => address === dlg)
    if (dlg === null || leaf?.delegation.pol.log !== undefined) return 'not_now'
    // They were removed after the batch that erased; a crash in between left them.
    await blobs.delete(row.blobKeys)
    const { did, revoke, log, epoch, seq, cube, revisions, cubes, renditions, blobs: count } = row
    const place = { of: did as Did, revoke: revoke as Cid, log, epoch, seq, cube: cube as EraseReceipt['cube'] }
    const counts = { revisions, cubes, renditions, blobs: count }
    const signed = await key.signReceipt({ v: 1, org, ...place, ...counts, ts: context.nowMs, key: key.did, dlg })
    const wire = toWire(signed)
    await this.#set(session, row, { receipt: wire as Buffer }, context)
    return wire
  }

  async #offer(
    session: VaultSession,
    { remotes }: MipParts,
    { did }: MipErasureRow,
    wire: Uint8Array,
    context: RequestContext,
  ): Promise<ProofAnswer> {
    const { bytes, signature } = fromWire(wire, MIP_ENTRY_BYTES_MAX)
    const { org, dlg } = openReceipt(wire).receipt
    const delegations = dlg === null ? [] : await this.#chain(session, org, dlg)
    const log = await session.followed.log(did, MAIN_LOG)
    const replicas = log === null ? null : (stateOf(log).authority?.replicas ?? null)
    const addresses = [...(replicas?.urls ?? []), ...(replicas?.addrs ?? [])]
    for (const { remote } of await mirrorsOf(session, remotes, did, addresses, context.nowMs)) {
      const offer = { receipt: [bytes, signature] as const, delegations }
      const answer = await remote.offerReceipt(offer, { signal: context.signal }).catch((error: unknown) => {
        if (error instanceof MipRemoteError) return 'refused' as const
        throw error
      })
      if (answer !== 'refused') return answer
    }
    return 'refused'
  }

  async #chain(session: VaultSession, org: string, dlg: Cid): Promise<SignedBytes[]> {
    const lookup = await this.#components.delegationWires(session.mipLogs, org, [dlg])
    const chain = readChain(dlg, lookup)
    if (typeof chain === 'string') return []
    return chain.slice(0, MIP_DELEGATION_DEPTH_MAX).map(({ bytes, signature }) => [bytes, signature])
  }

  async #set(
    session: VaultSession,
    { revoke }: MipErasureRow,
    changes: Partial<Pick<MipErasureRow, 'receipt' | 'answer' | 'attempts' | 'nextAtMs'>>,
    context: RequestContext,
  ): Promise<void> {
    await session.vault.apply([
      { kind: 'set_mip_erasure', revoke, changes },
      ...(changes.answer === undefined ? [] : [auditOf(context, null)]),
    ])
  }
}
