import { openDelegation, tryDelegation } from '../../../protocol/core/delegation.ts'
import { type OpenedEntry, openEntry } from '../../../protocol/core/entry.ts'
import { keyOfDid, peerIdOfKey } from '../../../protocol/core/keys.ts'
import { isRevokedAt } from '../../../protocol/core/log-state.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import { BASE64URL } from '../../../protocol/core/object-view.ts'
import { isServingRevoked, SERVE } from '../../../protocol/core/serving.ts'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_DELEGATION_MS_MAX, MIP_ENTRIES_PER_CALL_MAX } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { MipIdentity } from '../../../schemas/mip-publishing.ts'
import type { delegationWires } from '../../infrastructure/mip/delegation-wires.ts'
import type { IdentityDirectory } from '../../infrastructure/mip/identity-directory.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { LogAppender } from './log-appender.ts'
import type { OwnHeadGuard } from './own-head-guard.ts'
import { appendWrites, judged, type OwnLog, readOwnLog, refusedBy, stateOf } from './own-log.ts'

export interface IdentityDeskComponents {
  appender: LogAppender
  identities: IdentityDirectory
  delegationWires: typeof delegationWires
  guard: OwnHeadGuard
  /** Tells peers that a log has gone on, after it is stored. */
  announce(log: LogName): void
  runtime: Runtime
}

/** What came in one request: entries of one log, and the delegations that they name. */
interface Signed {
  entries: OpenedEntry[]
  delegations: Map<Cid, Uint8Array>
}

/**
 * Takes in what the root of an organisation has signed elsewhere. The root key never comes here, so nothing is believed for the sender's sake:
 * entries count by the rules that every stranger applies.
 */
export class IdentityDesk {
  readonly #components: IdentityDeskComponents

  constructor(components: IdentityDeskComponents) {
    this.#components = components
  }

  /** @throws MemosError publishing_off */
  async show(session: VaultSession, context: RequestContext): Promise<MipIdentity> {
    const signer = this.#components.appender.expectSigner()
    const { orgId } = context.principal
    const org = (await this.#components.identities.didOf(orgId)) as Did | null
    const [key, nodeKey] = await Promise.all([signer.publishing(orgId), signer.node()])
    const logs = org === null ? [] : (await session.mipLogs.own()).filter(({ did }) => did === org)
    const wires = org === null ? [] : await session.mipLogs.delegations(org)
    return viewOf(org, { publishingKey: key.did, nodeKey, peerId: peerIdOfKey(keyOfDid(nodeKey)) }, logs, wires)
  }

  /**
   * Gives an organisation its identity: the genesis of its log and what follows it. Repeating the same request changes nothing.
   * @throws MemosError invalid_request, mip_refused, already_exists, publishing_off
   */
  async create(session: VaultSession, input: Wires, context: RequestContext): Promise<void> {
    const { identities, appender, runtime } = this.#components
    appender.expectSigner()
    const signed = opened(input)
    const first = signed.entries[0]!.entry
    if (first.op !== 'org.genesis' || first.log !== MAIN_LOG)
      throw new MemosError('invalid_request', { field: 'entries.0', expected: 'org.genesis in the log main' })
    const { orgId } = context.principal
    const before = await identities.didOf(orgId)
    const hasLog = before !== null && (await session.mipLogs.one(before, MAIN_LOG)) !== null
    if (hasLog && before !== first.org)
      throw new MemosError('already_exists', { detail: 'The organisation has another identity.' })
    const own = await readOwnLog(session.mipLogs, first.org, MAIN_LOG)
    // Judged before anything is written: a name is claimed for entries that count.
    const { outcome, signer } = await this.#judge(session, own, signed)
    // Logs are public, so anybody can send the genesis of anybody: only the root can have let in the key that is of this organisation here.
    const { did: key } = await signer.publishing(orgId)
    const { authority } = outcome.state
    if (!hasLog && !authority?.delegations.some(({ delegation }) => delegation.aud === key))
      throw new MemosError('invalid_request', {
        field: 'delegations',
        expected: 'a delegation of the root to the publishing key of this organisation',
      })
    const isClaimed = await identities.claim(orgId, first.org, {
      nowMs: runtime.nowMs(),
      replaces: hasLog ? null : before,
    })
    if (!isClaimed) throw new MemosError('already_exists', { detail: 'Another organisation has this identity.' })
    await this.#append(session, own, signed, context)
  }

  /**
   * Appends further entries of the root.
   * @throws MemosError no_identity, invalid_request, mip_refused, log_behind, peer_failed, log_busy, publishing_off
   */
  async append(session: VaultSession, input: Wires, context: RequestContext): Promise<void> {
    const { appender } = this.#components
    appender.expectSigner()
    const org = await appender.expectIdentity(context.principal.orgId)
    const signed = opened(input)
    const { entry } = signed.entries[0]!
    if (entry.org !== org) throw refusedBy('wrong_org', 'entries.0')
    await this.#append(session, await readOwnLog(session.mipLogs, org, entry.log), signed, context)
  }

  async #judge(session: VaultSession, own: OwnLog, { entries, delegations }: Signed) {
    const { appender, delegationWires: wires, runtime } = this.#components
    const named = entries.flatMap(({ entry }) => [entry.dlg, entry.body].filter((cid) => cid !== null))
    const lookup = await wires(session.mipLogs, own.org, named, delegations)
    const signer = appender.expectSigner()
    return {
      lookup,
      signer,
      outcome: await judged(own, entries, { signer, delegations: lookup, nowMs: runtime.nowMs() }),
    }
  }

