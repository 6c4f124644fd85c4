import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import { ENTRY_SUMS, Entry, MAIN_LOG } from '../../schemas/mip-entry.ts'
import { chainFault, type DelegationLookup, type OpenedDelegation, permits, readChain, useFault } from './delegation.ts'
import { argumentsOf, type OpenedEntry, openEntry } from './entry.ts'
import type { OpenedHead } from './head.ts'
import { keyOfDid } from './keys.ts'
import { authorityOfGenesis, isContest, nextAuthority } from './log-authority.ts'
import { type Authority, isRevokedAt, type LogState } from './log-state.ts'
import { MipError, type MipReason } from './mip-error.ts'
import type { SignatureDomain, Signed } from './signed.ts'

/** What judging entries needs beside the state. Lookups are synchronous: the caller has read what the batch names. */
export interface LogInput {
  delegations: DelegationLookup
  /** The reader's clock; it only says how long a rotation may be taken back. */
  nowMs: number
  /** The authority in the state of `main`, for every other log. */
  authority?: Authority | null
  /** The wire of an entry of this log that was accepted before, to tell a replay from a fork; null when it is not kept. */
  known?: (seq: number) => Uint8Array | null
}

/** A signature that has to be right for an entry to count. */
export interface Check {
  domain: SignatureDomain
  signed: Signed
  key: Uint8Array
}

/** What the rules say about one entry, if its checks hold. */
export type Verdict =
  | { kind: 'skip' }
  | { kind: 'apply'; state: LogState; checks: readonly Check[] }
  | { kind: 'stop'; code: MipReason; checks: readonly Check[] }
  | { kind: 'fork'; with: OpenedEntry }

/** Names that `crit` may carry: the fields and operations of this version. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  ...Object.keys(Entry.shape),
  ...Object.entries(ENTRY_SUMS).flatMap(([op, sum]) => [op, ...Object.keys(sum.shape)]),
])

const stop = (code: MipReason, checks: readonly Check[] = []): Verdict => ({ kind: 'stop', code, checks })

/** Judges the entries of one batch; remembers keys and chains of delegations so that each is decoded once. */
export class LogRules {
  readonly #input: LogInput
  readonly #accepted = new Map<number, OpenedEntry>()
  readonly #keys = new Map<Did, Uint8Array | null>()
  readonly #chains = new Map<Cid, OpenedDelegation[] | MipReason>()

  constructor(input: LogInput) {
    this.#input = input
  }

  /** Says that an entry was applied: the next ones may contradict it. */
  remember(opened: OpenedEntry): void {
    this.#accepted.set(opened.entry.seq, opened)
  }

  /** What becomes of an entry after `state`. Never throws whatever the entry says; time is constant but for the size of the state. */
  judge(state: LogState, opened: OpenedEntry): Verdict {
    const { entry } = opened
    if (entry.org !== state.org) return stop('wrong_org')
    if (entry.log !== state.log) return stop('wrong_log')
    if (entry.epoch < state.epoch) return { kind: 'skip' }
    if (entry.epoch > state.epoch) return this.#openEpoch(state, opened)
    if (entry.seq <= state.seq) return this.#again(state, opened)
    if (state.frozen && entry.seq >= state.frozen.seq) return stop('frozen')
    if (entry.seq > state.seq + 1) return stop('gap')
    if (entry.prev !== state.cid) return stop('fork')
    return entry.op === 'log.resolve' ? stop('not_allowed') : this.#append(state, opened)
  }

  /** The signatures that make an entry one of the organisation, or why it cannot be one. `past`: it stands before the end of the log. */
  authorise(state: LogState, opened: OpenedEntry, past: boolean): readonly Check[] | MipReason {
    const { entry } = opened
    const authority = this.#authorityOf(state)
    if (!authority) return 'no_authority'
    const checks = entry.dlg === null ? this.#asRoot(authority, entry, past) : this.#asDelegate(authority, entry, past)
    if (typeof checks === 'string') return checks
    const key = this.#keyOf(entry.key)
    return key ? [...checks, { domain: 'entry', signed: opened, key }] : 'unknown_key'
  }

