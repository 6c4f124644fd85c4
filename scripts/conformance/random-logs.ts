import { bytesToHex } from '@noble/hashes/utils.js'
import type { OpenedDelegation } from '../../protocol/core/delegation.ts'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import { proofOf } from '../../protocol/core/equivocation.ts'
import { newLogState } from '../../protocol/core/log-state.ts'
import { MipError } from '../../protocol/core/mip-error.ts'
import { toWire } from '../../protocol/core/signed.ts'
import type { Delegation } from '../../schemas/mip-delegation.ts'
import type { Entry } from '../../schemas/mip-entry.ts'
import {
  BODY,
  DAY_MS,
  Delegations,
  forged,
  LogWriter,
  type Person,
  person,
  START_MS,
} from '../../test/support/mip-log.ts'
import { answerQuestion } from './harness.ts'
import type { Asked } from './random-objects.ts'
import { chance, type Dice, pick } from './random-values.ts'

const ROOTS = [9, 10, 11, 12].map(person)
const EDGES = [6, 7, 8].map(person)
const THIEF = person(66)
const EVERYBODY = [...ROOTS, ...EDGES, THIEF]
const sub = ROOTS[0]!.did
const hexOf = (opened: Pick<OpenedEntry, 'bytes' | 'signature'>) => bytesToHex(toWire(opened))

/** Delegations of all sorts: of roots, of edges, narrower, wider, for other things, of other times. */
async function randomDelegations(dice: Dice): Promise<{ made: Delegations; all: OpenedDelegation[] }> {
  const made = new Delegations()
  const all: OpenedDelegation[] = []
  for (let i = 0; i < 8; i++) {
    const parent = all.length > 1 && chance(dice, 50) ? pick(dice, all) : null
    const honest = parent ? EDGES.find(({ did }) => did === parent.delegation.aud) : ROOTS[0]
    const from = chance(dice, 85) ? honest : pick(dice, ROOTS)
    const nbf = START_MS + (chance(dice, 80) ? 0 : (dice(5) - 2) * DAY_MS)
    const fields: Partial<Delegation> & Pick<Delegation, 'sub'> = {
      sub: chance(dice, 95) ? sub : THIEF.did,
      prf: parent?.address ?? null,
      cmd: chance(dice, 95) ? '/mip/log/append' : '/mip/serve',
      nbf,
      exp: nbf + (chance(dice, 90) ? 30 : 91) * DAY_MS,
      pol: chance(dice, 70) ? (parent?.delegation.pol ?? {}) : randomPolicy(dice),
    }
    all.push(await made.add(from ?? pick(dice, EVERYBODY), pick(dice, EDGES), fields))
  }
  return { made, all }
}

const randomPolicy = (dice: Dice): Delegation['pol'] => ({
  ...(chance(dice, 40) && { topics: pick(dice, [['travel'], ['travel', 'food'], []]) }),
  ...(chance(dice, 30) && { log: pick(dice, ['main', 'notes']) }),
  ...(chance(dice, 30) && { maxBytes: dice(100) }),
  ...(chance(dice, 20) && { kinds: ['text'] }),
})

/** One log, written by honest and other people, and what a follower is asked about it, batch by batch. */
export async function randomLog(dice: Dice): Promise<Asked[]> {
  const { made, all } = await randomDelegations(dice)
  const writer = new LogWriter(sub)
  const recovery = chance(dice, 60) ? { recovery: ROOTS[3]!.did } : {}
  await writer.add(ROOTS[0]!, { op: 'org.genesis', sum: { next: ROOTS[1]!.hash, ...recovery } })
  const asked: Asked[] = []
  let state: unknown = newLogState(sub, 'main')
  const known: string[] = []
  let nowMs = START_MS
  for (let batch = 0; batch < 6; batch++) {
    const entries = batch === 0 ? [writer.entries[0]!] : []
    for (let i = 0; i < 6; i++) entries.push(await randomEntry(dice, writer, all))
    const wires = entries.map((one) => hexOf(chance(dice, 3) ? forged(one) : one))
    if (chance(dice, 15)) wires.splice(dice(wires.length), 1)
    if (chance(dice, 5)) wires.splice(dice(wires.length), 0, '8240')
    nowMs += dice(4) * DAY_MS
    const common = { nowMs, delegations: [...made.wires.values()].slice(chance(dice, 5) ? 1 : 0).map(bytesToHex) }
    const question = { ...common, state, entries: wires, known: [...known], mode: pick(dice, ['strict', 'head']) }
    asked.push({ role: 'apply', question })
    const answer = (await answerQuestion('apply', question)) as {
      state: { seq: number; cid: string }
      accepted: number
    }
    const last = writer.entries.findIndex(({ cid }) => cid === answer.state.cid)
    if (last !== -1) writer.entries.length = last + 1
    state = answer.state
    known.splice(0, known.length, ...writer.entries.map(hexOf))
    const proof = chance(dice, 40) ? await randomProof(dice, writer, all) : null
    if (proof) asked.push({ role: 'verify', question: { ...common, kind: 'proof', hex: proof, state } })
  }
  asked.push(await randomUse(dice, made, all))
  return asked
}

async function randomEntry(dice: Dice, writer: LogWriter, all: readonly OpenedDelegation[]): Promise<OpenedEntry> {
  const { who, fields } = randomFields(dice, writer, all)
  if (chance(dice, 12)) return randomStray(dice, writer, who, fields)
  const opened = await writer.draft(who, fields)
  writer.entries.push(opened)
  return opened
}

