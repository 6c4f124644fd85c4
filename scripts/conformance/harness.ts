import { bytesToHex } from '@noble/hashes/utils.js'
import { bytesOfCid, cidOf, parseCid } from '../../protocol/core/cid.ts'
import { signDelegation, verifyDelegation } from '../../protocol/core/delegation.ts'
import { type OpenedEntry, openEntry, signEntry } from '../../protocol/core/entry.ts'
import { descriptorBytes, descriptorCid, fingerprintOf } from '../../protocol/core/fingerprint.ts'
import { openHead, signHead } from '../../protocol/core/head.ts'
import { fromJsonView, type JsonView, toJsonView } from '../../protocol/core/json-view.ts'
import { keyOfDid, peerIdOfKey } from '../../protocol/core/keys.ts'
import { applyEntries, type VerifyMode, verifyProof } from '../../protocol/core/log-apply.ts'
import type { Authority, LogState } from '../../protocol/core/log-state.ts'
import { decodeManifest, isPaged, ManifestError } from '../../protocol/core/manifest.ts'
import { decodeMipCbor, encodeMipCbor } from '../../protocol/core/mip-cbor.ts'
import { MipError } from '../../protocol/core/mip-error.ts'
import { type Signed, toWire, verifySigned } from '../../protocol/core/signed.ts'
import { nodeEd25519 } from '../../protocol/host/native-ed25519.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import type { Delegation, DelegationCommand } from '../../schemas/mip-delegation.ts'
import type { Entry, Head } from '../../schemas/mip-entry.ts'
import type { ModelDescriptor } from '../../schemas/model-descriptor.ts'
import { BadQuestion, flag, hexes, hexField, numberField, type Question, textField, textsField } from './question.ts'

export const ROLES = ['verify', 'encode', 'apply'] as const
export type Role = (typeof ROLES)[number]

/** What is asked is refused, with the code that is said. */
class Refusal extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

type Work = (question: Question) => object | Promise<object>
const ed25519 = nodeEd25519()

/** The answer to one question of docs/mip/conformance.md. Never throws for what the question says. */
export async function answerQuestion(role: Role, question: unknown): Promise<object> {
  try {
    const asked = question as Question
    const work = role === 'apply' ? applyBatch : WORK[role].get(textField(asked, 'kind'))
    if (!work) return BAD_REQUEST
    return { ok: true, ...(await work(asked)) }
  } catch (error) {
    if (error instanceof BadQuestion) return BAD_REQUEST
    if (error instanceof MipError || error instanceof Refusal) return { ok: false, code: error.code }
    if (error instanceof ManifestError) return { ok: false, code: error.reason }
    throw error
  }
}

const BAD_REQUEST = { ok: false, error: 'bad_request' }

/** Runs work of the core that refuses with an error without a code. */
function refusing<T>(code: string, work: () => T): T {
  try {
    return work()
  } catch {
    throw new Refusal(code)
  }
}

const WORK: Record<'verify' | 'encode', Map<string, Work>> = {
  verify: new Map<string, Work>([
    ['cbor', verifyCbor],
    ['cid', (q) => ({ hex: bytesToHex(refusing('invalid_cid', () => bytesOfCid(parseCid(textField(q, 'text'))))) })],
    ['did', verifyDid],
    ['signature', verifySignature],
    ['entry', (q) => verifyWire('entry', openEntry(hexField(q, 'hex')))],
    ['head', (q) => verifyWire('head', openHead(hexField(q, 'hex')))],
    ['delegation', checkDelegation],
    ['proof', checkProof],
    ['manifest', checkManifest],
    ['fingerprint', checkFingerprint],
  ]),
  encode: new Map<string, Work>([
    ['cbor', encodeCbor],
    ['entry', (q) => signing(signEntry(q.view as Entry, seedOf(q), ed25519))],
    ['head', (q) => signing(signHead(q.view as Head, seedOf(q), ed25519))],
    ['delegation', (q) => signing(signDelegation(q.view as Delegation, seedOf(q), ed25519))],
  ]),
}

function verifyCbor(question: Question) {
  const bytes = hexField(question, 'hex')
  return { cid: cidOf(bytes, 'object'), json: toJsonView(refusing('not_canonical', () => decodeMipCbor(bytes))) }
}

function verifyDid(question: Question) {
  const key = keyOfDid(textField(question, 'text'))
  return { hex: bytesToHex(key), peerId: peerIdOfKey(key) }
}

