import type { Cid } from '../../schemas/cid.ts'
import type {
  BlobPart,
  BlobRange,
  LogName,
  LogPage,
  LogRange,
  MipHello,
  ObjectsByCid,
  ProofAnswer,
  ReceiptOffer,
  ReconRequest,
  SignedBytes,
} from '../core/wire-types.ts'

export interface MipCallOptions {
  /** Ends the call; it then rejects with the signal's reason. A deadline of MIP_CALL_MS_MAX holds besides. */
  signal: AbortSignal
  /** What a cache may have kept is not enough: the log has perhaps changed under its address. */
  isFresh?: boolean
}

/**
 * A peer or mirror that can be asked. What it says is checked for form and, where a CID names the bytes, for content; signatures and the
 * chain of a log are for the caller to check.
 * Every method rejects with a MipRemoteError, or with the signal's reason.
 */
export interface MipRemote {
  /** Address of a mirror or PeerId, for records and strikes. */
  readonly name: string
  hello(options: MipCallOptions): Promise<MipHello>
  /** null: this log is not served there. */
  log(range: LogRange, options: MipCallOptions): Promise<LogPage | null>
  head(log: LogName, options: MipCallOptions): Promise<SignedBytes | null>
  /** Objects that match their CID; a wrong one rejects with `wrong_bytes`. Any number: it asks in portions. */
  objects(cids: readonly Cid[], options: MipCallOptions): Promise<ObjectsByCid>
  /**
   * A part of a blob, at most MIP_BLOB_RANGE_BYTES_MAX; null when it is not served there. The whole of a raw CID is checked here; parts
   * are for the caller to check against the manifest.
   */
  blobChunk(cid: Cid, range: BlobRange, options: MipCallOptions): Promise<BlobPart | null>
  offerProof(proof: Uint8Array, options: MipCallOptions): Promise<ProofAnswer>
  /** The answer to a message about the entries of some logs; null: one of them is not served there. */
  recon(request: ReconRequest, options: MipCallOptions): Promise<Uint8Array | null>
  /** Tells a publisher that what it revoked is erased. A mirror refuses. */
  offerReceipt(offer: ReceiptOffer, options: MipCallOptions): Promise<ProofAnswer>
  /** Lets go of streams that wait for reuse. Calls after it open new ones. */
  close(): Promise<void>
}
