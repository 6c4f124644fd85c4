import type { MipRemoteReason } from '../../protocol/core/mip-remote-error.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'

export type PeerMethod = 'hello' | 'log' | 'head' | 'objects' | 'blobChunk' | 'offerProof' | 'offerReceipt' | 'recon'

/** Arguments of a call without its options: a signal does not travel. */
export type PeerArguments<M extends PeerMethod> = Parameters<MipRemote[M]> extends [...infer A, unknown] ? A : never

export type PeerAnswer<M extends PeerMethod> = Awaited<ReturnType<MipRemote[M]>>

/** What came of a call to a peer in another process: classes of errors do not travel either. */
export type PeerOutcome<M extends PeerMethod> =
  | { answer: PeerAnswer<M> }
  | { failure: { reason: MipRemoteReason; detail: string; retryAfterMs?: number } }
