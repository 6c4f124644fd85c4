import { bytesToHex } from '@noble/hashes/utils.js'
import { cidOf } from '../../../protocol/core/cid.ts'
import { portableEd25519 } from '../../../protocol/core/ed25519-rule.ts'
import type { OpenedEntry } from '../../../protocol/core/entry.ts'
import { type GossipReason, type GossipVerdict, judgeEntryMessage } from '../../../protocol/core/gossip-message.ts'
import { applyEntries } from '../../../protocol/core/log-apply.ts'
import { type LogState, newLogState } from '../../../protocol/core/log-state.ts'
import { encodeMipCbor, type MipValue } from '../../../protocol/core/mip-cbor.ts'
import { MIP_GOSSIP_AHEAD_MAX } from '../../../schemas/limits-mip.ts'
import { DAY_MS, Delegations, forged, LogWriter, person, START_MS } from '../../support/mip-log.ts'

const ROOT = person(9)
const NEXT = person(10)
const EDGE = person(8)
const HELPER = person(7)
const THIEF = person(66)
const NSID = 'org.memos.notes'
const BODY_BYTES = encodeMipCbor({ v: 1, text: 'what a follower would have to fetch' })
const publish = { op: 'cube.publish', body: cidOf(BODY_BYTES, 'object'), sum: { topics: [NSID, 'org.memos.other'] } }
const pair = ({ bytes, signature }: Pick<OpenedEntry, 'bytes' | 'signature'>): MipValue[] => [bytes, signature]

interface Case {
  title: string
  verdict: GossipVerdict
  reason?: GossipReason
  data: Uint8Array
  /** What the log is known as; null where it is not followed, left out where no logs are kept. */
  state?: LogState | null
  /** The message is this many zero bytes; written as a number, not as `hex`. */
  zeros?: number
}

/** Messages of a topic, and what a validator says of each. @throws Error when this implementation says something else. */
export async function gossipVectors() {
  const made = new Delegations()
  const cases = await gossipCases(made)
  const delegations = [...made.wires.values()].map(bytesToHex)
  return Promise.all(
    cases.map(async ({ title, verdict, reason, data, state, zeros }) => {
      const followed = () => state && { state, nowMs: START_MS, delegations: made.lookup }
      const judge = state === undefined ? {} : { followed: () => followed() ?? null }
      const judged = await judgeEntryMessage(data, NSID, { ed25519: portableEd25519, ...judge })
      if (judged.verdict !== verdict || (judged.reason ?? undefined) !== reason)
        throw new Error(`${title}: ${judged.verdict}, ${judged.reason}`)
      const message = zeros === undefined ? { hex: bytesToHex(data) } : { zeros }
      const known = state === undefined ? {} : { state, nowMs: START_MS, delegations: state ? delegations : [] }
      return {
        title,
        valid: verdict === 'accept',
        verdict,
        ...(reason && { reason }),
        nsid: NSID,
        ...message,
        ...known,
      }
    }),
  )
}

