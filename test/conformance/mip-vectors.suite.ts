import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { cidOf } from '../../protocol/core/cid.ts'
import { verifyDelegation } from '../../protocol/core/delegation.ts'
import { passesPrecheck, portableEd25519, publicKeyOfSeed, verifyPortable } from '../../protocol/core/ed25519-rule.ts'
import { type OpenedEntry, openEntry } from '../../protocol/core/entry.ts'
import { openReceipt, verifyReceipt } from '../../protocol/core/erase-receipt.ts'
import { judgeEntryMessage } from '../../protocol/core/gossip-message.ts'
import { openHead } from '../../protocol/core/head.ts'
import { type JsonView, toJsonView } from '../../protocol/core/json-view.ts'
import { didOfKey, didOfPeerId, keyOfDid, peerIdOfKey } from '../../protocol/core/keys.ts'
import { applyEntries, type LogOutcome, type VerifyMode, verifyProof } from '../../protocol/core/log-apply.ts'
import { LogArchiveError } from '../../protocol/core/log-archive-error.ts'
import { readLogArchive } from '../../protocol/core/log-archive-reader.ts'
import { type LogState, newLogState } from '../../protocol/core/log-state.ts'
import { decodeMipCbor } from '../../protocol/core/mip-cbor.ts'
import { MipError } from '../../protocol/core/mip-error.ts'
import { type SignatureDomain, signingInput, toWire, verifySigned } from '../../protocol/core/signed.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import { MIP_RECON_MESSAGE_BYTES_MAX } from '../../schemas/limits-mip.ts'
import type { DelegationCommand } from '../../schemas/mip-delegation.ts'
import archiveFile from '../vectors/log-archive.json' with { type: 'json' }
import delegationFile from '../vectors/mip-delegation.json' with { type: 'json' }
import entryFile from '../vectors/mip-entry.json' with { type: 'json' }
import evolutionFile from '../vectors/mip-evolution.json' with { type: 'json' }
import gossipFile from '../vectors/mip-gossip.json' with { type: 'json' }
import headFile from '../vectors/mip-head.json' with { type: 'json' }
import keyFile from '../vectors/mip-key.json' with { type: 'json' }
import logFile from '../vectors/mip-log.json' with { type: 'json' }
import proofFile from '../vectors/mip-proof.json' with { type: 'json' }
import receiptFile from '../vectors/mip-receipt.json' with { type: 'json' }
import reconFile from '../vectors/mip-recon.json' with { type: 'json' }
import signatureFile from '../vectors/mip-signature.json' with { type: 'json' }
import { type ReconVectorSet, setOf } from './cases/mip-recon.ts'

/** Replays the vectors of keys, signatures, entries, delegations and logs. Needs no file system, so every runtime can run it. */
export function replayMipVectors(runtime: string) {
  replay(`key vectors on ${runtime}`, keyFile, replayKey)
  replay(`signature vectors on ${runtime}`, signatureFile, replaySignature)
  replay<{ view: unknown }>(`entry vectors on ${runtime}`, entryFile, (vector) => replaySigned(vector, 'entry'))
  replay<{ view: unknown }>(`head vectors on ${runtime}`, headFile, (vector) => replaySigned(vector, 'head'))
  replay(`delegation vectors on ${runtime}`, delegationFile, replayDelegation)
  replay(`reconciliation vectors on ${runtime}`, reconFile, replayRecon)
  replay(`receipt vectors on ${runtime}`, receiptFile, replayReceipt)
  replay(`log vectors on ${runtime}`, logFile, replayLog)
  replay(`proof vectors on ${runtime}`, proofFile, replayProof)
  replay(`evolution vectors on ${runtime}`, evolutionFile, replayEvolution)
  replay(`gossip vectors on ${runtime}`, gossipFile, replayGossip)
  replay(`log archive vectors on ${runtime}`, archiveFile, replayArchive)
}

interface Vector {
  title: string
  valid: boolean
  reason?: string
  hex?: string
  cid?: Cid
}

function replay<T>(name: string, file: unknown, run: (vector: Vector & T) => Promise<void>) {
  describe(name, () => {
    for (const vector of file as (Vector & T)[])
      it(`${vector.valid ? 'accepts' : 'refuses'}: ${vector.title}`, () => run(vector))
  })
}

async function replayKey(vector: Vector & { seed: string; publicKey: string; did: string; peerId: string }) {
  if (!vector.valid) return expect(() => keyOfDid(vector.did)).toThrow(refusal('invalid_key'))
  const key = publicKeyOfSeed(hexToBytes(vector.seed))
  expect(bytesToHex(key)).toBe(vector.publicKey)
  expect(didOfKey(key)).toBe(vector.did)
  expect(keyOfDid(vector.did)).toEqual(key)
  expect(peerIdOfKey(key)).toBe(vector.peerId)
}

interface SignatureVector {
  message: string
  publicKey: string
  signature: string
  domain?: SignatureDomain
}

