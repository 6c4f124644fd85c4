import { bytesToHex } from '@noble/hashes/utils.js'
import { portableEd25519 } from '../../../protocol/core/ed25519-rule.ts'
import type { OpenedEntry } from '../../../protocol/core/entry.ts'
import { proofOf } from '../../../protocol/core/equivocation.ts'
import { keyOfDid, peerIdOfKey } from '../../../protocol/core/keys.ts'
import { applyEntries, type VerifyMode } from '../../../protocol/core/log-apply.ts'
import { newLogState } from '../../../protocol/core/log-state.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import { MIP_ROTATION_CONTEST_MS_MAX } from '../../../schemas/limits-mip.ts'
import type { Delegation } from '../../../schemas/mip-delegation.ts'
import { DAY_MS, Delegations, forged, LogWriter, type Person, person, START_MS } from '../../support/mip-log.ts'

const ROOT = person(9)
const NEXT = person(10)
const LATER = person(11)
const RECOVERY = person(12)
const EDGE = person(8)
const HELPER = person(7)
const ROBOT = person(6)
const THIEF = person(66)
const sub = ROOT.did
const publish = { op: 'cube.publish', sum: { topics: ['travel'] } }
const hexOf = (opened: Pick<OpenedEntry, 'bytes' | 'signature'>) => bytesToHex(toWire(opened))

/** Chains from the leaf's `address` among `wires`, used by `aud` at `atMs` for `cmd`. */
export async function delegationVectors() {
  const made = new Delegations()
  const first = await made.add(ROOT, EDGE, { sub, pol: { topics: ['a', 'b'], maxBytes: 100 } })
  const pol = { topics: ['a'], maxBytes: 100 }
  const second = await made.add(EDGE, HELPER, { sub, prf: first.address, pol })
  const third = await made.add(HELPER, ROBOT, { sub, prf: second.address, pol: { ...pol, log: 'notes' } })
  const fourth = await made.add(ROBOT, THIEF, { sub, prf: third.address, pol: third.delegation.pol })
  const stolen = await made.add(THIEF, HELPER, { sub, prf: first.address, pol })
  const lie = await made.add(THIEF, HELPER, { sub, prf: first.address, pol, iss: EDGE.did })
  const use = { org: sub, cmd: '/mip/log/append', atMs: START_MS + DAY_MS, roots: [sub], revoked: [] as string[] }
  const wires = [...made.wires.values()].map(bytesToHex)
  const of = (address: string, aud: string, more: object = {}) => ({ address, wires, ...use, aud, ...more })
  const children: [title: string, reason: string, change: Partial<Delegation>][] = [
    ['more topics than it has', 'delegation_widened', { pol: { topics: ['a', 'c'], maxBytes: 100 } }],
    ['no topics named', 'delegation_widened', { pol: { maxBytes: 100 } }],
    ['more bytes than it has', 'delegation_widened', { pol: { topics: ['a'], maxBytes: 101 } }],
    ['longer than it has', 'delegation_widened', { exp: START_MS + 30 * DAY_MS + 1 }],
    ['earlier than it has', 'delegation_widened', { nbf: START_MS - 1 }],
    ['for more than 90 days', 'delegation_too_long', { exp: START_MS + 90 * DAY_MS + 1 }],
    ['another organisation', 'wrong_org', { sub: THIEF.did }],
    ['another command', 'delegation_wrong_command', { cmd: '/mip/serve' }],
  ]
  const widened = children.map(async ([title, reason, change]) => {
    const one = new Delegations()
    const child = await one.add(EDGE, HELPER, { sub, prf: first.address, pol, ...change })
    const both = [hexOf(first), hexOf(child)]
    return { title: `passes on ${title}`, valid: false, reason, ...of(child.address, HELPER.did), wires: both }
  })
  const refused = (title: string, reason: string, vector: object) => ({ title, valid: false, reason, ...vector })
  const node = await made.add(ROOT, EDGE, { sub, cmd: '/mip/serve', exp: START_MS + 60 * DAY_MS })
  const lent = await made.add(EDGE, HELPER, { sub, cmd: '/mip/serve', prf: node.address })
  const shown = (address: string, by: Person, more: object = {}) => ({
    ...of(address, by.did, { cmd: '/mip/serve', ...more }),
    wires: [hexOf(node), hexOf(lent)],
    peerId: peerIdOfKey(keyOfDid(by.did)),
  })
  const late = { atMs: START_MS + 31 * DAY_MS }
  return [
    { title: 'from the root', valid: true, ...of(first.address, EDGE.did) },
    { title: 'passed on twice', valid: true, ...of(third.address, ROBOT.did) },
    refused('passed on three times', 'delegation_too_deep', of(fourth.address, THIEF.did)),
    refused('used by another key', 'delegation_broken', of(second.address, THIEF.did)),
    refused('passed on by another key', 'delegation_broken', of(stolen.address, HELPER.did)),
    refused('signed by another key than it says', 'bad_signature', of(lie.address, HELPER.did)),
    refused('used for something else', 'delegation_wrong_command', of(first.address, EDGE.did, { cmd: '/mip/serve' })),
    refused('used too late', 'delegation_expired', of(first.address, EDGE.did, late)),
    refused('used too early', 'delegation_early', of(first.address, EDGE.did, { atMs: START_MS - DAY_MS })),
    refused('of another root', 'unknown_key', of(first.address, EDGE.did, { roots: [NEXT.did] })),
    refused('revoked above', 'key_revoked', of(second.address, HELPER.did, { revoked: [first.address] })),
    refused('without its proof', 'delegation_missing', { ...of(second.address, HELPER.did), wires: [hexOf(second)] }),
    { title: 'in the hello of the node that it names', valid: true, ...shown(node.address, EDGE) },
    { title: 'in the hello of a node that it was passed on to', valid: true, ...shown(lent.address, HELPER) },
    refused('in the hello of another peer', 'delegation_broken', shown(node.address, THIEF)),
    refused('in a hello after the root has rotated', 'unknown_key', shown(node.address, EDGE, { roots: [NEXT.did] })),
    refused('in a hello after it was revoked', 'key_revoked', shown(node.address, EDGE, { revoked: [node.address] })),
    refused('to publish, in a hello', 'delegation_wrong_command', {
      ...shown(first.address, EDGE),
      wires: [hexOf(first)],
    }),
    ...(await Promise.all(widened)),
  ]
}

