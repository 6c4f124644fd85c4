import { openDelegation } from '../../../protocol/core/delegation.ts'
import { argumentsOf, type OpenedEntry } from '../../../protocol/core/entry.ts'
import type { OpenedProof } from '../../../protocol/core/equivocation.ts'
import { openHead } from '../../../protocol/core/head.ts'
import {
  applyEntries,
  headFault,
  type LogOptions,
  type LogOutcome,
  type LogProblem,
} from '../../../protocol/core/log-apply.ts'
import { type Authority, compareHead, type LogState, newLogState } from '../../../protocol/core/log-state.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import type { LogName, LogPage } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import { MIP_DELEGATION_DEPTH_MAX, MIP_LOG_PAGE_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { MipParts } from '../../ports/mip.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { LogPlace, MipLogRow } from '../../ports/writes/mip.ts'
import { LogPageReader, type OpenedPage, openedPage } from './log-page-reader.ts'
import type { LogRewind } from './log-rewind.ts'
import { type Mirror, mirrorsOf, strike } from './mirrors.ts'

/** What a mirror, and nobody else, is to blame for. */
const MIRROR_FAULTS: ReadonlySet<string> = new Set([
  'gap',
  'bad_signature',
  'not_canonical',
  'invalid_entry',
  'too_large',
  'wrong_org',
  'wrong_log',
])

export interface FollowedLog {
  verified: number
  /** Nothing further is known of. */
  isAtEnd: boolean
  error: string | null
  authority: Authority | null
  row: MipLogRow | null
}

export interface LogFollowerComponents {
  mip: MipParts
  runtime: Runtime
  rewind: LogRewind
  /** More of a log of somebody else is here. */
  moved(log: LogName): void
}

/** How reading from one mirror ended: no more entries there, the budget of pages used up, or a code. */
type End = 'end' | 'budget' | { fault: string } | { stopped: string }

/** Reads logs of others: page by page from whichever mirror serves them, verified, each page kept in one batch with the cursor. */
export class LogFollower {
  readonly #components: LogFollowerComponents

  constructor(components: LogFollowerComponents) {
    this.#components = components
  }

  /** Reads on where the log was left. `authority`: that of `main`, for every other log. @throws GuardError when another reader was there first */
  async follow(
    session: VaultSession,
    {
      did,
      log,
      authority = null,
      pagesMax,
    }: { did: string; log: string; authority?: Authority | null; pagesMax: number },
    context: RequestContext,
  ): Promise<FollowedLog> {
    const run = await LogRun.open(this.#components, session, { did, log, authority }, context)
    const followed = await run.pull(pagesMax)
    if (followed.verified > 0) this.#components.moved({ org: did, log })
    return followed
  }
}

class LogRun {
  readonly #components: LogFollowerComponents
  readonly #session: VaultSession
  readonly #context: RequestContext
  readonly #did: Did
  readonly #log: string
  readonly #mainAuthority: Authority | null
  readonly #mode: 'strict' | 'head'
  readonly #delegations = new Map<string, Uint8Array>()
  readonly #pages: LogPageReader
  /** A page whose verification has begun before the one in front of it is kept. */
  #next: { page: OpenedPage; after: LogState; outcome: Promise<LogOutcome> } | null = null
  #row: MipLogRow | null
  #state: LogState
  #verified = 0
  #pagesLeft = 0
  #isRewound = false

  private constructor(
    components: LogFollowerComponents,
    session: VaultSession,
    context: RequestContext,
    init: { did: string; log: string; authority: Authority | null; row: MipLogRow | null; isStrict: boolean },
  ) {
    this.#components = components
    this.#session = session
    this.#context = context
    this.#did = init.did as Did
    this.#log = init.log
    this.#mainAuthority = init.authority
    this.#mode = init.isStrict ? 'strict' : 'head'
    this.#row = init.row
    this.#state = (init.row?.state as unknown as LogState | undefined) ?? newLogState(this.#did, init.log)
    this.#pages = new LogPageReader({ org: this.#did, log: init.log }, context.signal)
  }