/** Another entry at a place that is taken, or one that does not fit: gaps, branches, replays, resolutions. */
async function randomStray(dice: Dice, writer: LogWriter, who: Person, fields: Fields): Promise<OpenedEntry> {
  const way = dice(5)
  if (way === 0) return pick(dice, writer.entries)
  const parent = pick(dice, writer.entries)
  const place = { seq: parent.entry.seq + 1, prev: parent.cid }
  if (way === 1) return writer.draft(who, { ...fields, ...place, ...survivorOf(fields, parent) })
  if (way === 2) return writer.draft(who, { ...fields, seq: place.seq + 1 + dice(3) })
  const epoch = parent.entry.epoch + 1
  const resolve = { op: 'log.resolve', epoch, sum: { survivor: parent.cid } }
  const seq = chance(dice, 80) ? place.seq : Math.max(1, place.seq - 1)
  return writer.draft(pick(dice, ROOTS), { ...resolve, ...place, seq })
}

const survivorOf = (fields: Fields, parent: OpenedEntry) =>
  fields.op === 'log.resolve' ? { sum: { survivor: parent.cid } } : {}

type Fields = Partial<Entry> & Pick<Entry, 'op'>

function randomFields(
  dice: Dice,
  writer: LogWriter,
  all: readonly OpenedDelegation[],
): { who: Person; fields: Fields } {
  const root = rootOf(writer)
  const kind = dice(100)
  const late = { ts: START_MS + writer.entries.length * 1000 + (chance(dice, 10) ? 60 * DAY_MS : 0) }
  const { address, delegation } = chance(dice, 85) ? likely(dice, writer, all) : pick(dice, all)
  if (kind < 12)
    return { who: root, fields: { ...late, op: 'org.delegate', body: address, sum: { delegation: address } } }
  if (kind < 18)
    return {
      who: root,
      fields: {
        op: 'org.revoke-key',
        sum: {
          delegation: address,
          lastSeq: dice(writer.entries.length + 2) - 1,
          log: pick(dice, ['main', 'notes', null, null]),
        },
      },
    }
  if (kind < 24) return { who: chance(dice, 80) ? root : pick(dice, ROOTS), fields: rotation(dice) }
  if (kind < 27)
    return { who: root, fields: { op: 'org.replicas', sum: { urls: ['https://m.example.org'], addrs: [] } } }
  if (kind < 30) return { who: root, fields: { op: pick(dice, ['cube.praise', 'org.party', 'log.other']) } }
  const op = { op: 'cube.publish', body: BODY, sum: randomSum(dice), ...(chance(dice, 4) && { crit: ['escrow'] }) }
  if (kind < 45) return { who: chance(dice, 80) ? root : pick(dice, EVERYBODY), fields: op }
  const owner = EDGES.find(({ did }) => did === delegation.aud)
  return { who: chance(dice, 90) && owner ? owner : pick(dice, EVERYBODY), fields: { ...op, ...late, dlg: address } }
}

/** A delegation that the log has probably let in. */
function likely(dice: Dice, writer: LogWriter, all: readonly OpenedDelegation[]): OpenedDelegation {
  const named = new Set(
    writer.entries.filter(({ entry }) => entry.op === 'org.delegate').map(({ entry }) => entry.body),
  )
  const isIn = (one: OpenedDelegation | undefined): boolean =>
    one !== undefined && (named.has(one.address) || isIn(all.find(({ address }) => address === one.delegation.prf)))
  const usable = all.filter(isIn)
  return pick(dice, usable.length > 0 ? usable : all)
}

const rotation = (dice: Dice): Fields => ({
  op: 'org.rotate',
  sum: {
    root: (chance(dice, 70) ? ROOTS[1]! : pick(dice, ROOTS)).did,
    next: (chance(dice, 60) ? ROOTS[1]! : pick(dice, ROOTS)).hash,
    ...(chance(dice, 30) && { recovery: pick(dice, ROOTS).did }),
  },
})

const randomSum = (dice: Dice): Entry['sum'] => ({
  ...(chance(dice, 80) && { topics: pick(dice, [['travel'], ['food'], ['travel', 'food'], []]) }),
  ...(chance(dice, 60) && { size: dice(120) }),
  ...(chance(dice, 60) && { kinds: pick(dice, [['text'], ['kv'], []]) }),
})

/** Who is probably the root now: the writer does not check. */
function rootOf(writer: LogWriter): Person {
  const rotations = writer.entries.filter(({ entry }) => entry.op === 'org.rotate')
  const did = (rotations.at(-1)?.entry.sum as { root?: string } | undefined)?.root ?? sub
  return ROOTS.find((one) => one.did === did) ?? ROOTS[0]!
}

async function randomProof(dice: Dice, writer: LogWriter, all: readonly OpenedDelegation[]): Promise<string | null> {
  const one = pick(dice, writer.entries)
  const { seq, prev, epoch } = one.entry
  if (prev === null) return null
  const { who, fields } = randomFields(dice, writer, all)
  const parent = writer.entries.find(({ cid }) => cid === prev)
  const other = await writer.draft(who, { ...fields, seq, prev, epoch, ...(parent && survivorOf(fields, parent)) })
  try {
    return bytesToHex(proofOf(one, chance(dice, 10) ? forged(other) : other).bytes)
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}

async function randomUse(dice: Dice, made: Delegations, all: readonly OpenedDelegation[]): Promise<Asked> {
  const { address, delegation } = pick(dice, all)
  return {
    role: 'verify',
    question: {
      kind: 'delegation',
      address,
      wires: [...made.wires.values()].map(bytesToHex),
      org: sub,
      cmd: chance(dice, 90) ? '/mip/log/append' : '/mip/serve',
      aud: chance(dice, 90) ? delegation.aud : THIEF.did,
      atMs: START_MS + dice(40) * DAY_MS,
      roots: ROOTS.slice(0, 1 + dice(4)).map(({ did }) => did),
      revoked: chance(dice, 20) ? [pick(dice, all).address] : [],
    },
  }
}