  /** The signatures that make a head one of this log, or why it cannot be one. */
  authoriseHead(state: LogState, opened: OpenedHead): readonly Check[] | MipReason {
    const { org, log, seq, key: did, dlg, ts } = opened.head
    const authority = this.#authorityOf(state)
    if (!authority) return 'no_authority'
    if (dlg === null && did !== authority.root) return 'unknown_key'
    const found = dlg === null ? null : this.delegated(authority, { org, log, seq, key: did, dlg, atMs: ts })
    if (typeof found === 'string') return found
    const key = this.#keyOf(did)
    return key ? [...(found?.checks ?? []), { domain: 'head', signed: opened, key }] : 'unknown_key'
  }

  /** What stands behind a delegated key that appends to this log now, or why nothing does. */
  delegated(authority: Authority, use: DelegatedUse): { checks: readonly Check[]; leaf: OpenedDelegation } | MipReason {
    const chain = this.#chainOf(use.org, use.dlg)
    if (typeof chain === 'string') return chain
    const leaf = chain[0]!
    const fault = useFault(leaf.delegation, { aud: use.key, atMs: use.atMs })
    if (fault) return fault
    const top = chain.at(-1)!.address
    if (!authority.delegations.some((one) => one.address === top)) return 'unknown_key'
    if (chain.some((one) => isRevokedAt(authority, one.address, use.log, use.seq))) return 'key_revoked'
    const { log } = leaf.delegation.pol
    if (log !== undefined && log !== use.log) return 'not_allowed'
    // The root has signed the entry that names the first delegation; only those passed on stand on their own signature.
    const checks: Check[] = []
    for (const one of chain.slice(0, -1)) {
      const key = this.#keyOf(one.delegation.iss)
      if (!key) return 'unknown_key'
      checks.push({ domain: 'delegation', signed: one, key })
    }
    return { checks, leaf }
  }

  #authorityOf(state: LogState): Authority | null {
    return state.log === MAIN_LOG ? state.authority : (this.#input.authority ?? null)
  }

  #append(state: LogState, opened: OpenedEntry): Verdict {
    const { entry } = opened
    const isMain = state.log === MAIN_LOG
    if (!isMain && entry.op.startsWith('org.')) return stop('wrong_log')
    if (isMain && state.seq === -1) return this.#genesis(state, opened)
    const checks = this.authorise(state, opened, false)
    if (typeof checks === 'string') return stop(checks)
    if (isHeld(entry)) return stop('held', checks)
    const authority =
      isMain && entry.dlg === null ? nextAuthority(state.authority!, entry, this.#input) : state.authority
    if (typeof authority === 'string') return stop(authority, checks)
    return { kind: 'apply', state: advanced(state, opened, authority), checks }
  }

