import { MIP_ENTRY_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { Head } from '../../schemas/mip-entry.ts'
import { cidOf } from './cid.ts'
import type { Ed25519 } from './ed25519-rule.ts'
import { decodeFields, encodeView, fromWire, type Signed, signBytes, viewOf } from './signed.ts'

/** A head that was taken from the wire: its form is right, its signature is not yet verified. */
export interface OpenedHead extends Signed {
  head: Head
}

/** Signs where a log ends (MIP 4.3). `seed`: the 32 bytes of the key that `head.key` names. @throws MipError `invalid_entry`. */
export async function signHead(head: Head, seed: Uint8Array, ed25519: Ed25519): Promise<OpenedHead> {
  return { head, ...(await signBytes('head', encodeView(Head, head, MIP_ENTRY_BYTES_MAX), seed, ed25519)) }
}

/** The head in the wire form `[bytes, signature]`. @throws MipError `too_large`, `not_canonical`, `invalid_entry`. */
export function openHead(wire: Uint8Array): OpenedHead {
  const { bytes, signature } = fromWire(wire, MIP_ENTRY_BYTES_MAX)
  return { head: viewOf(Head, decodeFields(bytes, MIP_ENTRY_BYTES_MAX)), cid: cidOf(bytes, 'object'), bytes, signature }
}