interface LogCase {
  title: string
  batches: OpenedEntry[][]
  mode?: VerifyMode
  nowMs?: number[]
}

/** Logs as batches, and what a follower knows after the last of them. */
export async function logVectors() {
  const made = new Delegations()
  const grant = await made.add(ROOT, EDGE, { sub })
  const cases = [...(await orderCases(made, grant.address)), ...(await keyCases(made, grant.address))]
  const delegations = [...made.wires.values()].map(bytesToHex)
  return Promise.all(
    cases.map(async ({ title, batches, mode = 'strict', nowMs = [] }) => {
      let state = newLogState(sub, 'main')
      const accepted: OpenedEntry[] = []
      let problem: Awaited<ReturnType<typeof applyEntries>>['problem']
      const clocks = batches.map((_, i) => nowMs[i] ?? START_MS)
      for (const [i, batch] of batches.entries()) {
        const known = (seq: number) => {
          const found = accepted.find(({ entry }) => entry.seq === seq)
          return found ? toWire(found) : null
        }
        const options = { ed25519: portableEd25519, mode, nowMs: clocks[i]!, delegations: made.lookup, known }
        const outcome = await applyEntries(state, batch, options)
        state = outcome.state
        problem = outcome.problem
        accepted.push(...outcome.accepted)
      }
      const refusal = problem ? { reason: problem.code, at: problem.at } : {}
      const proof = problem?.proof ? { proof: bytesToHex(problem.proof.bytes) } : {}
      const input = { org: sub, log: 'main', mode, nowMs: clocks, batches: batches.map((batch) => batch.map(hexOf)) }
      const expected = { accepted: accepted.length, state }
      return { title, valid: problem === undefined, ...refusal, ...input, delegations, ...expected, ...proof }
    }),
  )
}

type Grant = Parameters<LogWriter['delegate']>[1]['address']

async function startedLog(made: Delegations, dlg: Grant, count: number, sum: object = {}) {
  const writer = new LogWriter(sub)
  await writer.add(ROOT, { op: 'org.genesis', sum: { next: NEXT.hash, ...sum } })
  await writer.add(ROOT, { op: 'org.delegate', body: dlg, sum: { delegation: dlg } })
  for (let i = 0; i < count; i++) await writer.add(EDGE, { ...publish, dlg })
  if (!made.lookup(dlg)) throw new Error('the delegation is not there')
  return writer
}

