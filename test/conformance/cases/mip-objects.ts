import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { portableEd25519, publicKeyOfSeed, signPortable } from '../../../protocol/core/ed25519-rule.ts'
import { type OpenedEntry, openEntry } from '../../../protocol/core/entry.ts'
import { signHead } from '../../../protocol/core/head.ts'
import { fromJsonView, type JsonView, toJsonView } from '../../../protocol/core/json-view.ts'
import { didOfKey, peerIdOfKey } from '../../../protocol/core/keys.ts'
import { decodeMipCbor, encodeMipCbor } from '../../../protocol/core/mip-cbor.ts'
import { SIGNATURE_DOMAINS, signBytes, signingInput, toWire } from '../../../protocol/core/signed.ts'
import { BODY, forged, LogWriter, person, START_MS } from '../../support/mip-log.ts'
import { ED25519_EDGE_CASES } from './mip-ed25519.ts'

const ROOT = person(9)
const EDGE = person(8)
const hexOf = (opened: OpenedEntry) => bytesToHex(toWire(opened))

export function keyVectors() {
  const valid = [0, 9, 0x7f, 0xff].map((byte) => {
    const seed = new Uint8Array(32).fill(byte)
    const key = publicKeyOfSeed(seed)
    const title = `seed of 32 bytes 0x${byte.toString(16).padStart(2, '0')}`
    const names = { did: didOfKey(key), peerId: peerIdOfKey(key) }
    return { title, valid: true, seed: bytesToHex(seed), publicKey: bytesToHex(key), ...names }
  })
  const did = valid[1]!.did
  const invalid = [
    { title: 'no text', did: '' },
    { title: 'cut short', did: did.slice(0, -1) },
    { title: 'a letter too many', did: `${did}1` },
    { title: 'a letter that base58 does not have', did: `${did.slice(0, -1)}0` },
    { title: 'another base', did: did.replace(':z', ':f') },
    { title: 'a key of X25519', did: did.replace('z6Mk', 'z6LS') },
    { title: 'with a fragment', did: `${did}#${did.slice(8)}` },
    { title: 'more than 34 bytes', did: `did:key:z6Mk${'z'.repeat(44)}` },
  ]
  return [...valid, ...invalid.map((vector) => ({ ...vector, valid: false }))]
}

export async function signatureVectors() {
  const publicKey = bytesToHex(publicKeyOfSeed(ROOT.seed))
  const message = utf8ToBytes('what is signed')
  const honest = bytesToHex(signPortable(message, ROOT.seed))
  const plain = { message: bytesToHex(message), publicKey, signature: honest }
  const object = encodeMipCbor({ v: 1 })
  const inDomains = SIGNATURE_DOMAINS.map(async (domain) => {
    const { cid, signature } = await signBytes(domain, object, ROOT.seed, portableEd25519)
    const input = bytesToHex(signingInput(domain, cid))
    return {
      title: `domain ${domain}`,
      valid: true,
      domain,
      cid,
      message: input,
      publicKey,
      signature: bytesToHex(signature),
    }
  })
  const made = await Promise.all(inDomains)
  return [
    { title: 'an honest signature', valid: true, ...plain },
    {
      title: 'an honest signature of no bytes',
      valid: true,
      message: '',
      publicKey,
      signature: bytesToHex(signPortable(new Uint8Array(), ROOT.seed)),
    },
    { title: 'of another message', valid: false, ...plain, message: `${plain.message}00` },
    { title: 'by another key', valid: false, ...plain, publicKey: bytesToHex(publicKeyOfSeed(EDGE.seed)) },
    { title: 'one bit of R changed', valid: false, ...plain, signature: flipped(honest, 0) },
    { title: 'one bit of S changed', valid: false, ...plain, signature: flipped(honest, 32) },
    { title: 'cut short', valid: false, ...plain, signature: honest.slice(2) },
    ...ED25519_EDGE_CASES,
    ...made,
    {
      ...made[0]!,
      title: 'made for an entry, shown as a head',
      valid: false,
      domain: 'head',
      message: made[1]!.message,
    },
  ]
}

function flipped(hex: string, at: number): string {
  const bytes = hexToBytes(hex)
  bytes[at]! ^= 1
  return bytesToHex(bytes)
}