async function gossipCases(made: Delegations): Promise<Case[]> {
  const sub = ROOT.did
  const { address: dlg } = await made.add(ROOT, EDGE, { sub })
  const { address: other } = await made.add(ROOT, HELPER, { sub })
  const writer = new LogWriter(sub)
  await writer.add(ROOT, { op: 'org.genesis', sum: { next: NEXT.hash } })
  await writer.add(ROOT, { op: 'org.delegate', body: dlg, sum: { delegation: dlg } })
  for (let i = 0; i < 3; i++) await writer.add(EDGE, { ...publish, dlg })
  const state = await stateOf(writer.entries, made)
  const next = await writer.draft(EDGE, { ...publish, dlg })
  const message = encodeMipCbor(pair(next))
  const draft = async (fields: object, signer = EDGE) =>
    encodeMipCbor(pair(await writer.draft(signer, { ...publish, dlg, ...fields })))
  const seq = state.seq + 1
  const accept = (title: string, data: Uint8Array, more: Partial<Case> = {}): Case => ({
    ...{ title, verdict: 'accept', data, state },
    ...more,
  })
  const refused =
    (verdict: 'ignore' | 'reject') =>
    (reason: GossipReason, title: string, data: Uint8Array, more = {}) => ({
      ...{ title, verdict, reason, data, state },
      ...more,
    })
  const [ignore, reject] = [refused('ignore'), refused('reject')]
  const signatureOf64 = new Uint8Array(64)
  return [
    accept('the next entry', message),
    accept('the next entry with its body', encodeMipCbor([...pair(next), BODY_BYTES])),
    accept('a few places ahead', await draft({ seq: seq + 3, prev: next.cid })),
    accept('as far ahead as is passed on', await draft({ seq: state.seq + MIP_GOSSIP_AHEAD_MAX, prev: next.cid })),
    accept('where no logs are kept', message, { state: undefined as never }),
    accept('of any key, where no logs are kept', await draft({ key: THIEF.did }, THIEF), { state: undefined as never }),
    ...forms(next, reject),
    reject('too_large', 'more than 64 KiB', new Uint8Array(65_537), { zeros: 65_537 }),
    reject(
      'invalid_entry',
      'an entry of another shape',
      encodeMipCbor([encodeMipCbor({ v: 1, sum: {} }), signatureOf64]),
    ),
    reject('too_large', 'an entry of more than 4 KiB', encodeMipCbor([new Uint8Array(4097), signatureOf64])),
    reject('wrong_body', 'a body that is not what the entry names', encodeMipCbor([...pair(next), message])),
    reject('wrong_topic', 'an entry of other topics', await draft({ sum: { topics: ['org.memos.other'] } })),
    reject('wrong_topic', 'an entry without topics', await draft({ sum: {} })),
    reject(
      'wrong_topic',
      'an operation that has no topics',
      encodeMipCbor(pair(await writer.draft(ROOT, { op: 'org.replicas', sum: { urls: [], addrs: [] } }))),
    ),
    reject('bad_signature', 'an entry that its key did not sign', encodeMipCbor(pair(forged(next)))),
    reject('bad_signature', 'the same where no logs are kept', encodeMipCbor(pair(forged(next))), { state: undefined }),
    ignore('not_followed', 'a log that is not followed', message, { state: null }),
    ignore('not_followed', 'a forged entry of a log that is not followed', encodeMipCbor(pair(forged(next))), {
      state: null,
    }),
    ignore('old', 'the last entry again', encodeMipCbor(pair(writer.entries.at(-1)!))),
    ignore(
      'old',
      'another entry at a place that is taken',
      await draft({ seq: state.seq, prev: writer.entries[2]!.cid }),
    ),
    ignore('old', 'an epoch that is closed', message, { state: { ...state, epoch: 1 } }),
    ignore('far_ahead', 'one place too far ahead', await draft({ seq: seq + MIP_GOSSIP_AHEAD_MAX, prev: next.cid })),
    ignore('far_ahead', 'an epoch that was not read', await draft({ epoch: 1 })),
    ignore('fork', 'the next place after another entry', await draft({ prev: writer.entries[1]!.cid })),
    ignore('frozen', 'a log that is frozen', message, { state: { ...state, frozen: { seq, proof: next.cid } } }),
    ignore('held', 'a critical name that nobody knows', await draft({ crit: ['escrow'] })),
    ignore('unknown_key', 'neither root nor delegated', await draft({ dlg: null, key: THIEF.did }, THIEF)),
    ignore('unknown_key', 'a delegation that the log does not name', await draft({ dlg: other }, HELPER)),
    ignore('delegation_broken', 'the delegation of another key', await draft({ key: THIEF.did }, THIEF)),
    ignore('delegation_missing', 'a delegation that is not at hand', await draft({ dlg: next.cid })),
    ignore('delegation_expired', 'a delegation that has ended', await draft({ ts: START_MS + 100 * DAY_MS })),
    ignore('no_authority', 'ahead of a log of which nothing was read', message, { state: newLogState(sub, 'main') }),
  ]
}

function forms(next: OpenedEntry, reject: (reason: GossipReason, title: string, data: Uint8Array) => Case): Case[] {
  const cases: [title: string, data: Uint8Array][] = [
    ['no bytes', new Uint8Array()],
    ['no MIP-CBOR', Uint8Array.of(0xff)],
    ['one byte too many', Uint8Array.of(...encodeMipCbor(pair(next)), 0)],
    ['a map', encodeMipCbor({ entry: next.bytes, sig: next.signature })],
    ['an entry without its signature', encodeMipCbor([next.bytes])],
    ['four parts', encodeMipCbor([...pair(next), BODY_BYTES, BODY_BYTES])],
    ['a short signature', encodeMipCbor([next.bytes, next.signature.subarray(1)])],
    ['text for the entry', encodeMipCbor(['entry', next.signature])],
    ['a body that is no bytes', encodeMipCbor([...pair(next), null])],
    ['an entry that is no MIP-CBOR', encodeMipCbor([Uint8Array.of(0xff), next.signature])],
  ]
  return cases.map(([title, data]) => reject('not_canonical', title, data))
}

async function stateOf(entries: readonly OpenedEntry[], made: Delegations): Promise<LogState> {
  const options = { ed25519: portableEd25519, nowMs: START_MS, delegations: made.lookup }
  const { state, problem } = await applyEntries(newLogState(ROOT.did, 'main'), entries, options)
  if (problem) throw new Error(problem.code)
  return state
}
