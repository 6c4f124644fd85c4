import { bytesToHex } from '@noble/hashes/utils.js'
import { cidOf } from '../../protocol/core/cid.ts'
import { publicKeyOfSeed, signPortable } from '../../protocol/core/ed25519-rule.ts'
import { fromJsonView, type JsonView } from '../../protocol/core/json-view.ts'
import { didOfKey } from '../../protocol/core/keys.ts'
import { encodeManifest, manifestOf } from '../../protocol/core/manifest.ts'
import { encodeMipCbor } from '../../protocol/core/mip-cbor.ts'
import { type SignatureDomain, signingInput, toWire } from '../../protocol/core/signed.ts'
import { MODELS } from '../../test/conformance/cases/fingerprint.ts'
import { MIP_CBOR_INVALID } from '../../test/conformance/cases/mip-cbor.ts'
import { ED25519_EDGE_CASES } from '../../test/conformance/cases/mip-ed25519.ts'
import { person, START_MS } from '../../test/support/mip-log.ts'
import {
  chance,
  type Dice,
  damagedBytes,
  damagedText,
  damagedView,
  pick,
  randomBytes,
  randomView,
} from './random-values.ts'

const PEOPLE = [6, 7, 8, 9].map(person)
const OBJECT = cidOf(Uint8Array.of(1), 'object')
const hex = bytesToHex

/** A question for the harness. */
export type Asked = { role: 'verify' | 'encode' | 'apply'; question: Record<string, unknown> }
const verify = (question: Record<string, unknown>): Asked => ({ role: 'verify', question })
const encode = (question: Record<string, unknown>): Asked => ({ role: 'encode', question })

/** Bytes of a view that has an encoding, else null. */
function encoded(view: JsonView): Uint8Array | null {
  try {
    return encodeMipCbor(fromJsonView(view))
  } catch {
    return null
  }
}

function cbor(dice: Dice): Asked {
  const view = randomView(dice)
  if (chance(dice, 40)) return encode({ kind: 'cbor', json: view })
  const known = chance(dice, 30)
    ? Buffer.from(pick(dice, MIP_CBOR_INVALID).hex, 'hex')
    : (encoded(view) ?? randomBytes(dice, 12))
  return verify({ kind: 'cbor', hex: hex(chance(dice, 60) ? damagedBytes(dice, known) : known) })
}

function names(dice: Dice): Asked {
  const bytes = randomBytes(dice, 32)
  const cid = cidOf(bytes, pick(dice, ['object', 'raw']))
  const did = didOfKey(bytes)
  const [kind, text] = pick(dice, [['cid', cid] as const, ['did', did] as const])
  return verify({ kind, text: chance(dice, 60) ? damagedText(dice, text) : text })
}

function signature(dice: Dice): Asked {
  if (chance(dice, 10)) {
    const { message, publicKey, signature } = pick(dice, ED25519_EDGE_CASES)
    return verify({ kind: 'signature', message, publicKey, signature })
  }
  const { seed } = pick(dice, PEOPLE)
  const message = randomBytes(dice, dice(80))
  const parts = { message, publicKey: publicKeyOfSeed(seed), signature: signPortable(message, seed) }
  const harmed = pick(dice, ['message', 'publicKey', 'signature', 'none'] as const)
  const changed = harmed === 'none' ? parts : { ...parts, [harmed]: damagedBytes(dice, parts[harmed]) }
  const asHex = Object.fromEntries(Object.entries(changed).map(([name, bytes]) => [name, hex(bytes)]))
  return verify({ kind: 'signature', ...asHex })
}

/** Arguments of every operation, as JSON view of the object. */
const SUMS: Record<string, (dice: Dice) => JsonView> = {
  'org.rotate': (dice) => ({ root: pick(dice, PEOPLE).did, next: bytes(32) }),
  'org.delegate': () => ({ delegation: { $link: OBJECT } }),
  'org.revoke-key': (dice) => ({
    delegation: { $link: OBJECT },
    lastSeq: dice(9) - 1,
    log: pick(dice, ['main', null]),
  }),
  'org.replicas': () => ({ urls: ['https://mirror.example.org'], addrs: [] }),
  'cube.publish': (dice) => ({
    topics: ['travel', 'caf\u00e9'],
    size: dice(1000),
    kinds: ['text'],
    title: 'Night trains',
  }),
  'cube.revoke': (dice) => ({
    cube: '01J8Z3K4M5N6P7Q8R9S0T1V2W3',
    reason: pick(dice, ['superseded', 'error', 'legal', 'compromised']),
    scope: pick(dice, ['cube', 'derived']),
  }),
  'log.resolve': () => ({ survivor: { $link: OBJECT } }),
  'cube.praise': (dice) => ({ stars: dice(5) }),
}
const bytes = (length: number) => ({ $bytes: Buffer.alloc(length, 7).toString('base64url') })

