import { bytesToHex } from '@noble/hashes/utils.js'
import { portableEd25519 } from '../../../protocol/core/ed25519-rule.ts'
import { signReceipt } from '../../../protocol/core/erase-receipt.ts'
import { signBytes, toWire } from '../../../protocol/core/signed.ts'
import type { EraseReceipt } from '../../../schemas/mip-receipt.ts'
import { BODY, DAY_MS, Delegations, LogWriter, type Person, person, START_MS } from '../../support/mip-log.ts'

const PUBLISHER = person(9)
const ERASER = person(20)
const EDGE = person(21)
const NEXT = person(22)
const THIEF = person(66)
const CUBE = '01K6ZQ4T2V3W5X7Y9A1B3C5D7E'
const OTHER_CUBE = '01K6ZQ4T2V3W5X7Y9A1B3C5D7F'
const hexOf = (signed: Parameters<typeof toWire>[0]) => bytesToHex(toWire(signed))

const SAID: Omit<EraseReceipt, 'seq' | 'revoke' | 'dlg'> = {
  v: 1,
  org: ERASER.did,
  of: PUBLISHER.did,
  log: 'memory',
  epoch: 0,
  cube: CUBE as EraseReceipt['cube'],
  revisions: [2, 3],
  cubes: 1,
  renditions: 2,
  blobs: 1,
  ts: START_MS + DAY_MS,
  key: EDGE.did,
}

/** Receipts against the entry that stands where they say; `roots` null: the log of the eraser was not read. */
export async function receiptVectors() {
  const writer = new LogWriter(PUBLISHER.did, 'memory')
  for (let i = 0; i < 2; i++) await writer.add(PUBLISHER, { op: 'cube.publish', body: BODY, sum: { cube: CUBE } })
  const sum = { cube: CUBE, fromRev: 2, reason: 'legal', scope: 'cube' }
  const entry = await writer.add(PUBLISHER, { op: 'cube.revoke', sum })
  const other = await writer.add(PUBLISHER, { op: 'cube.revoke', sum: { ...sum, cube: OTHER_CUBE } })
  const made = new Delegations()
  const grant = await made.add(ERASER, EDGE, { sub: ERASER.did })
  const narrow = await made.add(ERASER, EDGE, { sub: ERASER.did, pol: { log: 'memory' } })
  const serves = await made.add(ERASER, EDGE, { sub: ERASER.did, cmd: '/mip/serve' })
  const later = await made.add(NEXT, EDGE, { sub: ERASER.did })
  const base = { ...SAID, seq: 2, revoke: entry.cid, dlg: grant.address }
  const use = {
    entry: hexOf(entry),
    delegations: [...made.wires.values()].map(bytesToHex),
    roots: null as string[] | null,
    revoked: [] as string[],
    nowMs: START_MS + DAY_MS,
  }
  const signed = async (fields: Partial<EraseReceipt> = {}, by: Person = EDGE) =>
    signReceipt({ ...base, ...fields }, by.seed, portableEd25519)
  const of = async (title: string, reason: string | null, fields: Partial<EraseReceipt> = {}, more: object = {}) => {
    const receipt = await signed(fields)
    return { title, valid: reason === null, ...(reason && { reason }), hex: hexOf(receipt), ...use, ...more }
  }
  const right = await signed()
  const asEntry = await signBytes('entry', right.bytes, EDGE.seed, portableEd25519)
  const byRoot = await signed({ key: ERASER.did, dlg: null }, ERASER)
  const after = { roots: [ERASER.did, NEXT.did] }
  return [
    { ...(await of('by a key that the first root has let in', null)), cid: right.cid, view: right.receipt },
    { title: 'by the root itself', valid: true, hex: hexOf(byRoot), ...use },
    await of('by a key of a later root, whose log was read', null, { dlg: later.address }, after),
    await of('of no revision and nothing', null, { revisions: [], cubes: 0, renditions: 0, blobs: 0 }),
    await of('by a key of a later root, whose log was not read', 'unknown_key', { dlg: later.address }),
    await of('of a revocation that is not there', 'not_revoked', {}, { entry: null }),
    await of('of another entry', 'not_revoked', { revoke: other.cid }),
    await of('of another place', 'not_revoked', { seq: 3 }),
    await of('of another publisher', 'not_revoked', { of: THIEF.did }),
    await of('of another cube', 'not_revoked', { cube: OTHER_CUBE as EraseReceipt['cube'] }),
    await of(
      'of a publication',
      'not_revoked',
      { revoke: writer.entries[1]!.cid, seq: 1 },
      { entry: hexOf(writer.entries[1]!) },
    ),
    await of('of a revision that stands', 'not_revoked', { revisions: [1, 2] }),
    await of('of tomorrow', 'delegation_early', { ts: START_MS + 2 * DAY_MS }),
    await of(
      'with a right that has ended',
      'delegation_expired',
      {},
      { nowMs: START_MS + 40 * DAY_MS, hex: hexOf(await signed({ ts: START_MS + 40 * DAY_MS })) },
    ),
    await of('with a revoked right', 'key_revoked', {}, { roots: [ERASER.did], revoked: [grant.address] }),
    await of('with the right to write one log', 'not_allowed', { dlg: narrow.address }),
    await of('with the right to serve', 'delegation_wrong_command', { dlg: serves.address }),
    await of('without its delegation', 'delegation_missing', {}, { delegations: [] }),
    await of('in the name of another organisation', 'wrong_org', { org: THIEF.did }),
    {
      title: 'by another key than it says',
      valid: false,
      reason: 'bad_signature',
      hex: hexOf(await signed({}, THIEF)),
      ...use,
    },
    { title: 'signed as an entry', valid: false, reason: 'bad_signature', hex: hexOf(asEntry), ...use },
    {
      title: 'by a key that is no root',
      valid: false,
      reason: 'unknown_key',
      hex: hexOf(await signed({ dlg: null })),
      ...use,
    },
  ]
}
