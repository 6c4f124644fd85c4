import type { Cid } from '../../schemas/cid.ts'
import type {
  BlobPart,
  BlobRange,
  LogName,
  LogPage,
  LogRange,
  MipHello,
  ProofAnswer,
  ReceiptOffer,
  ReconRequest,
  ServingAnswer,
  SignedBytes,
} from '../core/wire-types.ts'

/** Who asks. A source may serve less to a caller than to another one; limits of rate and concurrency are kept before it is asked. */
export interface MipCaller {
  transport: 'libp2p' | 'http'
  /** libp2p PeerId that the connection proved; undefined over HTTP. */
  peerId?: string
  /** Address as the transport saw it, for records. */
  address?: string
}

/** Every method ends with the signal: it is aborted when the caller goes away or its deadline passes. */
export interface MipServeOptions {
  caller: MipCaller
  signal: AbortSignal
}

/**
 * What a deployment serves to peers. Implemented once against the database; the stream protocols and the HTTP twin both serve it.
 * Bytes are opaque here: they were checked when they were stored, and whoever receives them checks them again.
 * A source answers null for what it does not have or does not show to this caller: the two look alike from outside.
 * Anything that it throws becomes `internal` for the caller; the message does not travel.
 */
export interface MipSource {
  /** Our hello. `theirs` is the caller's own (null over HTTP): its heads say what we miss. */
  hello(theirs: MipHello | null, options: MipServeOptions): Promise<MipHello>
  /** Judges the delegation in the hello of a peer, by the PeerId that its connection has proved. */
  presented(delegation: SignedBytes, options: MipServeOptions): Promise<ServingAnswer>
  /** At most `range.limit` entries and MIP_LOG_PAGE_BYTES_MAX bytes of entries; null for a log that is not served. */
  readLog(range: LogRange, options: MipServeOptions): Promise<LogPage | null>
  /** The newest signed head beacon of a log. */
  head(log: LogName, options: MipServeOptions): Promise<SignedBytes | null>
  /** Objects by CID, in the order asked for, null for each that is missing. At most MIP_OBJECTS_PER_CALL_MAX. */
  objects(cids: readonly Cid[], options: MipServeOptions): Promise<readonly (Uint8Array | null)[]>
  /** A part of a blob: of the bytes that a raw CID names, or of the file that a manifest (object CID) describes. */
  blob(cid: Cid, range: BlobRange, options: MipServeOptions): Promise<BlobPart | null>
  /** A proof of equivocation, or a revocation, as MIP-CBOR. It is judged, stored and passed on by the source. */
  offerProof(proof: Uint8Array, options: MipServeOptions): Promise<ProofAnswer>
  /**
   * Answers a message about the entries of some logs; null when one of them is not served. @throws MipRemoteError `bad_request` for what is
   * no message, `too_large` for more than MIP_RECON_ITEMS_MAX entries
   */
  recon(request: ReconRequest, options: MipServeOptions): Promise<Uint8Array | null>
  /** A receipt that something revoked here was erased elsewhere. It is judged and stored by the source. */
  offerReceipt(offer: ReceiptOffer, options: MipServeOptions): Promise<ProofAnswer>
}
