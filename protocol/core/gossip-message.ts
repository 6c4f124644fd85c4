import type { Cid } from '../../schemas/cid.ts'
import { MIP_GOSSIP_AHEAD_MAX, MIP_GOSSIP_MESSAGE_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { cidOf } from './cid.ts'
import type { Ed25519 } from './ed25519-rule.ts'
import { argumentsOf, type OpenedEntry, openEntryParts } from './entry.ts'
import { keyOfDid } from './keys.ts'
import { type Check, type LogInput, LogRules } from './log-rules.ts'
import type { LogState } from './log-state.ts'
import { decodeMipCbor, type MipValue } from './mip-cbor.ts'
import { MipError, type MipReason } from './mip-error.ts'
import { signingInput } from './signed.ts'

/** What becomes of a message: passed on and delivered; dropped; dropped, and held against the peer that sent it. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** Why a message was not accepted. */
export type GossipReason =
  | MipReason
  | 'wrong_topic' // the entry does not name the topic that it came in
  | 'wrong_body' // the body is not what the entry names
  | 'not_followed' // of a log that nothing is kept of here
  | 'old' // its place in the log is taken
  | 'far_ahead' // too far beyond the end of the log, as it is known here

/** A log as it is known here, and what judging its entries takes. */
export interface FollowedLog extends LogInput {
  state: LogState
}

export interface EntryJudge {
  ed25519: Ed25519
  /** What is known of a log; null for one that is not followed. Left out where no logs are kept: form and signature decide. */
  followed?: (org: string, log: string) => FollowedLog | null
}

/** An entry out of a message, with its body where that came along. Form and topic are right, signatures were not looked at. */
export interface OpenedMessage {
  opened: OpenedEntry
  body: Uint8Array | null
}

/** What a judge says; `message` is there once it could be read. */
export interface JudgedEntry {
  verdict: GossipVerdict
  reason: GossipReason | null
  message: OpenedMessage | null
}

/**
 * Judges a message of the topic of `nsid` (MIP 4.4, topics). Never throws, whatever came; nothing is verified twice. Rejected is what is wrong
 * whatever the log looks like.
 */
export async function judgeEntryMessage(data: Uint8Array, nsid: string, judge: EntryJudge): Promise<JudgedEntry> {
  let message: OpenedMessage
  try {
    message = openEntryMessage(data)
  } catch (error) {
    if (error instanceof WrongBody) return { verdict: 'reject', reason: 'wrong_body', message: null }
    if (error instanceof MipError) return { verdict: 'reject', reason: error.code, message: null }
    throw error
  }
  const { opened } = message
  const said = (verdict: GossipVerdict, reason: GossipReason | null): JudgedEntry => ({ verdict, reason, message })
  if (!argumentsOf(opened.entry, 'cube.publish')?.topics?.includes(nsid)) return said('reject', 'wrong_topic')
  const log = judge.followed?.(opened.entry.org, opened.entry.log)
  if (log === null) return said('ignore', 'not_followed')
  const early = log && placeFault(log.state, opened)
  if (early) return said('ignore', early)
  const key = keyFrom(opened.entry.key)
  if (!key) return said('reject', 'invalid_key')
  const own: Check = { domain: 'entry', signed: opened, key }
  if (!(await holds(own, judge.ed25519))) return said('reject', 'bad_signature')
  if (!log) return said('accept', null)
  const checks = checksOf(log, opened)
  if (typeof checks === 'string') return said('ignore', checks)
  for (const check of checks)
    if (check.signed !== opened && !(await holds(check, judge.ed25519))) return said('ignore', 'bad_signature')
  return said('accept', null)
}

class WrongBody extends Error {}

/** @throws MipError `too_large`, `not_canonical`, `invalid_entry`, and WrongBody. */
function openEntryMessage(data: Uint8Array): OpenedMessage {
  if (data.length > MIP_GOSSIP_MESSAGE_BYTES_MAX) throw new MipError('too_large')
  const [bytes, signature, body] = partsOf(data)
  const opened = openEntryParts(bytes as Uint8Array, signature as Uint8Array)
  if (body === undefined) return { opened, body: null }
  if (!(body instanceof Uint8Array)) throw new MipError('not_canonical')
  if (cidOf(body, 'object') !== (opened.entry.body as Cid | null)) throw new WrongBody()
  return { opened, body }
}

function partsOf(data: Uint8Array): MipValue[] {
  let parts: MipValue
  try {
    parts = decodeMipCbor(data)
  } catch (cause) {
    throw new MipError('not_canonical', '', { cause })
  }
  if (!Array.isArray(parts) || parts.length < 2 || parts.length > 3) throw new MipError('not_canonical')
  return parts
}

/** What the place of an entry says before anything is verified. */
function placeFault(state: LogState, { entry }: OpenedEntry): GossipReason | null {
  if (entry.epoch < state.epoch || (entry.epoch === state.epoch && entry.seq <= state.seq)) return 'old'
  if (entry.epoch > state.epoch || entry.seq > state.seq + MIP_GOSSIP_AHEAD_MAX) return 'far_ahead'
  return null
}

/** The next entry has to follow; of one a little ahead, whose way here is only longer, the key has to be one of the log. */
function checksOf({ state, ...input }: FollowedLog, opened: OpenedEntry): readonly Check[] | MipReason {
  const rules = new LogRules(input)
  if (opened.entry.seq > state.seq + 1) return state.frozen ? 'frozen' : rules.authorise(state, opened, false)
  const judged = rules.judge(state, opened)
  if (judged.kind === 'apply') return judged.checks
  return judged.kind === 'stop' ? judged.code : 'fork'
}

function keyFrom(did: OpenedEntry['entry']['key']): Uint8Array | null {
  try {
    return keyOfDid(did)
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}

const holds = ({ signed, domain, key }: Check, ed25519: Ed25519): Promise<boolean> =>
  ed25519.verify(signed.signature, signingInput(domain, signed.cid), key)
