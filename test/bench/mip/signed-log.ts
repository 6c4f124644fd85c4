import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { signDelegation } from '../../../protocol/core/delegation.ts'
import { publicKeyOfSeed } from '../../../protocol/core/ed25519-rule.ts'
import { type OpenedEntry, signEntry } from '../../../protocol/core/entry.ts'
import { didOfKey } from '../../../protocol/core/keys.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import { nodeEd25519 } from '../../../protocol/host/native-ed25519.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import { type Entry, MAIN_LOG } from '../../../schemas/mip-entry.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Fills an entry up to about 1 KiB on the wire. */
const TOPICS = 8
const WORDS = [
  'preferences-about-travel-food-and-work-over-time',
  'decisions-taken-in-meetings-and-their-reasons-then',
  'people-and-places-that-came-up-in-conversation',
  'plans-for-the-coming-months-and-what-they-need',
]
const ROOT_SEED = new Uint8Array(32).fill(9)
const NEXT_SEED = new Uint8Array(32).fill(10)

/** A log as a publisher has it: genesis, a delegation to the edge's key, and entries that the edge has signed. */
export interface SignedLog {
  org: Did
  entries: OpenedEntry[]
  delegation: { address: Cid; wire: Uint8Array }
}

/** Who signs for the organisation, as `SigningKey` of a deployment. */
export interface EntrySigner {
  did: Did
  signEntry(entry: Entry): Promise<OpenedEntry>
}

/** Makes a log `main` with `count` entries of about 1 KiB each, the last one written now. `topic`: also of this one. */
export async function signedLog(count: number, edge: EntrySigner, topic?: string): Promise<SignedLog> {
  const ed25519 = nodeEd25519()
  const org = didOfKey(publicKeyOfSeed(ROOT_SEED))
  const root: EntrySigner = { did: org, signEntry: (entry) => signEntry(entry, ROOT_SEED, ed25519) }
  const beginMs = Date.now() - DAY_MS
  const next = bytesToHex(sha256(publicKeyOfSeed(NEXT_SEED)))
  const delegation = await signDelegation(
    {
      v: 1,
      iss: org,
      aud: edge.did,
      sub: org,
      cmd: '/mip/log/append',
      pol: {},
      nbf: beginMs,
      exp: beginMs + 80 * DAY_MS,
      nonce: 'AAECAwQFBgcICQoLDA0ODw',
      prf: null,
    },
    ROOT_SEED,
    ed25519,
  )
  const { address } = delegation
  const entries: OpenedEntry[] = []
  const append = async (signer: EntrySigner, fields: Pick<Entry, 'op' | 'sum'> & Partial<Entry>) => {
    const seq = entries.length
    const prev = (entries.at(-1)?.cid ?? null) as Entry['prev']
    const place = { v: 1 as const, org, log: MAIN_LOG, epoch: 0, seq, prev, ts: beginMs + seq }
    entries.push(await signer.signEntry({ ...place, key: signer.did, dlg: null, body: null, ...fields }))
  }
  await append(root, { op: 'org.genesis', sum: { next } })
  await append(root, { op: 'org.delegate', body: address, sum: { delegation: address } })
  while (entries.length < count)
    await append(edge, { op: 'cube.publish', dlg: address, body: address, sum: sumOf(entries.length, topic) })
  return { org, entries, delegation: { address, wire: toWire(delegation) } }
}

/** What a filter sees of an entry: a title and topics, different in each. */
function sumOf(seq: number, topic?: string): Entry['sum'] {
  const topics = Array.from({ length: TOPICS }, (_, i) => `${(seq * 7919 + i * 104729) % 1_000_003}-${WORDS[i % 4]}`)
  if (topic !== undefined) topics[0] = topic
  return { title: `What was learnt in session ${seq}: ${WORDS.join(', ')}`, topics, size: 1000 + seq, rev: 1 }
}
