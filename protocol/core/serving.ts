import type { Cid } from '../../schemas/cid.ts'
import type { DelegationCommand } from '../../schemas/mip-delegation.ts'
import { type DelegationLookup, type OpenedDelegation, readChain, verifyDelegation } from './delegation.ts'
import type { Ed25519 } from './ed25519-rule.ts'
import { didOfPeerId } from './keys.ts'
import type { Authority } from './log-state.ts'
import { MipError, type MipReason } from './mip-error.ts'
import { toWire } from './signed.ts'

/** What a node is allowed that speaks for an organisation (MIP 4.1). */
export const SERVE: DelegationCommand = '/mip/serve'

/** Refusals that a clock or a log that is behind explains: they say nothing of whoever presented the delegation. */
const EXCUSED: ReadonlySet<MipReason> = new Set(['delegation_early', 'delegation_expired', 'unknown_key'])

/** Whether a refused delegation is held against the peer that presented it. */
export const isLie = (reason: MipReason): boolean => !EXCUSED.has(reason)

export interface Presented {
  delegation: OpenedDelegation
  /** PeerId that the connection has proved. */
  peerId: string
  /** Of the organisation that the delegation names. */
  authority: Authority
  /** Delegations that it may come from. */
  lookup: DelegationLookup
  atMs: number
  ed25519: Ed25519
}

/**
 * Verifies that a node speaks for an organisation. Only the root of now counts: nothing dates a delegation that stands in no log, so a root
 * that was rotated away because it was stolen would go on speaking.
 * @returns addresses of the chain, the leaf first
 * @throws MipError with the exact reason
 */
export async function verifyServing(presented: Presented): Promise<Cid[]> {
  const { delegation: leaf, peerId, authority, atMs, ed25519 } = presented
  const aud = didOfPeerId(peerId)
  if (aud === null) throw new MipError('delegation_broken')
  const lookup: DelegationLookup = (address) => (address === leaf.address ? toWire(leaf) : presented.lookup(address))
  await verifyDelegation(leaf.address, {
    lookup,
    org: leaf.delegation.sub,
    cmd: SERVE,
    aud,
    atMs,
    roots: [authority.root],
    isRevoked: (address) => isServingRevoked(authority, address),
    ed25519,
  })
  const chain = readChain(leaf.address, lookup)
  if (typeof chain === 'string') throw new MipError(chain)
  return chain.map(({ address }) => address)
}

/** A right to serve has no place in a log: a revocation of it counts whatever log it names. */
export const isServingRevoked = ({ revoked }: Authority, address: Cid): boolean =>
  revoked.some(({ delegation }) => delegation === address)
