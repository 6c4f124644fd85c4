import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import type { Delegation, DelegationCommand, DelegationPolicy } from '../../schemas/mip-delegation.ts'
import { type Entry, MAIN_LOG } from '../../schemas/mip-entry.ts'
import { expectBytes } from './cid.ts'
import { type OpenedDelegation, signDelegation } from './delegation.ts'
import { type Ed25519, publicKeyOfSeed } from './ed25519-rule.ts'
import { type OpenedEntry, signEntry } from './entry.ts'
import { didOfKey } from './keys.ts'
import { BASE64URL } from './object-view.ts'

/** Who signs as the root of an organisation, and when. `seed`: 32 bytes that stay where this runs. */
export interface RootSigner {
  seed: Uint8Array
  ed25519: Ed25519
  nowMs: number
}

/** Where the main log of an organisation ends; `cid` null: nowhere yet. */
export interface MainEnd {
  org: Did
  epoch: number
  seq: number
  cid: Cid | null
}

const NONCE_BYTES = 16

/** did:key of a root by its seed. */
export const rootDid = (seed: Uint8Array): Did => didOfKey(publicKeyOfSeed(seed))

/** What commits to the next root: sha2-256, hex, of its public key. */
export const commitmentTo = (nextSeed: Uint8Array): string => bytesToHex(sha256(publicKeyOfSeed(nextSeed)))

/** The next entry of the main log, by the root. @throws MipError `invalid_entry` naming the field. */
export function signAsRoot(
  end: MainEnd,
  { op, body = null, sum }: Pick<Entry, 'op' | 'sum'> & { body?: Cid | null },
  { seed, ed25519, nowMs }: RootSigner,
): Promise<OpenedEntry> {
  const place = { v: 1, org: end.org, log: MAIN_LOG, epoch: end.epoch, seq: end.seq + 1, prev: end.cid } as const
  return signEntry({ ...place, ts: nowMs, op, key: rootDid(seed), dlg: null, body, sum }, seed, ed25519)
}

/** The first entry of an organisation: its identity is the key that signs it. `nextSeed`: seed of the root after this one. */
export function signGenesis(nextSeed: Uint8Array, signer: RootSigner): Promise<OpenedEntry> {
  const end = { org: rootDid(signer.seed), epoch: 0, seq: -1, cid: null }
  return signAsRoot(end, { op: 'org.genesis', sum: { next: commitmentTo(nextSeed) } }, signer)
}

/** Hands over to the root that was committed to, and commits to the one after it. */
export function signRotation(end: MainEnd, nextSeed: Uint8Array, afterNextSeed: Uint8Array, signer: RootSigner) {
  const sum = { root: rootDid(nextSeed), next: commitmentTo(afterNextSeed) }
  return signAsRoot(end, { op: 'org.rotate', sum }, signer)
}

export interface Grant {
  org: Did
  aud: Did
  cmd: DelegationCommand
  pol?: DelegationPolicy
  nbf: number
  exp: number
  /** 16 random bytes. */
  nonce: Uint8Array
}

/** A right that the root gives away. */
export function signGrant(
  { org, aud, cmd, pol = {}, nbf, exp, nonce }: Grant,
  signer: RootSigner,
): Promise<OpenedDelegation> {
  const iss = rootDid(signer.seed)
  const text = BASE64URL.toText(expectBytes(nonce, NONCE_BYTES, 'nonce'))
  const delegation: Delegation = { v: 1, iss, aud, sub: org, cmd, pol, nbf, exp, nonce: text, prf: null }
  return signDelegation(delegation, signer.seed, signer.ed25519)
}

/** The entry that puts a delegation into force. */
export const signDelegate = (end: MainEnd, { address }: Pick<OpenedDelegation, 'address'>, signer: RootSigner) =>
  signAsRoot(end, { op: 'org.delegate', body: address, sum: { delegation: address } }, signer)

/** The place after an entry. */
export const endAfter = ({ entry, cid }: OpenedEntry): MainEnd => ({
  org: entry.org,
  epoch: entry.epoch,
  seq: entry.seq,
  cid,
})