async function orderCases(made: Delegations, dlg: Grant): Promise<LogCase[]> {
  const { entries } = await startedLog(made, dlg, 3)
  const writer = await startedLog(made, dlg, 3)
  const twin = await writer.draft(EDGE, { ...publish, dlg, seq: 3, prev: entries[2]!.cid, ts: START_MS })
  const resolve = (survivor: OpenedEntry) => {
    const { seq } = survivor.entry
    const place = { epoch: 1, seq: seq + 1, prev: survivor.cid }
    return writer.draft(ROOT, { op: 'log.resolve', ...place, sum: { survivor: survivor.cid } })
  }
  const ours = await resolve(entries[4]!)
  const theirs = await resolve(twin)
  const survivor = entries[4]!.cid
  const again = await writer.draft(ROOT, { op: 'log.resolve', epoch: 1, seq: 4, prev: survivor, sum: { survivor } })
  const unknown = await writer.draft(EDGE, { op: 'cube.praise', dlg })
  const critical = await writer.draft(EDGE, { ...publish, dlg, crit: ['escrow'] })
  const skewed = await startedLog(made, dlg, 0)
  for (const days of [1, -1, 2]) await skewed.add(EDGE, { ...publish, dlg, ts: START_MS + (2 + days) * DAY_MS })
  return [
    { title: 'genesis, a delegation, three publications', batches: [entries] },
    { title: 'the same, verified by the signatures of heads', batches: [entries], mode: 'head' },
    { title: 'one entry at a time', batches: entries.map((one) => [one]) },
    { title: 'everything twice', batches: [entries, entries] },
    { title: 'clocks that are a day off', batches: [skewed.entries] },
    { title: 'an operation that nobody knows', batches: [[...entries, unknown]] },
    { title: 'a critical name that nobody knows', batches: [[...entries, critical]] },
    { title: 'a missing entry', batches: [entries.toSpliced(3, 1)] },
    { title: 'no genesis', batches: [entries.slice(1)] },
    { title: 'an entry that its key did not sign', batches: [entries.with(3, forged(entries[3]!))] },
    {
      title: 'the last of a batch forged, by the signatures of heads',
      batches: [entries.with(4, forged(entries[4]!))],
      mode: 'head',
    },
    {
      title: 'another branch, without the entry where it parts',
      batches: [[...entries.slice(0, 3), await writer.draft(EDGE, { ...publish, dlg, seq: 3, prev: entries[0]!.cid })]],
    },
    { title: 'two entries at one place', batches: [entries, [twin]] },
    { title: 'two entries at one place in one batch', batches: [[...entries, twin]] },
    { title: 'a forged entry at a place that is taken', batches: [entries, [forged(twin)]] },
    {
      title: 'a fork, then more of the branch that was read',
      batches: [entries, [twin], [await writer.draft(EDGE, { ...publish, dlg })]],
    },
    { title: 'a fork, resolved for the branch that was read', batches: [entries, [twin], [ours]] },
    { title: 'a fork, resolved for the other branch', batches: [entries, [twin], [theirs]] },
    {
      title: 'the other branch and its resolution, read from the start',
      batches: [[...entries.slice(0, 3), twin, theirs]],
    },
    { title: 'a proof about an epoch that is closed', batches: [entries, [ours], [twin]] },
    { title: 'a resolution at a place that is taken', batches: [entries, [twin], [again]] },
  ]
}

