import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import {
  MIP_CLOCK_SKEW_MS_MAX,
  MIP_DELEGATION_DEPTH_MAX,
  MIP_DELEGATION_MS_MAX,
  MIP_ENTRY_BYTES_MAX,
} from '../../schemas/limits-mip.ts'
import { Delegation, type DelegationCommand, type DelegationPolicy } from '../../schemas/mip-delegation.ts'
import type { Entry } from '../../schemas/mip-entry.ts'
import { cidOf } from './cid.ts'
import type { Ed25519 } from './ed25519-rule.ts'
import { argumentsOf } from './entry.ts'
import { keyOfDid } from './keys.ts'
import { MipError, type MipReason } from './mip-error.ts'
import { decodeFields, encodeView, fromWire, type Signed, signBytes, toWire, verifySigned, viewOf } from './signed.ts'

/** A delegation that was taken from the wire: its form is right, its signature is not yet verified. */
export interface OpenedDelegation extends Signed {
  delegation: Delegation
  /**
   * What entries, proofs and revocations name: the CID of the wire, `[bytes, signature]`, so that a holder of the address finds both and
   * can check them. Only the issuer can make another signature of the same bytes, and the issuer could as well issue another delegation.
   */
  address: Cid
}

/** The wire of a delegation by its address, or null when it is not at hand. */
export type DelegationLookup = (address: Cid) => Uint8Array | null

/** Signs a delegation. `seed`: the 32 bytes of the key that `iss` names. @throws MipError `invalid_entry` naming the field. */
export async function signDelegation(
  delegation: Delegation,
  seed: Uint8Array,
  ed25519: Ed25519,
): Promise<OpenedDelegation> {
  const bytes = encodeView(Delegation, delegation, MIP_ENTRY_BYTES_MAX)
  return openDelegation(toWire(await signBytes('delegation', bytes, seed, ed25519)))
}

/** The delegation in the wire form `[bytes, signature]`. @throws MipError `too_large`, `not_canonical`, `invalid_entry`. */
export function openDelegation(wire: Uint8Array): OpenedDelegation {
  const { bytes, signature } = fromWire(wire, MIP_ENTRY_BYTES_MAX)
  const delegation = viewOf(Delegation, decodeFields(bytes, MIP_ENTRY_BYTES_MAX))
  return { delegation, address: cidOf(wire, 'object'), cid: cidOf(bytes, 'object'), bytes, signature }
}

/** The same, or why it is none. */
export function tryDelegation(wire: Uint8Array): OpenedDelegation | MipReason {
  try {
    return openDelegation(wire)
  } catch (error) {
    if (error instanceof MipError) return error.code
    throw error
  }
}

/** The chain from the delegation at `address` up to one without proof, or why there is none. Opens at most MIP_DELEGATION_DEPTH_MAX. */
export function readChain(address: Cid, lookup: DelegationLookup): OpenedDelegation[] | MipReason {
  const chain: OpenedDelegation[] = []
  for (let next: Cid | null = address; next !== null; next = chain.at(-1)!.delegation.prf) {
    if (chain.length === MIP_DELEGATION_DEPTH_MAX) return 'delegation_too_deep'
    const wire = lookup(next)
    if (!wire) return 'delegation_missing'
    const opened = tryDelegation(wire)
    if (typeof opened === 'string') return opened
    chain.push(opened)
    // Other bytes than asked for are as good as none.
    if (opened.address !== next) return 'delegation_missing'
  }
  return chain
}

/**
 * What is wrong with a chain (leaf first), whoever uses it and whenever: who passes what to whom, and that nobody passes on more than they
 * have. Signatures, and whether the first issuer is a root, are for the caller. Null when nothing is.
 */
export function chainFault(
  chain: readonly OpenedDelegation[],
  { org, cmd }: { org: Did; cmd: DelegationCommand },
): MipReason | null {
  for (const [i, { delegation }] of chain.entries()) {
    const parent = chain[i + 1]?.delegation
    if (delegation.sub !== org) return 'wrong_org'
    if (delegation.cmd !== cmd) return 'delegation_wrong_command'
    if (delegation.exp - delegation.nbf > MIP_DELEGATION_MS_MAX) return 'delegation_too_long'
    if (!parent) continue
    if (delegation.iss !== parent.aud) return 'delegation_broken'
    const isWithinTime = delegation.nbf >= parent.nbf && delegation.exp <= parent.exp
    if (!isWithinTime || !attenuates(delegation.pol, parent.pol)) return 'delegation_widened'
  }
  return null
}

/** What is wrong with using a chain now. Parents last at least as long as their children, so the leaf decides. */
export function useFault(leaf: Delegation, { aud, atMs }: { aud: Did; atMs: number }): MipReason | null {
  if (leaf.aud !== aud) return 'delegation_broken'
  if (atMs < leaf.nbf - MIP_CLOCK_SKEW_MS_MAX) return 'delegation_early'
  return atMs >= leaf.exp + MIP_CLOCK_SKEW_MS_MAX ? 'delegation_expired' : null
}

/** Says whether `child` allows nothing that `parent` does not. */
export function attenuates(child: DelegationPolicy, parent: DelegationPolicy): boolean {
  return (
    (parent.log === undefined || child.log === parent.log) &&
    isWithin(child.topics, parent.topics) &&
    isWithin(child.kinds, parent.kinds) &&
    (parent.maxBytes === undefined || (child.maxBytes !== undefined && child.maxBytes <= parent.maxBytes))
  )
}

/** Says whether a policy lets this entry be appended. A publication has to say what a limit is about. */
export function permits(policy: DelegationPolicy, entry: Entry): boolean {
  if (policy.log !== undefined && policy.log !== entry.log) return false
  const sum = argumentsOf(entry, 'cube.publish')
  if (!sum) return true
  const { topics, kinds, maxBytes } = policy
  if (!isNamedWithin(sum.topics, topics) || !isNamedWithin(sum.kinds, kinds)) return false
  return maxBytes === undefined || (sum.size !== undefined && sum.size <= maxBytes)
}

function isWithin(some: readonly string[] | undefined, all: readonly string[] | undefined): boolean {
  return all === undefined || (some?.every((one) => all.includes(one)) ?? false)
}

const isNamedWithin = (some: readonly string[] | undefined, all: readonly string[] | undefined) =>
  all === undefined || (isWithin(some, all) && some?.length !== 0)

export interface DelegationUse {
  lookup: DelegationLookup
  org: Did
  cmd: DelegationCommand
  /** Who wants to use it. */
  aud: Did
  atMs: number
  /** Roots whose delegations count. */
  roots: readonly Did[]
  isRevoked: (address: Cid) => boolean
  ed25519: Ed25519
}

/**
 * Verifies a delegation with all it comes from, as `/mip/hello` presents it (MIP 4.1).
 * @throws MipError with the exact reason.
 */
export async function verifyDelegation(address: Cid, use: DelegationUse): Promise<Delegation> {
  const chain = readChain(address, use.lookup)
  if (typeof chain === 'string') throw new MipError(chain)
  const leaf = chain[0]!.delegation
  const fault = chainFault(chain, use) ?? useFault(leaf, use)
  if (fault) throw new MipError(fault)
  if (!use.roots.includes(chain.at(-1)!.delegation.iss)) throw new MipError('unknown_key')
  if (chain.some((one) => use.isRevoked(one.address))) throw new MipError('key_revoked')
  const verified = chain.map((one) => verifySigned('delegation', one, keyOfDid(one.delegation.iss), use.ed25519))
  if ((await Promise.all(verified)).includes(false)) throw new MipError('bad_signature')
  return leaf
}
