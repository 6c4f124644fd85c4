import { MIP_CLOCK_SKEW_MS_MAX, MIP_ENTRY_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { EraseReceipt } from '../../schemas/mip-receipt.ts'
import { cidOf } from './cid.ts'
import { type DelegationLookup, verifyDelegation } from './delegation.ts'
import type { Ed25519 } from './ed25519-rule.ts'
import { argumentsOf, type OpenedEntry } from './entry.ts'
import { keyOfDid } from './keys.ts'
import type { Authority } from './log-state.ts'
import { MipError } from './mip-error.ts'
import { decodeFields, encodeView, fromWire, type Signed, signBytes, verifySigned, viewOf } from './signed.ts'

/** A receipt that was taken from the wire: its form is right, nothing else is verified. */
export interface OpenedReceipt extends Signed {
  receipt: EraseReceipt
}

/** Signs what was erased (MIP 4.9). `seed`: the 32 bytes of the key that `receipt.key` names. @throws MipError `invalid_entry`. */
export async function signReceipt(receipt: EraseReceipt, seed: Uint8Array, ed25519: Ed25519): Promise<OpenedReceipt> {
  const bytes = encodeView(EraseReceipt, receipt, MIP_ENTRY_BYTES_MAX)
  return { receipt, ...(await signBytes('erase', bytes, seed, ed25519)) }
}

/** The receipt in the wire form `[bytes, signature]`. @throws MipError `too_large`, `not_canonical`, `invalid_entry`. */
export function openReceipt(wire: Uint8Array): OpenedReceipt {
  const { bytes, signature } = fromWire(wire, MIP_ENTRY_BYTES_MAX)
  const receipt = viewOf(EraseReceipt, decodeFields(bytes, MIP_ENTRY_BYTES_MAX))
  return { receipt, cid: cidOf(bytes, 'object'), bytes, signature }
}

export interface ReceiptUse {
  /** What stands in the log of the publisher at the place that the receipt names; null: nothing. */
  revocation: OpenedEntry | null
  /** Who may sign for the organisation that has erased, where its log was read; else only what its first root has signed counts. */
  authority: Pick<Authority, 'root' | 'roots' | 'revoked'> | null
  /** Delegations that came with the receipt. */
  lookup: DelegationLookup
  nowMs: number
  ed25519: Ed25519
}

/** Verifies a receipt against the revocation that it is about. @throws MipError with the exact reason. */
export async function verifyReceipt(opened: OpenedReceipt, use: ReceiptUse): Promise<void> {
  const { receipt } = opened
  if (!isOf(receipt, use.revocation)) throw new MipError('not_revoked')
  if (receipt.ts > use.nowMs + MIP_CLOCK_SKEW_MS_MAX) throw new MipError('delegation_early')
  const { org, key, dlg } = receipt
  if (dlg === null) {
    if (key !== (use.authority?.root ?? org)) throw new MipError('unknown_key')
  } else {
    const { pol } = await verifyDelegation(dlg, {
      lookup: use.lookup,
      org,
      cmd: '/mip/log/append',
      aud: key,
      atMs: receipt.ts,
      roots: use.authority?.roots.map(({ did }) => did) ?? [org],
      isRevoked: (address) => use.authority?.revoked.some(({ delegation }) => delegation === address) ?? false,
      ed25519: use.ed25519,
    })
    // Whoever may write one log does not speak for what the organisation holds.
    if (pol.log !== undefined) throw new MipError('not_allowed')
  }
  if (!(await verifySigned('erase', opened, keyOfDid(key), use.ed25519))) throw new MipError('bad_signature')
}

function isOf(receipt: EraseReceipt, revocation: OpenedEntry | null): boolean {
  if (revocation === null) return false
  const { entry, cid } = revocation
  const sum = argumentsOf(entry, 'cube.revoke')
  const isPlace =
    entry.org === receipt.of &&
    entry.log === receipt.log &&
    entry.epoch === receipt.epoch &&
    entry.seq === receipt.seq &&
    cid === receipt.revoke
  if (!isPlace || sum === null || sum.cube !== receipt.cube) return false
  return receipt.revisions.every((number) => number >= (sum.fromRev ?? 1))
}