  #genesis(state: LogState, opened: OpenedEntry): Verdict {
    const authority = authorityOfGenesis(opened.entry)
    if (typeof authority === 'string') return stop(authority)
    const key = this.#keyOf(opened.entry.key)
    if (!key) return stop('invalid_key')
    const checks: Check[] = [{ domain: 'entry', signed: opened, key }]
    if (isHeld(opened.entry)) return stop('held', checks)
    return { kind: 'apply', state: advanced(state, opened, authority), checks }
  }

  /** `log.resolve` goes on from the survivor of a fork in the next epoch. */
  #openEpoch(state: LogState, opened: OpenedEntry): Verdict {
    const { entry } = opened
    if (entry.epoch > state.epoch + 1 || !argumentsOf(entry, 'log.resolve')) return stop('gap')
    const checks = this.authorise(state, opened, false)
    if (typeof checks === 'string') return stop(checks)
    // A frozen state takes nothing of the survivor's branch: it has to be read again, now that it is known which one it is.
    if (entry.seq > state.seq + 1) return stop(state.frozen ? 'resync' : 'gap', checks)
    if (entry.prev !== state.cid) return stop('resync', checks)
    // Places stay dense: a reader of the log could not tell a skipped or repeated one from a gap or a fork.
    if (entry.seq !== state.seq + 1) return stop('not_allowed', checks)
    if (isHeld(entry)) return stop('held', checks)
    const authority = state.authority && { ...state.authority, atMs: entry.ts }
    const next = { ...advanced(state, opened, authority), epoch: entry.epoch, frozen: null }
    return { kind: 'apply', state: next, checks }
  }

  /** An entry at a place that is already taken: the same one again has no effect, another one is a fork. */
  #again(state: LogState, opened: OpenedEntry): Verdict {
    const { entry, cid } = opened
    const isLast = entry.seq === state.seq
    if (isLast && cid === state.cid) return { kind: 'skip' }
    const known = this.#accepted.get(entry.seq) ?? this.#stored(entry.seq)
    // Without the entry that stands there nothing can be proven; at the end of the log its address is known all the same.
    if (!known) return isLast ? stop('fork') : { kind: 'skip' }
    // What happened in an epoch that a root has closed is settled.
    if (known.cid === cid || known.entry.epoch !== entry.epoch) return { kind: 'skip' }
    return { kind: 'fork', with: known }
  }

  #stored(seq: number): OpenedEntry | null {
    const wire = this.#input.known?.(seq)
    return wire ? openEntry(wire) : null
  }

  #asRoot(authority: Authority, entry: Entry, past: boolean): readonly Check[] | MipReason {
    if (past) return wasRoot(authority, entry) ? [] : 'unknown_key'
    return entry.key === authority.root || isContest(authority, entry, this.#input.nowMs) ? [] : 'unknown_key'
  }

  #asDelegate(authority: Authority, entry: Entry, past: boolean): readonly Check[] | MipReason {
    if (isOfRoot(entry.op)) return 'not_allowed'
    const { org, log, seq, key } = entry
    // In `main` what a root has signed is a clock that a holder of an expired key cannot turn back.
    const atMs = log === MAIN_LOG && !past ? Math.max(entry.ts, authority.atMs) : entry.ts
    const found = this.delegated(authority, { org, log, seq, key, dlg: entry.dlg!, atMs })
    if (typeof found === 'string') return found
    return permits(found.leaf.delegation.pol, entry) ? found.checks : 'not_allowed'
  }

  #chainOf(org: Did, address: Cid): OpenedDelegation[] | MipReason {
    const kept = this.#chains.get(address)
    if (kept) return kept
    const read = readChain(address, this.#input.delegations)
    const fault = typeof read === 'string' ? read : chainFault(read, { org, cmd: '/mip/log/append' })
    const chain = fault ?? (read as OpenedDelegation[])
    this.#chains.set(address, chain)
    return chain
  }

  #keyOf(did: Did): Uint8Array | null {
    let key = this.#keys.get(did)
    if (key === undefined) {
      key = decodedKey(did)
      this.#keys.set(did, key)
    }
    return key
  }
}

export interface DelegatedUse {
  org: Did
  log: string
  seq: number
  key: Did
  dlg: Cid
  atMs: number
}

/** Operations that only a root signs. */
const isOfRoot = (op: string) => op.startsWith('org.') || op.startsWith('log.')

const isHeld = ({ crit }: Entry) => crit?.some((name) => !UNDERSTOOD.has(name)) ?? false

const advanced = (state: LogState, { entry, cid }: OpenedEntry, authority: Authority | null): LogState => ({
  ...state,
  seq: entry.seq,
  cid,
  authority,
})

/** In `main` the place says which root it was; elsewhere any that the organisation has had. */
function wasRoot({ roots }: Authority, { log, key, seq }: Entry): boolean {
  if (log !== MAIN_LOG) return roots.some(({ did }) => did === key)
  return roots.findLast((root) => root.seq < seq || root.seq === 0)?.did === key
}

function decodedKey(did: Did): Uint8Array | null {
  try {
    return keyOfDid(did)
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}
