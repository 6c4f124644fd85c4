/** Why a peer or mirror did not answer. The codes travel in frames and in the HTTP twin, so they are stable. */
export const MIP_REMOTE_REASONS = [
  'bad_request', // the other side did not understand the question
  'not_served', // nothing of that name is served to this caller
  'busy', // too many calls of this caller are running; ask again
  'rate_limited', // the caller's bucket is empty; ask again after `retryAfterMs`
  'too_large', // a frame, an answer or a blob beyond its limit
  'internal', // the other side failed
  'bad_delegation', // the delegation in the caller's hello is not the caller's, or not valid
  'bad_answer', // bytes that are no MIP frame, or another answer than was asked for
  'wrong_bytes', // bytes that are not what their CID names
  'cut_short', // the stream or body ended inside an answer
  'deadline', // no answer in time
  'unreachable', // no connection
  'refused_url', // an address that this deployment does not open (private, not https, redirected)
] as const
export type MipRemoteReason = (typeof MIP_REMOTE_REASONS)[number]

/** A call to a peer or mirror that failed. An aborted call rejects with the reason of its signal instead. */
export class MipRemoteError extends Error {
  override name = 'MipRemoteError'
  readonly reason: MipRemoteReason
  /** Time after which asking again makes sense (`busy`, `rate_limited`). */
  readonly retryAfterMs: number | undefined

  constructor(reason: MipRemoteReason, detail: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(`MIP remote: ${reason}: ${detail}`, options)
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
  }

  /** The other side lied or speaks something else: a strike, not a retry. */
  get isFaultOfPeer(): boolean {
    return this.reason === 'bad_answer' || this.reason === 'wrong_bytes'
  }
}