async function keyCases(made: Delegations, dlg: Grant): Promise<LogCase[]> {
  const rotation = (to = NEXT, then = LATER) => ({ op: 'org.rotate', sum: { root: to.did, next: then.hash } })
  const rotated = await startedLog(made, dlg, 1)
  await rotated.add(ROOT, rotation())
  await rotated.add(EDGE, { ...publish, dlg })
  await rotated.add(NEXT, publish)
  const oldRoot = await rotated.draft(ROOT, publish)
  const stolenRoot = await startedLog(made, dlg, 0)
  await stolenRoot.add(ROOT, rotation(THIEF, THIEF))
  const contested = await startedLog(made, dlg, 0, { recovery: RECOVERY.did })
  await contested.add(ROOT, rotation())
  const rescue = await contested.draft(RECOVERY, rotation(person(77), person(78)))
  const revoked = await startedLog(made, dlg, 2)
  await revoked.add(ROOT, { op: 'org.revoke-key', sum: { delegation: dlg, lastSeq: 2, log: 'main' } })
  const afterwards = await revoked.draft(EDGE, { ...publish, dlg })
  const { entries } = await startedLog(made, dlg, 0)
  const writer = await startedLog(made, dlg, 0)
  const unnamed = await made.add(ROOT, EDGE, { sub, pol: { maxBytes: 9 } })
  const passedOn = await made.add(EDGE, HELPER, { sub, prf: dlg, pol: { topics: ['travel'] } })
  const one = async (who: typeof ROOT, fields: Parameters<LogWriter['add']>[1]) => [
    [...entries, await writer.draft(who, fields)],
  ]
  const day3 = START_MS + MIP_ROTATION_CONTEST_MS_MAX
  return [
    { title: 'a rotation to the key that was committed to', batches: [rotated.entries] },
    { title: 'the root of before a rotation', batches: [[...rotated.entries, oldRoot]] },
    { title: 'a rotation to another key than was committed to', batches: [stolenRoot.entries] },
    {
      title: 'a rotation that the recovery key takes back',
      batches: [contested.entries, [rescue]],
      nowMs: [START_MS, day3],
    },
    {
      title: 'a rotation that the recovery key takes back too late',
      batches: [contested.entries, [rescue]],
      nowMs: [START_MS, day3 + 1],
    },
    { title: 'a revoked key, up to the revocation', batches: [revoked.entries] },
    { title: 'a revoked key, after the last seq', batches: [[...revoked.entries, afterwards]] },
    { title: 'a key that nobody has let in', batches: await one(THIEF, publish) },
    { title: 'a delegation to another key', batches: await one(THIEF, { ...publish, dlg }) },
    {
      title: 'a delegation that the log does not name',
      batches: await one(EDGE, { ...publish, dlg: unnamed.address }),
    },
    {
      title: 'a delegation that has expired',
      batches: await one(EDGE, { ...publish, dlg, ts: START_MS + 31 * DAY_MS }),
    },
    {
      title: 'an operation of the root by a delegated key',
      batches: await one(EDGE, { op: 'org.replicas', dlg, sum: { urls: [], addrs: [] } }),
    },
    { title: 'a right that was passed on', batches: await one(HELPER, { ...publish, dlg: passedOn.address }) },
    {
      title: 'a topic beyond a right that was passed on',
      batches: await one(HELPER, { op: 'cube.publish', dlg: passedOn.address, sum: { topics: ['food'] } }),
    },
  ]
}

/** Proofs, judged by a follower who knows the log up to `state`. */
export async function proofVectors() {
  const made = new Delegations()
  const { address: dlg } = await made.add(ROOT, EDGE, { sub })
  const writer = await startedLog(made, dlg, 1)
  const { entries } = writer
  const options = { ed25519: portableEd25519, nowMs: START_MS, delegations: made.lookup }
  const { state } = await applyEntries(newLogState(sub, 'main'), entries, options)
  const a = await writer.draft(EDGE, { ...publish, dlg })
  const b = await writer.draft(EDGE, { ...publish, dlg, ts: START_MS })
  const thief = await writer.draft(THIEF, publish)
  const common = { state, delegations: [...made.wires.values()].map(bytesToHex) }
  const proof = proofOf(a, b)
  const hex = bytesToHex(proof.bytes)
  const of = (x: OpenedEntry, y: OpenedEntry) => bytesToHex(proofOf(x, y).bytes)
  return [
    { title: 'two publications at one place', valid: true, hex, cid: proof.cid, frozenAt: 3, ...common },
    { title: 'one of them forged', valid: false, reason: 'bad_signature', hex: of(forged(a), b), ...common },
    {
      title: 'one of them by a key that nobody has let in',
      valid: false,
      reason: 'unknown_key',
      hex: of(a, thief),
      ...common,
    },
    {
      title: 'of another organisation',
      valid: false,
      reason: 'wrong_org',
      hex,
      ...common,
      state: newLogState(THIEF.did, 'main'),
    },
    { title: 'of another log', valid: false, reason: 'wrong_log', hex, ...common, state: newLogState(sub, 'notes') },
    { title: 'cut short', valid: false, reason: 'not_canonical', hex: hex.slice(0, -2), ...common },
  ]
}