async function verifySignature(question: Question) {
  const [message, key] = [hexField(question, 'message'), hexField(question, 'publicKey')]
  if (await ed25519.verify(hexField(question, 'signature'), message, key)) return {}
  throw new Refusal('bad_signature')
}

async function verifyWire(domain: 'entry' | 'head', opened: Signed & { entry?: Entry; head?: Head }) {
  const view = (opened.entry ?? opened.head)!
  if (!(await verifySigned(domain, opened, keyOfDid(view.key), ed25519))) throw new Refusal('bad_signature')
  return { cid: opened.cid, view }
}

async function checkDelegation(question: Question) {
  const revoked = textsField(question, 'revoked')
  await verifyDelegation(textField(question, 'address') as Cid, {
    lookup: byAddress(hexes(question, 'wires')),
    org: textField(question, 'org') as Did,
    cmd: textField(question, 'cmd') as DelegationCommand,
    aud: textField(question, 'aud') as Did,
    atMs: numberField(question, 'atMs'),
    roots: textsField(question, 'roots') as Did[],
    isRevoked: (address) => revoked.includes(address),
    ed25519,
  })
  return {}
}

async function checkProof(question: Question) {
  const delegations = byAddress(hexes(question, 'delegations'))
  const options = { ed25519, delegations, nowMs: numberField(question, 'nowMs') }
  return { state: await verifyProof(hexField(question, 'hex'), question.state as LogState, options) }
}

function checkManifest(question: Question) {
  const manifest = decodeManifest(hexField(question, 'hex'))
  if (isPaged(manifest)) return manifest
  return { ...manifest, hashes: bytesToHex(manifest.hashes) }
}

function checkFingerprint({ model }: Question) {
  return refusing('invalid_descriptor', () => {
    const print = fingerprintOf(model as ModelDescriptor)
    return {
      ...print,
      cid: descriptorCid(print.fp),
      hex: bytesToHex(descriptorBytes(model as ModelDescriptor)),
    }
  })
}

function encodeCbor({ json }: Question) {
  const bytes = refusing('not_canonical', () => encodeMipCbor(fromJsonView(json as JsonView)))
  return { hex: bytesToHex(bytes), cid: cidOf(bytes, 'object') }
}

/** A view is refused because of its shape or its size; that a text in it has no encoding is a matter of shape too. */
async function signing(work: Promise<Signed>) {
  try {
    const signed = await work
    return { hex: bytesToHex(toWire(signed)), cid: signed.cid }
  } catch (error) {
    if (error instanceof MipError && error.code === 'not_canonical') throw new Refusal('invalid_entry')
    throw error
  }
}

function seedOf(question: Question): Uint8Array {
  const seed = hexField(question, 'seed')
  if (seed.length !== 32) throw new BadQuestion()
  return seed
}

async function applyBatch(question: Question) {
  const known = hexes(question, 'known').map(openEntry)
  const { entries, fault } = opened(hexes(question, 'entries'))
  const { state, accepted, problem } = await applyEntries(question.state as LogState, entries, {
    ed25519,
    mode: flag(question, 'mode', ['strict', 'head']) as VerifyMode,
    nowMs: numberField(question, 'nowMs'),
    delegations: byAddress(hexes(question, 'delegations')),
    authority: (question.authority ?? null) as Authority | null,
    known: (seq) => {
      const found = known.find(({ entry }) => entry.seq === seq)
      return found ? toWire(found) : null
    },
  })
  const found = problem && { ...problem, ...(problem.proof && { proof: bytesToHex(problem.proof.bytes) }) }
  return { state, accepted: accepted.length, problem: found ?? fault }
}

/** Entries up to the first that cannot be opened. */
function opened(wires: readonly Uint8Array[]): { entries: OpenedEntry[]; fault: object | null } {
  const entries: OpenedEntry[] = []
  for (const [at, wire] of wires.entries()) {
    try {
      entries.push(openEntry(wire))
    } catch (error) {
      if (error instanceof MipError) return { entries, fault: { code: error.code, at } }
      throw error
    }
  }
  return { entries, fault: null }
}

function byAddress(wires: readonly Uint8Array[]) {
  const found = new Map(wires.map((wire) => [cidOf(wire, 'object'), wire]))
  return (address: Cid) => found.get(address) ?? null
}
