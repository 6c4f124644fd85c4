import { MIP_ENTRY_BYTES_MAX, MIP_SUM_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { ENTRY_SUMS, Entry, type EntryOp, type EntrySum } from '../../schemas/mip-entry.ts'
import { cidOf } from './cid.ts'
import { type Ed25519, SIGNATURE_BYTES } from './ed25519-rule.ts'
import type { MipValue } from './mip-cbor.ts'
import { encodedSize } from './mip-cbor-encode.ts'
import { MipError } from './mip-error.ts'
import { checkView, decodeFields, encodeView, fromWire, type Signed, signBytes, viewOf } from './signed.ts'

/** An entry that was taken from the wire: its form is right, its signature is not yet verified. */
export interface OpenedEntry extends Signed {
  entry: Entry
}

/** Says whether this version gives an operation its meaning; others are stored and not applied (MIP 4.11). */
export function isKnownOp(op: string): op is EntryOp {
  return Object.hasOwn(ENTRY_SUMS, op)
}

/** The arguments of an entry, or null when it is of another operation. Opening the entry has checked them. */
export function argumentsOf<O extends EntryOp>(entry: Entry, op: O): EntrySum<O> | null {
  return entry.op === op ? (entry.sum as EntrySum<O>) : null
}

/**
 * Canonical bytes of an entry. `sum` of a known operation is in the form of ENTRY_SUMS.
 * @throws MipError `invalid_entry` naming the field, or `too_large`.
 */
export function encodeEntry(entry: Entry): Uint8Array {
  if (isKnownOp(entry.op)) checkView(sumSchema(entry.op), entry.sum)
  const bytes = encodeView(Entry, entry, MIP_ENTRY_BYTES_MAX)
  openEntryBytes(bytes)
  return bytes
}

/** Signs an entry. `seed`: the 32 bytes of the key that `entry.key` names. */
export async function signEntry(entry: Entry, seed: Uint8Array, ed25519: Ed25519): Promise<OpenedEntry> {
  const signed = await signBytes('entry', encodeEntry(entry), seed, ed25519)
  return { ...signed, entry: openEntryBytes(signed.bytes) }
}

/**
 * The entry in the wire form `[bytes, signature]`. Arbitrary bytes are safe: time and memory are linear in their length.
 * @throws MipError `too_large`, `not_canonical`, `invalid_entry`.
 */
export function openEntry(wire: Uint8Array): OpenedEntry {
  const { bytes, signature } = fromWire(wire, MIP_ENTRY_BYTES_MAX)
  return openEntryParts(bytes, signature)
}

/** The same for a pair that something else has taken apart. @throws MipError as openEntry. */
export function openEntryParts(bytes: Uint8Array, signature: Uint8Array): OpenedEntry {
  if (!(bytes instanceof Uint8Array && signature instanceof Uint8Array && signature.length === SIGNATURE_BYTES))
    throw new MipError('not_canonical', 'expected bytes and a signature')
  return { entry: openEntryBytes(bytes), cid: cidOf(bytes, 'object'), bytes, signature }
}

function openEntryBytes(bytes: Uint8Array): Entry {
  const map = decodeFields(bytes, MIP_ENTRY_BYTES_MAX)
  const { sum, ...rest } = map
  if (typeof sum !== 'object' || sum === null) throw new MipError('invalid_entry', '"sum" expected a map')
  // The sum is part of the bytes, so it can only be too large when they are larger.
  if (bytes.length > MIP_SUM_BYTES_MAX && encodedSize(sum) > MIP_SUM_BYTES_MAX) throw new MipError('too_large', 'sum')
  // The sum has fields of its own and is looked at by operation below.
  const entry = viewOf(Entry, { ...rest, sum: {} })
  entry.sum = viewOfSum(entry.op, sum as { [key: string]: MipValue })
  checkFirst(entry)
  return entry
}

// One type for all of them: what comes out is told apart by argumentsOf.
const sumSchema = (op: EntryOp) => ENTRY_SUMS[op] as (typeof ENTRY_SUMS)['cube.publish']

function viewOfSum(op: string, sum: { [key: string]: MipValue }): Entry['sum'] {
  const prototype: unknown = Object.getPrototypeOf(sum)
  if (prototype !== Object.prototype) throw new MipError('invalid_entry', '"sum" expected a map')
  return isKnownOp(op) ? viewOf(sumSchema(op), sum) : {}
}

/** Rules between fields that hold whatever the log looks like. */
function checkFirst({ seq, prev, op, body, sum, epoch }: Entry): void {
  const fail = (field: string, expected: string): never => {
    throw new MipError('invalid_entry', `"${field}" expected ${expected}`)
  }
  if ((seq === 0) !== (prev === null)) fail('prev', 'null exactly for seq 0')
  if (seq === 0 && epoch !== 0) fail('epoch', '0 for seq 0')
  if (op === 'org.genesis' && seq !== 0) fail('seq', '0 for org.genesis')
  if (op === 'cube.publish' && body === null) fail('body', 'the revision')
  if (op === 'org.delegate' && body !== sum.delegation) fail('body', 'the delegation')
  if (op === 'log.resolve' && prev !== sum.survivor) fail('prev', 'the survivor')
}