  static async open(
    components: LogFollowerComponents,
    session: VaultSession,
    { did, log, authority }: { did: string; log: string; authority: Authority | null },
    context: RequestContext,
  ): Promise<LogRun> {
    const row = await session.followed.log(did, log)
    const isStrict = await session.followed.isStrict(did, log)
    return new LogRun(components, session, context, { did, log, authority, row, isStrict })
  }

  async pull(pagesMax: number): Promise<FollowedLog> {
    this.#pagesLeft = pagesMax
    const mirrors = await this.#mirrors()
    let error: string | null = mirrors.length === 0 ? 'no_address' : null
    let isAtEnd = false
    for (const mirror of mirrors) {
      // A mirror that has nothing beyond what others gave needs no more than a look at its head.
      if (isAtEnd && !(await this.#isAhead(mirror))) continue
      const end = await this.#guarded(mirror, () => this.#read(mirror))
      if (end === 'budget') return this.#answer(false, null)
      if (end === 'end') {
        isAtEnd = true
        error = null
      } else if ('stopped' in end) return this.#answer(false, end.stopped)
      else if (!isAtEnd) error = end.fault
    }
    return this.#answer(isAtEnd, isAtEnd ? null : (this.#row?.stopped ?? error))
  }

  #answer(isAtEnd: boolean, error: string | null): FollowedLog {
    const authority = this.#log === MAIN_LOG ? this.#state.authority : this.#mainAuthority
    return { verified: this.#verified, isAtEnd, error, authority, row: this.#row }
  }

  #mirrors(): Promise<Mirror[]> {
    const replicas = (this.#state.authority ?? this.#mainAuthority)?.replicas
    const known = [...(replicas?.urls ?? []), ...(replicas?.addrs ?? [])]
    return mirrorsOf(this.#session, this.#components.mip.remotes, this.#did, known, this.#context.nowMs)
  }

  async #guarded(mirror: Mirror, work: () => Promise<End>): Promise<End> {
    try {
      const end = await work().finally(() => this.#pages.drop())
      if (typeof end === 'object' && 'fault' in end && (MIRROR_FAULTS.has(end.fault) || end.fault === 'withheld'))
        await this.#strike(mirror, end.fault === 'gap' ? 'withheld' : end.fault)
      return end
    } catch (error) {
      if (!(error instanceof MipRemoteError)) throw error
      if (error.isFaultOfPeer) await this.#strike(mirror, error.reason)
      return { fault: error.reason }
    }
  }

  #strike(mirror: Mirror, reason: string): Promise<void> {
    return strike(this.#session, this.#did, mirror, reason, this.#context.nowMs)
  }

  async #isAhead({ remote }: Mirror): Promise<boolean> {
    try {
      const head = await remote.head({ org: this.#did, log: this.#log }, { signal: this.#context.signal })
      return head !== null && (await this.#placeOf(head)) !== 'known'
    } catch (error) {
      if (!(error instanceof MipRemoteError)) throw error
      return false
    }
  }

  async #read(mirror: Mirror): Promise<End> {
    for (;;) {
      if (this.#pagesLeft === 0) return 'budget'
      this.#pagesLeft -= 1
      const { epoch, seq, frozen } = this.#state
      // Of an epoch that is frozen nothing further is taken; what a root says of it opens the next one.
      const from = frozen === null ? { epoch, seq: seq + 1 } : { epoch: epoch + 1, seq: 0 }
      const page = await this.#pages.read(mirror, this.#question(from))
      if (page === null) return { fault: 'not_served' }
      const next = placeAfter(page)
      if (next !== null && this.#pagesLeft > 0) this.#pages.readAhead(mirror, this.#question(next))
      const problem = await this.#take(mirror, page)
      if (problem?.code === 'resync' && (await this.#rewind(mirror))) continue
      if (problem !== null) {
        const end = await this.#judge(mirror, problem)
        // The fork that was just proven may be resolved already.
        if (frozen === null && this.#state.frozen !== null) continue
        return end
      }
      if (page.count > 0) continue
      if (frozen !== null) return { stopped: this.#row?.stopped ?? 'frozen' }
      const place = page.head === null ? 'known' : await this.#placeOf(page.head)
      if (place === 'fork') return this.#accuse(mirror)
      // It shows the signed end of the log and not what leads there.
      return place === 'ahead' ? { fault: 'withheld' } : this.#row?.stopped ? { stopped: this.#row.stopped } : 'end'
    }
  }

  /** A root has let another branch stand: takes back what is here of ours, to be read again. Once in a run. */
  async #rewind(mirror: Mirror): Promise<boolean> {
    const { only } = this.#components.mip.remotes
    // A file that begins later cannot be asked where the branches part.
    if (this.#row === null || this.#isRewound || only?.lastShared === null) return false
    this.#isRewound = true
    const seq = only?.lastShared ?? (await this.#lastShared(mirror, this.#row))
    const { did, log } = this.#row
    const load = (entries: readonly OpenedEntry[]) => this.#loadDelegations(mirror, entries)
    const rules = { options: this.#options(new Map()), load }
    this.#state = await this.#components.rewind.to(this.#session, this.#row, seq, rules, this.#context)
    this.#row = await this.#session.followed.log(did, log)
    return true
  }

  /** The last place where a mirror has the entry that is here. Entries chain, so all before are shared too; -1: none. */
  async #lastShared(mirror: Mirror, { id }: MipLogRow): Promise<number> {
    let shared = -1
    let other = this.#state.seq + 1
    while (other - shared > 1) {
      const seq = Math.floor((shared + other) / 2)
      const [ours] = await this.#session.followed.entriesAt(id, [seq])
      const page = ours === undefined ? null : await this.#page(mirror, { epoch: ours.epoch, seq }, 1)
      const [theirs] = page === null ? [] : openedPage(page).opened
      if (ours !== undefined && theirs?.cid === ours.cid) shared = seq
      else other = seq
    }
    return shared
  }

  #question(from: LogPlace, limit = MIP_LOG_PAGE_ENTRIES_MAX) {
    // Once a fork is known, what a cache has kept may be of the branch that does not stand.
    return { from, limit, isFresh: this.#isRewound || this.#state.frozen !== null }
  }

  #page(mirror: Mirror, from: LogPlace, limit: number): Promise<LogPage | null> {
    return this.#pages.ask(mirror, this.#question(from, limit))
  }

  /** How a head stands to what was read; one that is not validly signed says nothing. */
  async #placeOf([bytes, signature]: NonNullable<LogPage['head']>): Promise<'known' | 'ahead' | 'fork'> {
    try {
      const opened = openHead(toWire({ bytes, signature }))
      if (opened.head.dlg !== null && !this.#delegations.has(opened.head.dlg))
        for (const [cid, wire] of await this.#session.followed.objects([opened.head.dlg]))
          this.#delegations.set(cid, wire)
      if ((await headFault(opened, this.#state, this.#options(new Map()))) !== null) return 'known'
      const place = compareHead(this.#state, opened.head)
      return place === 'ahead' || place === 'fork' ? place : 'known'
    } catch (error) {
      if (error instanceof MipError || error instanceof TypeError || error instanceof RangeError) return 'known'
      throw error
    }
  }

  #options(known: ReadonlyMap<number, Uint8Array>): LogOptions {
    return {
      mode: this.#mode,
      ed25519: this.#components.mip.ed25519,
      delegations: (cid) => this.#delegations.get(cid) ?? null,
      authority: this.#mainAuthority,
      known: (seq) => known.get(seq) ?? null,
      nowMs: this.#context.nowMs,
    }
  }

  /** Verifies a page and keeps what is good of it. Answers what stood in the way of the rest. */
  async #take(mirror: Mirror, page: OpenedPage): Promise<LogProblem | null> {
    const { opened, fault } = page
    const outcome = await (this.#begun(page) ?? this.#verify(mirror, opened))
    if (outcome.problem === undefined && fault === null) this.#beginNext(outcome.state)
    if (outcome.accepted.length > 0) await this.#keep(outcome.state, outcome.accepted)
    if (outcome.problem?.proof !== undefined) await this.#stop(outcome.state, outcome.problem.proof)
    return outcome.problem ?? (fault === null ? null : { code: fault, at: opened.length })
  }

  async #verify(mirror: Mirror, opened: readonly OpenedEntry[]): Promise<LogOutcome> {
    await this.#loadDelegations(mirror, opened)
    return applyEntries(this.#state, opened, this.#options(await this.#known(opened)))
  }

  /** What was begun of a page, if it stands after the state that was expected then. */
  #begun(page: OpenedPage): Promise<LogOutcome> | null {
    const begun = this.#next
    this.#next = null
    return begun !== null && begun.page === page && begun.after === this.#state ? begun.outcome : null
  }

  /** Has the signatures of the next page verified while this one is kept, when nothing else needs to be known for it. */
  #beginNext(after: LogState): void {
    const page = this.#pages.arrived
    const needsNothing = ({ entry }: OpenedEntry) =>
      entry.seq > after.seq && entry.op !== 'org.delegate' && (entry.dlg === null || this.#delegations.has(entry.dlg))
    if (page === null || !page.opened.every(needsNothing)) return
    const outcome = applyEntries(after, page.opened, this.#options(new Map()))
    // When nobody asks for it, it was not needed.
    outcome.catch(() => undefined)
    this.#next = { page, after, outcome }
  }

  async #judge(mirror: Mirror, { code, proof }: LogProblem): Promise<End> {
    if (code === 'fork') return proof === undefined ? this.#accuse(mirror) : { stopped: 'fork' }
    if (code === 'resync' || code === 'frozen') return { stopped: this.#row?.stopped ?? code }
    return { fault: code }
  }

  /** The mirror goes on from another entry than ours: either the publisher has signed two, or the mirror made it up. */
  async #accuse(mirror: Mirror): Promise<End> {
    const { epoch, seq } = this.#state
    const page = await this.#page(mirror, { epoch, seq }, 1)
    const problem = page === null ? null : await this.#take(mirror, openedPage(page))
    if (problem?.proof === undefined) return { fault: 'bad_signature' }
    // Everybody who follows the log should know; whether they listen is theirs.
    for (const { remote } of await this.#mirrors())
      await remote.offerProof(problem.proof.bytes, { signal: this.#context.signal }).catch((error: unknown) => {
        if (!(error instanceof MipRemoteError)) throw error
      })
    return { stopped: 'fork' }
  }

  /** Wires of entries that are here, at the places of entries that come again. */
  async #known(opened: readonly OpenedEntry[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const seqs = opened.map(({ entry }) => entry.seq).filter((seq) => seq <= this.#state.seq)
    if (this.#row === null || seqs.length === 0) return new Map()
    const rows = await this.#session.followed.entriesAt(this.#row.id, seqs)
    return new Map(
      rows
        .filter((row) => row.epoch === this.#state.epoch)
        .map(({ seq, bytes, signature }) => [
          seq,
          toWire({ bytes: new Uint8Array(bytes), signature: new Uint8Array(signature) }),
        ]),
    )
  }

  /** Delegations that a page names, with those that they come from: from here, else from the mirror. */
  async #loadDelegations({ remote }: Mirror, opened: readonly OpenedEntry[]): Promise<void> {
    let wanted = opened.flatMap(({ entry }) => {
      const named = argumentsOf(entry, 'org.delegate')?.delegation
      return [...(entry.dlg === null ? [] : [entry.dlg]), ...(named === undefined ? [] : [named])]
    })
    // No chain that counts is longer: a mirror cannot keep us asking for one that never ends.
    for (let depth = 0; depth < MIP_DELEGATION_DEPTH_MAX && wanted.length > 0; depth++) {
      const absent = [...new Set(wanted)].filter((cid) => !this.#delegations.has(cid))
      const here = await this.#session.followed.objects(absent)
      const there = absent.filter((cid) => !here.has(cid))
      const fetched = there.length === 0 ? [] : await remote.objects(there, { signal: this.#context.signal })
      const added = [...here, ...fetched]
      for (const [cid, wire] of added) this.#delegations.set(cid, wire)
      wanted = added.flatMap(([, wire]) => parentOf(wire))
    }
  }

  async #keep(state: LogState, accepted: readonly OpenedEntry[]): Promise<void> {
    const { nowMs } = this.#context
    const row = this.#row ?? this.#newRow()
    const { epoch, seq } = row
    const named = new Set<string>()
    for (const { entry } of accepted) {
      if (entry.dlg !== null) named.add(entry.dlg)
      if (entry.op === 'org.delegate') named.add(argumentsOf(entry, 'org.delegate')!.delegation)
    }
    // With those that they come from: who asks later whether a key was let in needs the whole chain.
    for (const cid of named) {
      const wire = this.#delegations.get(cid)
      if (wire !== undefined) for (const parent of parentOf(wire)) named.add(parent)
    }
    const objects = [...this.#delegations].filter(([cid]) => named.has(cid))
    await this.#session.vault.apply([
      ...(this.#row === null ? [{ kind: 'insert_mip_log' as const, log: row }] : []),
      {
        kind: 'append_mip_entries',
        logId: row.id,
        expected: { epoch, seq },
        head: { ...placeOfState(state), cid: state.cid as string, state: asJson(state) },
        entries: accepted.map(entryRow),
        atMs: nowMs,
      },
      ...(row.stopped !== null && state.frozen === null
        ? [{ kind: 'stop_mip_log' as const, logId: row.id, stopped: null, atMs: nowMs }]
        : []),
      ...(objects.length === 0
        ? []
        : [
            {
              kind: 'put_mip_objects' as const,
              objects: objects.map(([cid, bytes]) => ({
                cid,
                did: this.#did,
                cube: '',
                source: '',
                bytes: bytes as Buffer,
              })),
            },
          ]),
    ])
    this.#verified += accepted.length
    this.#state = state
    const stopped = state.frozen === null ? null : row.stopped
    this.#row = { ...row, ...placeOfState(state), headCid: state.cid, state: asJson(state), stopped }
  }

  /** The proof, the end of following, and less trust, all at once. */
  async #stop(state: LogState, { cid, bytes, a }: OpenedProof): Promise<void> {
    const { nowMs } = this.#context
    const row = this.#row ?? this.#newRow()
    const { epoch, seq } = a.entry
    const proof = { cid, did: this.#did, log: this.#log, epoch, seq, bytes: bytes as Buffer, atMs: nowMs }
    const writes: VaultWrite[] = [
      { kind: 'lower_mip_peer', did: this.#did, log: this.#log, atMs: nowMs },
      { kind: 'insert_mip_proof', proof },
    ]
    if (this.#row !== null && state.cid !== null)
      writes.push(
        {
          kind: 'append_mip_entries',
          logId: row.id,
          expected: { epoch: row.epoch, seq: row.seq },
          head: { epoch: row.epoch, seq: row.seq, cid: state.cid, state: asJson(state) },
          entries: [],
          atMs: nowMs,
        },
        { kind: 'stop_mip_log', logId: row.id, stopped: 'fork', atMs: nowMs },
      )
    await this.#session.vault.apply(writes)
    this.#state = state
    if (this.#row !== null) this.#row = { ...this.#row, state: asJson(state), stopped: 'fork' }
  }

  #newRow(): MipLogRow {
    const random = this.#components.runtime.randomBytes(6)
    return {
      id: random.reduce((sum, byte, at) => sum * 256 + (at === 0 ? byte & 0x7f : byte), 0),
      orgId: this.#context.principal.orgId,
      did: this.#did,
      log: this.#log,
      role: 'followed',
      epoch: 0,
      seq: -1,
      headCid: null,
      state: asJson(newLogState(this.#did, this.#log)),
      stopped: null,
      updatedAtMs: this.#context.nowMs,
    }
  }
}

const asJson = (state: LogState) => state as unknown as Record<string, unknown>
const placeOfState = ({ epoch, seq }: LogState) => ({ epoch, seq })

/** Where the log goes on behind a page that is whole. */
function placeAfter({ opened, fault }: OpenedPage): LogPlace | null {
  const last = opened.at(-1)?.entry
  return last === undefined || fault !== null ? null : { epoch: last.epoch, seq: last.seq + 1 }
}

function parentOf(wire: Uint8Array): Cid[] {
  try {
    const { prf } = openDelegation(wire).delegation
    return prf === null ? [] : [prf]
  } catch (error) {
    if (error instanceof MipError) return []
    throw error
  }
}

function entryRow({ entry, cid, bytes, signature }: OpenedEntry) {
  const cube = argumentsOf(entry, 'cube.publish')?.cube ?? argumentsOf(entry, 'cube.revoke')?.cube ?? null
  const { epoch, seq, op, body, ts } = entry
  return { epoch, seq, cid, bytes: bytes as Buffer, signature: signature as Buffer, op, cube, bodyCid: body, ts }
}