function entryView(dice: Dice, key: string): { [key: string]: JsonView } {
  const op = chance(dice, 10) ? 'org.genesis' : pick(dice, Object.keys(SUMS))
  const isFirst = op === 'org.genesis'
  const sum = isFirst ? { next: bytes(32), recovery: key, agreement: bytes(32) } : SUMS[op]!(dice)
  return {
    v: 1,
    org: PEOPLE[3]!.did,
    log: pick(dice, ['main', 'notes']),
    epoch: isFirst ? 0 : dice(2),
    seq: isFirst ? 0 : 1 + dice(9),
    prev: isFirst ? null : { $link: OBJECT },
    ts: START_MS + dice(1_000_000),
    op,
    key,
    dlg: chance(dice, 50) && !op.startsWith('org.') ? { $link: OBJECT } : null,
    body: op === 'cube.publish' || op === 'org.delegate' ? { $link: OBJECT } : null,
    sum,
    ...(chance(dice, 10) && { crit: [pick(dice, ['sum', 'escrow'])] }),
    ...(chance(dice, 10) && { more: randomView(dice, 4) }),
  }
}

const headView = (dice: Dice, key: string): { [key: string]: JsonView } => ({
  v: 1,
  org: PEOPLE[3]!.did,
  log: 'main',
  epoch: dice(3),
  seq: dice(100),
  cid: { $link: OBJECT },
  ts: START_MS,
  key,
  dlg: chance(dice, 50) ? null : { $link: OBJECT },
})

/** An object of MIP, right or with one field changed, honestly signed or not, whole or with its bytes damaged. */
function signed(dice: Dice): Asked {
  const { seed, did } = pick(dice, PEOPLE)
  const domain: SignatureDomain & ('entry' | 'head') = pick(dice, ['entry', 'entry', 'head'])
  const right = domain === 'entry' ? entryView(dice, did) : headView(dice, did)
  const object = encoded(chance(dice, 50) ? damagedView(dice, right) : right) ?? randomBytes(dice, 20)
  const input = signingInput(chance(dice, 95) ? domain : 'label', cidOf(object, 'object'))
  const wire = toWire({ bytes: object, signature: signPortable(input, seed) })
  return verify({ kind: domain, hex: hex(chance(dice, 30) ? damagedBytes(dice, wire) : wire) })
}

/** Signing a view. Links and bytes are text in it. */
function signing(dice: Dice): Asked {
  const { seed, did } = pick(dice, PEOPLE)
  const kind = pick(dice, ['entry', 'head'] as const)
  const right = asText(kind === 'entry' ? entryView(dice, did) : headView(dice, did)) as { [key: string]: JsonView }
  delete right.more
  if (chance(dice, 50)) return encode({ kind, view: right, seed: hex(seed) })
  const name = pick(
    dice,
    Object.keys(right).filter((one) => one !== 'sum'),
  )
  return encode({ kind, view: { ...right, [name]: pick(dice, WRONG) }, seed: hex(seed) })
}

const WRONG: JsonView[] = [null, true, -1, 2, 'x', '', [], {}, 0.5, OBJECT, OBJECT.replace('bafy', 'bafk'), 2 ** 53]

function asText(view: JsonView, field = ''): JsonView {
  if (Array.isArray(view)) return view.map((one) => asText(one))
  if (typeof view !== 'object' || view === null) return view
  if (typeof view.$link === 'string') return view.$link
  if (typeof view.$bytes === 'string')
    return field === 'next' ? Buffer.from(view.$bytes, 'base64url').toString('hex') : view.$bytes
  return Object.fromEntries(Object.entries(view).map(([name, inside]) => [name, asText(inside, name)]))
}

function manifest(dice: Dice): Asked {
  const size = pick(dice, [0, 1, 65_536, 65_537, 300_000])
  const { bytes: right } = encodeManifest(manifestOf(new Uint8Array(size), pick(dice, [65_536, 100_000])))
  if (chance(dice, 30)) return verify({ kind: 'manifest', hex: hex(damagedBytes(dice, right)) })
  const count = 1 + dice(4)
  const view: { [key: string]: JsonView } = {
    v: 1,
    size: pick(dice, [0, 10, 65_536, 2041 * 65_536, 64 * 2 ** 30, -1]),
    chunk: pick(dice, [65_535, 65_536, 4 * 2 ** 20]),
    ...(chance(dice, 70) && { hashes: bytes(32 * dice(3)) }),
    ...(chance(dice, 40) && { pages: Array(count).fill({ $link: OBJECT.replace('bafy', 'bafk') }) }),
  }
  const object = encoded(chance(dice, 30) ? damagedView(dice, view) : view)
  return verify({ kind: 'manifest', hex: hex(chance(dice, 30) || !object ? right : object) })
}

function fingerprint(dice: Dice): Asked {
  const model = pick(dice, Object.values(MODELS)) as unknown as JsonView
  return verify({ kind: 'fingerprint', model: chance(dice, 70) ? damagedView(dice, model) : model })
}

const KINDS = [cbor, cbor, cbor, names, signature, signed, signed, signed, signing, manifest, fingerprint]

/** Random questions about single objects. */
export const randomQuestions = (dice: Dice, count: number): Asked[] =>
  Array.from({ length: count }, (_, i) => KINDS[i % KINDS.length]!(dice))