async function replaySignature({ valid, cid, domain, ...vector }: Vector & SignatureVector) {
  const [message, publicKey, signature] = [vector.message, vector.publicKey, vector.signature].map(hexToBytes)
  if (domain) expect(bytesToHex(signingInput(domain, cid!))).toBe(vector.message)
  expect(verifyPortable(signature!, message!, publicKey!)).toBe(valid)
  // The verifier of the platform gives the same answer behind the pre-check.
  expect(passesPrecheck(signature!, publicKey!) && (await verifyNative(signature!, message!, publicKey!))).toBe(valid)
}

async function verifyNative(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('raw', Uint8Array.from(publicKey), 'Ed25519', false, ['verify'])
    return await crypto.subtle.verify('Ed25519', key, Uint8Array.from(signature), Uint8Array.from(message))
  } catch {
    return false
  }
}

async function replaySigned({ valid, reason, hex, cid, view }: Vector & { view: unknown }, kind: 'entry' | 'head') {
  const wire = hexToBytes(hex!)
  const open = () => {
    if (kind === 'head') return { opened: openHead(wire), found: openHead(wire).head }
    return { opened: openEntry(wire), found: openEntry(wire).entry }
  }
  if (!valid && reason !== 'bad_signature') return expect(open).toThrow(refusal(reason))
  const { opened, found } = open()
  expect(await verifySigned(kind, opened, keyOfDid(found.key), portableEd25519)).toBe(valid)
  if (!valid) return
  expect(found).toEqual(view)
  expect([opened.cid, bytesToHex(toWire(opened))]).toEqual([cid, hex])
}

interface DelegationVector {
  address: Cid
  wires: string[]
  org: Did
  aud: Did
  cmd: DelegationCommand
  atMs: number
  roots: Did[]
  revoked: Cid[]
  /** In a hello: whom the connection has proved. */
  peerId?: string
}

async function replayDelegation({ valid, reason, wires, revoked, address, peerId, ...use }: Vector & DelegationVector) {
  if (peerId !== undefined) expect(didOfPeerId(peerId)).toBe(use.aud)
  const isRevoked = (one: Cid) => revoked.includes(one)
  const verified = verifyDelegation(address, { ...use, isRevoked, lookup: byAddress(wires), ed25519: portableEd25519 })
  if (!valid) return expect(verified).rejects.toEqual(refusal(reason))
  expect((await verified).aud).toBe(use.aud)
}

interface ReconVector {
  ours: ReconVectorSet
  theirs: ReconVectorSet
  bytesMax?: number
  messages?: string[]
  have: string[]
  need: string[]
  answer?: string
  role?: 'answer' | 'next'
}

async function replayRecon({ valid, reason, hex, ...vector }: Vector & ReconVector) {
  const { bytesMax = MIP_RECON_MESSAGE_BYTES_MAX, messages } = vector
  const ours = setOf(vector.ours, bytesMax)
  if (messages === undefined) {
    const read = () => (vector.role === 'next' ? ours.next(hexToBytes(hex!)) : ours.answer(hexToBytes(hex!)))
    return valid
      ? expect(read()).toEqual(hexToBytes(vector.answer!))
      : expect(read).toThrow(expect.objectContaining({ reason }))
  }
  const theirs = setOf(vector.theirs, bytesMax)
  const [have, need]: [string[], string[]] = [[], []]
  let message: Uint8Array | null = ours.initiate()
  for (let at = 0; at < messages.length; at += 2) {
    expect(bytesToHex(message!)).toBe(messages[at])
    const answer = theirs.answer(message!)
    expect(bytesToHex(answer)).toBe(messages[at + 1])
    const step = ours.next(answer)
    have.push(...step.have.map((id) => bytesToHex(id)))
    need.push(...step.need.map((id) => bytesToHex(id)))
    message = step.message
  }
  expect([message, have.sort(), need.sort()]).toEqual([null, vector.have, vector.need])
}

interface ReceiptVector {
  entry: string | null
  delegations: string[]
  roots: Did[] | null
  revoked: Cid[]
  nowMs: number
  view?: unknown
}

async function replayReceipt({ valid, reason, hex, cid, view, ...vector }: Vector & ReceiptVector) {
  const opened = openReceipt(hexToBytes(hex!))
  const { entry, delegations, roots, revoked, nowMs } = vector
  const made = roots?.map((did, seq) => ({ did, seq })) ?? []
  const ended = revoked.map((delegation) => ({ delegation, log: null, lastSeq: 0, seq: 1, ts: 0 }))
  const verified = verifyReceipt(opened, {
    revocation: entry === null ? null : openEntry(hexToBytes(entry)),
    authority: roots && { root: roots.at(-1)!, roots: made, revoked: ended },
    lookup: byAddress(delegations),
    nowMs,
    ed25519: portableEd25519,
  })
  if (!valid) return expect(verified).rejects.toEqual(refusal(reason))
  await verified
  if (view !== undefined) expect([opened.receipt, opened.cid]).toEqual([view, cid])
}

