import type { Cid } from '../../schemas/cid.ts'
import { MIP_ENTRY_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { cidOf } from './cid.ts'
import { type OpenedEntry, openEntry } from './entry.ts'
import { encodeMipCbor } from './mip-cbor.ts'
import { MipError } from './mip-error.ts'
import { decodeFields, toWire } from './signed.ts'

/** Two entries at one place of a log: `{v: 1, a, b}` with both wires, the smaller CID first, so everybody makes the same proof. */
export interface OpenedProof {
  bytes: Uint8Array
  cid: Cid
  a: OpenedEntry
  b: OpenedEntry
}

// Two entries with their signatures, and the map around them.
const PROOF_BYTES_MAX = 2 * (MIP_ENTRY_BYTES_MAX + 128) + 64

/** The proof that two entries contradict each other. @throws MipError `not_equivocation` when they do not. */
export function proofOf(one: OpenedEntry, other: OpenedEntry): OpenedProof {
  const [a, b] = one.cid < other.cid ? [one, other] : [other, one]
  checkContradiction(a, b)
  const bytes = encodeMipCbor({ v: 1, a: toWire(a), b: toWire(b) })
  return { bytes, cid: cidOf(bytes, 'object'), a, b }
}

/**
 * A proof by its bytes. Its form is right; whether both signers could append is for verifyProof (log-apply.ts).
 * @throws MipError `too_large`, `not_canonical`, `invalid_entry`, `not_equivocation`.
 */
export function openProof(bytes: Uint8Array): OpenedProof {
  const { v, a, b } = decodeFields(bytes, PROOF_BYTES_MAX)
  if (v !== 1 || !(a instanceof Uint8Array) || !(b instanceof Uint8Array)) throw new MipError('invalid_entry', 'proof')
  const first = openEntry(a)
  const second = openEntry(b)
  checkContradiction(first, second)
  if (first.cid > second.cid) throw new MipError('invalid_entry', '"a" expected the smaller CID')
  return { bytes, cid: cidOf(bytes, 'object'), a: first, b: second }
}

function checkContradiction({ entry: a, cid }: OpenedEntry, { entry: b, cid: other }: OpenedEntry): void {
  const isOnePlace = a.org === b.org && a.log === b.log && a.epoch === b.epoch && a.seq === b.seq
  if (!isOnePlace || cid === other) throw new MipError('not_equivocation')
}