export async function entryVectors() {
  const writer = new LogWriter(ROOT.did)
  const sum = { next: person(10).hash, recovery: person(12).did, agreement: 'A'.repeat(43) }
  await writer.add(ROOT, { op: 'org.genesis', sum })
  await writer.add(ROOT, { op: 'org.rotate', sum: { root: person(10).did, next: person(11).hash } })
  await writer.add(ROOT, { op: 'org.delegate', body: BODY, sum: { delegation: BODY } })
  await writer.add(ROOT, { op: 'org.revoke-key', sum: { delegation: BODY, lastSeq: 7, log: 'notes' } })
  await writer.add(ROOT, { op: 'org.replicas', sum: { urls: ['https://mirror.example/mip/v1'], addrs: [] } })
  const publication = { topics: ['travel', 'caf\u00e9'], title: 'Night trains', size: 38, kinds: ['text'] }
  const about = { cube: '01J8Z3K4M5N6P7Q8R9S0T1V2W3', rev: 2, price: 1_500_000 }
  await writer.add(EDGE, { op: 'cube.publish', dlg: BODY, sum: { ...publication, ...about } })
  const revoked = { cube: about.cube, fromRev: 2, reason: 'error', scope: 'derived' }
  await writer.add(EDGE, { op: 'cube.revoke', dlg: BODY, sum: revoked })
  await writer.add(ROOT, { op: 'log.resolve', epoch: 1, sum: { survivor: writer.entries.at(-1)!.cid } })
  await writer.add(EDGE, { op: 'cube.praise', dlg: BODY, crit: ['cube.praise'] })
  const valid = writer.entries.map((opened) => ({
    title: opened.entry.op,
    valid: true,
    hex: hexOf(opened),
    cid: opened.cid,
    view: opened.entry,
  }))
  return [...valid, ...invalidEntries(writer.entries[5]!)]
}

/** Changes of a right publication, as JSON view; undefined removes the field. */
const ENTRY_CHANGES: [title: string, reason: string, change: { [key: string]: JsonView | undefined }][] = [
  ['another version', 'invalid_entry', { v: 2 }],
  ['no time', 'invalid_entry', { ts: undefined }],
  ['no organisation', 'invalid_entry', { org: 'did:web:example.org' }],
  ['a log in upper case', 'invalid_entry', { log: 'Main' }],
  ['a negative seq', 'invalid_entry', { seq: -1 }],
  ['the first place, with an entry before it', 'invalid_entry', { seq: 0 }],
  ['a later place, with none before it', 'invalid_entry', { prev: null }],
  ['a link as text', 'invalid_entry', { body: BODY }],
  ['a link to raw bytes', 'invalid_entry', { body: { $link: BODY.replace('bafy', 'bafk') } }],
  ['a publication of nothing', 'invalid_entry', { body: null }],
  ['an operation without a dot', 'invalid_entry', { op: 'publish' }],
  ['a sum that is a list', 'invalid_entry', { sum: [] }],
  ['a negative size', 'invalid_entry', { sum: { size: -1 } }],
  ['a sum over 1 KiB', 'too_large', { sum: { more: 'x'.repeat(1020) } }],
  ['an entry over 4 KiB', 'too_large', { more: 'x'.repeat(4096) }],
  ['other content under the old signature', 'bad_signature', { ts: START_MS }],
  ['a field that nobody knows, under the old signature', 'bad_signature', { more: 1 }],
]

function invalidEntries(right: OpenedEntry) {
  const view = toJsonView(decodeMipCbor(right.bytes)) as { [key: string]: JsonView }
  const changed = ENTRY_CHANGES.map(([title, reason, change]) => {
    const fields = Object.entries({ ...view, ...change }).filter(([, value]) => value !== undefined)
    const bytes = encodeMipCbor(fromJsonView(Object.fromEntries(fields) as JsonView))
    return { title, valid: false, reason, hex: bytesToHex(toWire({ ...right, bytes })) }
  })
  const wire = hexOf(right)
  const deep = Uint8Array.from({ length: 4000 }, () => 0x81)
  return [
    ...changed,
    { title: 'no bytes', valid: false, reason: 'not_canonical', hex: '' },
    { title: 'a byte too many', valid: false, reason: 'not_canonical', hex: `${wire}00` },
    { title: 'three items', valid: false, reason: 'not_canonical', hex: `83${wire.slice(2)}` },
    {
      title: 'bytes cut short',
      valid: false,
      reason: 'not_canonical',
      hex: hexOf({ ...right, bytes: right.bytes.slice(1) }),
    },
    {
      title: '4,000 arrays inside each other',
      valid: false,
      reason: 'not_canonical',
      hex: hexOf({ ...right, bytes: deep }),
    },
    {
      title: 'a list instead of a map',
      valid: false,
      reason: 'invalid_entry',
      hex: hexOf({ ...right, bytes: Uint8Array.of(0x80) }),
    },
    { title: 'a signature that is not one', valid: false, reason: 'bad_signature', hex: hexOf(forged(right)) },
  ]
}

export async function headVectors() {
  const view = { v: 1, org: ROOT.did, log: 'main', epoch: 0, seq: 7, cid: BODY, ts: START_MS, dlg: null } as const
  const signed = await signHead({ ...view, key: ROOT.did }, ROOT.seed, portableEd25519)
  const byOther = await signHead({ ...view, key: ROOT.did }, EDGE.seed, portableEd25519)
  const entry = await new LogWriter(ROOT.did).draft(ROOT, { op: 'cube.publish' })
  const hex = bytesToHex(toWire(signed))
  return [
    { title: 'a head of the root', valid: true, hex, cid: signed.cid, view: signed.head },
    { title: 'signed by another key', valid: false, reason: 'bad_signature', hex: bytesToHex(toWire(byOther)) },
    { title: 'an entry', valid: false, reason: 'invalid_entry', hex: hexOf(openEntry(toWire(entry))) },
    { title: 'cut short', valid: false, reason: 'not_canonical', hex: hex.slice(0, -2) },
  ]
}
