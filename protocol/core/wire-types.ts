import type { Cid } from '../../schemas/cid.ts'

/** Wire of anything signed: canonical bytes and the Ed25519 signature over their CID (MIP 4.2). Opaque to whoever carries it. */
export type SignedBytes = readonly [bytes: Uint8Array, signature: Uint8Array]

/** One log of one organisation. `org` is a did:key, `log` a name. */
export interface LogName {
  org: string
  log: string
}

/** Where an entry stands. `seq` is dense from 0 and goes on through epochs, which count resolved forks. */
export interface LogPosition {
  epoch: number
  seq: number
}

/** Entries from a position onwards, in log order. */
export interface LogRange extends LogName {
  from: LogPosition
  /** At most MIP_LOG_PAGE_ENTRIES_MAX; a page may hold fewer, because it is full at MIP_LOG_PAGE_BYTES_MAX. */
  limit: number
}

/** A page of a log. Entries follow each other without a gap; none means that there is nothing from that position onwards. */
export interface LogPage {
  entries: readonly SignedBytes[]
  /** The newest signed head beacon known of this log, so that a reader sees what is still missing; null when none was seen. */
  head: SignedBytes | null
}

/** Bytes `offset` to `offset + length` of a blob. */
export interface BlobRange {
  offset: number
  length: number
}

/** A part of a blob. `bytes` is shorter than asked for only where the blob ends. */
export interface BlobPart {
  /** Bytes of the whole blob. */
  size: number
  bytes: Uint8Array
}

/** What two peers tell each other first (MIP 4.5). */
export interface MipHello {
  /** Major versions of the protocol that are understood, newest first. */
  versions: readonly number[]
  /** Names of optional parts; both sides use what both name. */
  features: readonly string[]
  /** Signed head beacons of the logs that are served here: tail loss is found without a next message. */
  heads: readonly SignedBytes[]
  /** Delegation `/mip/serve` for the node's key; absent when the node speaks for nobody. */
  delegation?: SignedBytes
  /** Fingerprints of the models that run here; absent unless the owner opts in. */
  fingerprints?: readonly Uint8Array[]
}

/** What became of an offered proof. */
export const PROOF_ANSWERS = ['accepted', 'known', 'refused'] as const
export type ProofAnswer = (typeof PROOF_ANSWERS)[number]

/** A message about the entries of some logs, for finding out what one side lacks. */
export interface ReconRequest {
  /** At most MIP_RECON_LOGS_MAX. */
  logs: readonly LogName[]
  message: Uint8Array
}

/** A signed receipt of an erasure, with the delegations by which its key signs. */
export interface ReceiptOffer {
  receipt: SignedBytes
  delegations: readonly SignedBytes[]
}

/**
 * What a delegation in a hello was worth. `counted`: the peer speaks for the organisation; `unknown`: nothing follows from it here; `refused`:
 * it is held against the peer.
 */
export interface ServingAnswer {
  outcome: 'counted' | 'unknown' | 'refused'
  /** Code of the protocol (MipReason) for what was not counted; null where the organisation is not known here. */
  reason: string | null
}

/** Objects by their CID; what is missing there is absent. */
export type ObjectsByCid = ReadonlyMap<Cid, Uint8Array>
