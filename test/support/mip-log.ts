import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { cidOf } from '../../protocol/core/cid.ts'
import { type OpenedDelegation, signDelegation } from '../../protocol/core/delegation.ts'
import { portableEd25519, publicKeyOfSeed } from '../../protocol/core/ed25519-rule.ts'
import { type OpenedEntry, signEntry } from '../../protocol/core/entry.ts'
import { didOfKey } from '../../protocol/core/keys.ts'
import { toWire } from '../../protocol/core/signed.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import type { Delegation } from '../../schemas/mip-delegation.ts'
import type { Entry } from '../../schemas/mip-entry.ts'

export const DAY_MS = 86_400_000
/** When the logs of the tests begin. */
export const START_MS = 1_760_000_000_000
export const BODY = cidOf(Uint8Array.of(1), 'object')

/** Someone with a key. The seed is one byte, 32 times. */
export interface Person {
  seed: Uint8Array
  did: Did
  /** What commits to this key before it is known. */
  hash: string
}

export function person(seedByte: number): Person {
  const seed = new Uint8Array(32).fill(seedByte)
  const key = publicKeyOfSeed(seed)
  return { seed, did: didOfKey(key), hash: bytesToHex(sha256(key)) }
}

/** Delegations that were made, by address. */
export class Delegations {
  readonly wires = new Map<Cid, Uint8Array>()
  readonly lookup = (address: Cid) => this.wires.get(address) ?? null

  async add(
    from: Person,
    to: Person,
    fields: Partial<Delegation> & Pick<Delegation, 'sub'>,
  ): Promise<OpenedDelegation> {
    const opened = await signDelegation(
      {
        v: 1,
        iss: from.did,
        aud: to.did,
        cmd: '/mip/log/append',
        pol: {},
        nbf: START_MS,
        exp: START_MS + 30 * DAY_MS,
        nonce: 'AAECAwQFBgcICQoLDA0ODw',
        prf: null,
        ...fields,
      },
      from.seed,
      portableEd25519,
    )
    this.wires.set(opened.address, toWire(opened))
    return opened
  }
}

/** Writes a log one entry after the other, valid or not: what is not given follows from the entry before. */
export class LogWriter {
  readonly entries: OpenedEntry[] = []
  readonly org: Did
  readonly log: string

  constructor(org: Did, log = 'main') {
    this.org = org
    this.log = log
  }

  async add(signer: Person, fields: Partial<Entry> & Pick<Entry, 'op'>): Promise<OpenedEntry> {
    const opened = await this.draft(signer, fields)
    this.entries.push(opened)
    return opened
  }

  /** An entry in the next place that is not kept. */
  draft(signer: Person, fields: Partial<Entry> & Pick<Entry, 'op'>): Promise<OpenedEntry> {
    const last = this.entries.at(-1)
    const seq = fields.seq ?? (last ? last.entry.seq + 1 : 0)
    const entry: Entry = {
      v: 1,
      org: this.org,
      log: this.log,
      epoch: last?.entry.epoch ?? 0,
      seq,
      prev: last?.cid ?? null,
      ts: START_MS + seq * 1000,
      key: signer.did,
      dlg: null,
      body: fields.op === 'cube.publish' ? BODY : null,
      sum: {},
      ...fields,
    }
    return signEntry(entry, signer.seed, portableEd25519)
  }

  async delegate(root: Person, delegation: OpenedDelegation): Promise<OpenedEntry> {
    const { address } = delegation
    return this.add(root, { op: 'org.delegate', body: address, sum: { delegation: address } })
  }

  /** The wire at a place of this log. */
  readonly known = (seq: number) => {
    const found = this.entries.find(({ entry }) => entry.seq === seq)
    return found ? toWire(found) : null
  }
}

/** The same entry with another signature than its own. */
export function forged(opened: OpenedEntry): OpenedEntry {
  const signature = Uint8Array.from(opened.signature)
  signature[3]! ^= 1
  return { ...opened, signature }
}
