import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Did } from '../../schemas/did.ts'
import {
  MIP_DELEGATION_MS_MAX,
  MIP_DELEGATIONS_MAX,
  MIP_ROOTS_MAX,
  MIP_ROTATION_CONTEST_MS_MAX,
} from '../../schemas/limits-mip.ts'
import type { Entry, EntrySum } from '../../schemas/mip-entry.ts'
import { chainFault, type DelegationLookup, readChain } from './delegation.ts'
import { argumentsOf } from './entry.ts'
import { keyOfDid } from './keys.ts'
import type { Authority } from './log-state.ts'
import { MipError, type MipReason } from './mip-error.ts'

export interface AuthorityInput {
  delegations: DelegationLookup
  nowMs: number
}

/** What `org.genesis` makes. */
export function authorityOfGenesis(entry: Entry): Authority | MipReason {
  const sum = argumentsOf(entry, 'org.genesis')
  if (!sum || entry.dlg !== null) return 'not_allowed'
  if (entry.key !== entry.org) return 'unknown_key'
  return {
    root: entry.org,
    next: sum.next,
    recovery: sum.recovery ?? null,
    agreement: sum.agreement ?? null,
    roots: [{ did: entry.org, seq: 0 }],
    rotation: null,
    delegations: [],
    revoked: [],
    replicas: { urls: [], addrs: [] },
    atMs: entry.ts,
  }
}

/** What an operation of a root in `main` makes of the authority, or why it is refused. An operation without effect gives the same. */
export function nextAuthority(before: Authority, entry: Entry, input: AuthorityInput): Authority | MipReason {
  const authority = { ...before, atMs: entry.ts }
  const rotation = argumentsOf(entry, 'org.rotate')
  if (rotation) return rotate(authority, entry, rotation, input.nowMs)
  const delegate = argumentsOf(entry, 'org.delegate')
  if (delegate) return addDelegation(authority, entry, delegate, input.delegations)
  const revoke = argumentsOf(entry, 'org.revoke-key')
  if (revoke) return addRevocation(authority, entry, revoke)
  const replicas = argumentsOf(entry, 'org.replicas')
  return replicas ? { ...authority, replicas } : authority
}

/** Says whether an entry is the recovery key taking a rotation back, in time. */
export function isContest({ rotation }: Authority, entry: Entry, nowMs: number): boolean {
  if (entry.op !== 'org.rotate' || entry.dlg !== null || rotation === null) return false
  return rotation.recovery === entry.key && nowMs <= rotation.untilMs
}

function rotate(authority: Authority, entry: Entry, sum: EntrySum<'org.rotate'>, nowMs: number): Authority | MipReason {
  const { root, next, recovery } = sum
  const revealed = hashOfKey(root)
  if (revealed === null) return 'invalid_key'
  if (entry.key !== authority.root) return contest(authority, entry, sum)
  if (revealed !== authority.next) return 'wrong_preimage'
  // A thief who rotates twice does not get rid of the recovery key that was there before.
  const open = authority.rotation && nowMs <= authority.rotation.untilMs ? authority.rotation : null
  const keeper = open?.recovery ?? authority.recovery
  const untilMs = nowMs + MIP_ROTATION_CONTEST_MS_MAX
  return {
    ...authority,
    root,
    next,
    recovery: recovery ?? null,
    roots: [...authority.roots, { did: root, seq: entry.seq }].slice(-MIP_ROOTS_MAX),
    rotation:
      keeper === null
        ? null
        : { seq: open?.seq ?? entry.seq, recovery: keeper, before: open?.before ?? authority.roots, untilMs },
  }
}

/** The older authority names another root: what the superseded one has delegated and revoked since does not count. */
function contest(authority: Authority, entry: Entry, { root, next, recovery }: EntrySum<'org.rotate'>): Authority {
  const { seq, before } = authority.rotation!
  return {
    ...authority,
    root,
    next,
    recovery: recovery ?? entry.key,
    roots: [...before, { did: root, seq: entry.seq }].slice(-MIP_ROOTS_MAX),
    rotation: null,
    delegations: authority.delegations.filter((one) => one.seq < seq),
    revoked: authority.revoked.filter((one) => one.seq < seq),
  }
}

/** A delegation that could never be used is not remembered; the log goes on, since its root has signed the entry. */
function addDelegation(
  authority: Authority,
  entry: Entry,
  { delegation: address }: EntrySum<'org.delegate'>,
  lookup: DelegationLookup,
): Authority | MipReason {
  const chain = readChain(address, lookup)
  if (chain === 'delegation_missing') return chain
  if (typeof chain === 'string' || chain.length !== 1) return authority
  const { delegation } = chain[0]!
  const isOfRoot =
    delegation.iss === authority.root && chainFault(chain, { org: entry.org, cmd: '/mip/log/append' }) === null
  // Revocations are forgotten by age, so a delegation cannot start in a far future.
  if (!isOfRoot || delegation.nbf > authority.atMs + MIP_DELEGATION_MS_MAX) return authority
  const kept = authority.delegations.filter((one) => one.address !== address)
  if (kept.length === MIP_DELEGATIONS_MAX) kept.splice(indexOfFirstToExpire(kept), 1)
  return { ...authority, delegations: [...kept, { address, delegation, seq: entry.seq }] }
}

function indexOfFirstToExpire(delegations: Authority['delegations']): number {
  let first = 0
  for (const [i, { delegation }] of delegations.entries())
    if (delegation.exp < delegations[first]!.delegation.exp) first = i
  return first
}

function addRevocation(
  authority: Authority,
  entry: Entry,
  { delegation, log, lastSeq }: EntrySum<'org.revoke-key'>,
): Authority | MipReason {
  // A delegation starts within 90 days of the entry that names it and lasts 90: after twice that a revocation has nothing left to revoke.
  const oldest = authority.atMs - 2 * MIP_DELEGATION_MS_MAX
  const isSame = (one: Authority['revoked'][number]) => one.delegation === delegation && one.log === log
  const earlier = authority.revoked.find(isSame)
  const kept = authority.revoked.filter((one) => !isSame(one))
  const lasting = kept.length < MIP_DELEGATIONS_MAX ? kept : kept.filter((one) => one.ts >= oldest)
  if (lasting.length >= MIP_DELEGATIONS_MAX) return 'too_many'
  const strictest = Math.min(lastSeq, earlier?.lastSeq ?? lastSeq)
  const revoked = { delegation, log, lastSeq: strictest, seq: entry.seq, ts: authority.atMs }
  return { ...authority, revoked: [...lasting, revoked] }
}

function hashOfKey(did: Did): string | null {
  try {
    return bytesToHex(sha256(keyOfDid(did)))
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}