  async #append(session: VaultSession, own: OwnLog, signed: Signed, context: RequestContext): Promise<void> {
    const { guard, runtime } = this.#components
    const { orgId } = context.principal
    const { lookup, signer, outcome } = await this.#judge(session, own, signed)
    if (outcome.accepted.length === 0) return
    const nowMs = runtime.nowMs()
    const { did: key } = await signer.publishing(orgId)
    const peers = await session.mipLogs.peerAddresses()
    // Before its genesis nobody else can have anything of a log.
    if (own.row !== null)
      await guard.expectNewest({ orgId, own, key, signer, delegations: lookup, peers, nowMs, signal: context.signal })
    const bodies = new Set(outcome.accepted.map(({ entry }) => entry.body))
    const objects = [...signed.delegations].flatMap(([cid, bytes]) =>
      bodies.has(cid) ? [{ cid, did: own.org as string, cube: '', source: '', bytes: bytes as Buffer }] : [],
    )
    await session.vault
      .apply([
        ...appendWrites(own, outcome, runtime, nowMs),
        { kind: 'put_mip_objects', objects },
        auditOf(context, null),
      ])
      .catch((error: unknown) => {
        const isMoved = error instanceof GuardError || error instanceof UniqueError
        throw isMoved ? new MemosError('log_busy', { retryAfterS: 1 }, { cause: error }) : error
      })
    guard.appended(orgId, own, outcome.state)
    this.#components.announce({ org: own.org, log: own.log })
  }
}

type Wires = { entries: readonly string[]; delegations: readonly string[] }

/** @throws MemosError invalid_request naming the field, mip_refused with the code of the protocol */
function opened({ entries, delegations }: Wires): Signed {
  const found = new Map<Cid, Uint8Array>()
  for (const [at, text] of delegations.entries()) {
    const wire = bytesOf(text, `delegations.${at}`)
    found.set(reading(`delegations.${at}`, () => openDelegation(wire)).address, wire)
  }
  const list = entries.map((text, at) => reading(`entries.${at}`, () => openEntry(bytesOf(text, `entries.${at}`))))
  const log = list[0]?.entry.log
  for (const [at, { entry }] of list.entries()) {
    const field = `entries.${at}`
    if (entry.log !== log) throw new MemosError('invalid_request', { field, expected: 'entries of one log' })
    // What a delegated key signs is written by this deployment, together with what it names.
    if (entry.dlg !== null || !(entry.op.startsWith('org.') || entry.op === 'log.resolve'))
      throw new MemosError('invalid_request', { field, expected: 'an operation of the root (org.*, log.resolve)' })
    if (entry.body !== null && entry.op !== 'org.delegate')
      throw new MemosError('invalid_request', { field, expected: 'no body but a delegation' })
  }
  return { entries: list, delegations: found }
}

function bytesOf(text: string, field: string): Uint8Array {
  try {
    return BASE64URL.toBytes(text)
  } catch (cause) {
    throw new MemosError('invalid_request', { field, expected: 'base64url without padding' }, { cause })
  }
}

function reading<T>(field: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof MipError ? refusedBy(error.code, field) : error
  }
}

/** Rights to serve; the state of the log does not hold them, since they append nothing. */
const servingOf = (wires: readonly Uint8Array[]) =>
  wires.flatMap((wire) => {
    const opened = tryDelegation(wire)
    return typeof opened !== 'string' && opened.delegation.cmd === SERVE ? [opened] : []
  })

type Keys = Pick<MipIdentity, 'publishingKey' | 'nodeKey' | 'peerId'>
type OwnRow = Awaited<ReturnType<VaultSession['mipLogs']['own']>>[number]

function viewOf(org: Did | null, keys: Keys, logs: readonly OwnRow[], wires: readonly Uint8Array[]): MipIdentity {
  const main = logs.find(({ log }) => log === MAIN_LOG)
  const authority = main === undefined ? null : stateOf(main).authority
  return {
    org,
    root: authority?.root ?? null,
    ...keys,
    delegations: [...(authority?.delegations ?? []), ...servingOf(wires)].map(({ address, delegation }) => ({
      address,
      key: delegation.aud,
      command: delegation.cmd,
      log: delegation.pol.log ?? null,
      expiresAt: new Date(delegation.exp).toISOString(),
      revoked:
        authority !== null &&
        (delegation.cmd === SERVE
          ? isServingRevoked(authority, address)
          : logs.some(({ log, seq }) => isRevokedAt(authority, address, log, seq + 1))),
    })),
    logs: logs.map(({ log, epoch, seq, headCid, stopped }) => ({
      log,
      epoch,
      seq,
      cid: headCid as Cid | null,
      stopped,
    })),
    limits: { delegationMs: MIP_DELEGATION_MS_MAX, entries: MIP_ENTRIES_PER_CALL_MAX },
  }
}