interface LogVector {
  org: Did
  log: string
  mode: VerifyMode
  nowMs: number[]
  batches: string[][]
  delegations: string[]
  at?: number
  accepted: number
  state: LogState
  proof?: string
}

async function replayLog({ valid, reason, ...vector }: Vector & LogVector) {
  const accepted: OpenedEntry[] = []
  const delegations = byAddress(vector.delegations)
  const known = (seq: number) => {
    const found = accepted.find(({ entry }) => entry.seq === seq)
    return found ? toWire(found) : null
  }
  let state = newLogState(vector.org, vector.log)
  let problem: LogOutcome['problem']
  for (const [i, batch] of vector.batches.entries()) {
    const entries = batch.map((hex) => openEntry(hexToBytes(hex)))
    const options = { ed25519: portableEd25519, mode: vector.mode, nowMs: vector.nowMs[i]!, delegations, known }
    const outcome = await applyEntries(state, entries, options)
    accepted.push(...outcome.accepted)
    ;({ state, problem } = outcome)
  }
  expect(problem === undefined).toBe(valid)
  expect([problem?.code, problem?.at]).toEqual([reason, vector.at])
  expect(problem?.proof && bytesToHex(problem.proof.bytes)).toBe(vector.proof)
  expect(accepted).toHaveLength(vector.accepted)
  expect(state).toEqual(vector.state)
}

interface ProofVector {
  state: LogState
  delegations: string[]
  frozenAt: number
}

async function replayProof({ valid, reason, hex, cid, state, delegations, frozenAt }: Vector & ProofVector) {
  const options = { ed25519: portableEd25519, nowMs: 0, delegations: byAddress(delegations) }
  const frozen = verifyProof(hexToBytes(hex!), state, options)
  if (!valid) return expect(frozen).rejects.toEqual(refusal(reason))
  expect(await frozen).toEqual({ ...state, frozen: { seq: frozenAt, proof: cid } })
}

const byAddress = (wires: readonly string[]) => {
  const found = new Map(wires.map((hex) => [cidOf(hexToBytes(hex), 'object'), hexToBytes(hex)]))
  return (address: Cid) => found.get(address) ?? null
}

const refusal = (code: string | undefined) => expect.objectContaining({ name: MipError.name, code })

async function replayEvolution(vector: Vector & { log: string[]; view?: unknown; seq?: number; json: JsonView }) {
  const wires = vector.log.map(hexToBytes)
  const open = () => wires.map(openEntry)
  if (vector.seq === undefined) return expect(open).toThrow(refusal(vector.reason))
  const opened = open()
  const options = { ed25519: portableEd25519, nowMs: 0, delegations: () => null }
  const { state, problem } = await applyEntries(newLogState(opened[0]!.entry.org, 'main'), opened, options)
  expect([state.seq, problem?.code]).toEqual([vector.seq, vector.reason])
  expect([opened[1]!.cid, opened[1]!.entry]).toEqual([vector.cid, vector.view])
  // What is not understood is kept: the bytes that are served again are those that came.
  expect(toJsonView(decodeMipCbor(opened[1]!.bytes))).toEqual(vector.json)
  expect(toWire(opened[1]!)).toEqual(wires[1])
}

interface GossipVector {
  verdict: string
  nsid: string
  zeros?: number
  state?: LogState | null
  nowMs?: number
  delegations?: string[]
}

async function replayGossip({ hex, reason, verdict, nsid, zeros, state, nowMs, delegations }: Vector & GossipVector) {
  const data = zeros === undefined ? hexToBytes(hex!) : new Uint8Array(zeros)
  const followed = () => (state ? { state, nowMs: nowMs!, delegations: byAddress(delegations!) } : null)
  const judge = { ed25519: portableEd25519, ...(state !== undefined && { followed }) }
  const judged = await judgeEntryMessage(data, nsid, judge)
  expect([judged.verdict, judged.reason ?? undefined]).toEqual([verdict, reason])
}

async function replayArchive(vector: Vector & { org: Did; log: string; entries: Cid[]; objects: Cid[] }) {
  const found = { header: {}, entries: [] as Cid[], objects: [] as Cid[] }
  const read = async () => {
    for await (const item of readLogArchive(inOnePiece(hexToBytes(vector.hex!)))) {
      if (item.kind === 'header') found.header = { org: item.org, log: item.log, head: item.head }
      else if (item.kind === 'entry')
        found.entries.push(openEntry(toWire({ bytes: item.wire[0], signature: item.wire[1] })).cid)
      else found.objects.push(item.cid)
    }
  }
  const refused = expect.objectContaining({ name: LogArchiveError.name, reason: vector.reason })
  if (!vector.valid) return expect(read()).rejects.toEqual(refused)
  await read()
  const { org, log, entries, objects } = vector
  expect(found).toEqual({ header: { org, log, head: entries.at(-1) }, entries, objects })
}

async function* inOnePiece(bytes: Uint8Array) {
  yield bytes
}
