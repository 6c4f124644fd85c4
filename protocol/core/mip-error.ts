/** Why MIP refuses something. The codes are stable: conformance vectors and other implementations use them. */
export type MipReason =
  | 'too_large' // over a limit of MIP
  | 'not_canonical' // not MIP-CBOR, or not a pair of bytes and signature
  | 'invalid_entry' // MIP-CBOR, but not of the shape that it claims (entry, head, delegation, proof)
  | 'invalid_key' // not a did:key of an Ed25519 key
  | 'bad_signature'
  | 'wrong_org' // of another organisation
  | 'wrong_log' // of another log, or an operation in a log where it has no place
  | 'gap' // entries between are missing
  | 'fork' // does not continue, or contradicts, what is known
  | 'resync' // the survivor of a fork is on another branch: read the log from its start
  | 'frozen' // a fork is proven and not resolved
  | 'held' // needs something that this reader does not know
  | 'no_authority' // the main log of the organisation has not been read
  | 'unknown_key' // neither root nor delegated by one
  | 'key_revoked'
  | 'not_allowed' // the key may do other things than this
  | 'wrong_preimage' // a rotation to another key than the one committed to
  | 'delegation_missing' // the object of a delegation is not at hand
  | 'delegation_expired'
  | 'delegation_early' // before it starts
  | 'delegation_too_long' // valid for more than 90 days
  | 'delegation_too_deep'
  | 'delegation_widened' // allows more than the one it comes from
  | 'delegation_broken' // issued by another key than the parent's audience, or to another audience
  | 'delegation_wrong_command'
  | 'too_many' // more delegations or revocations than a state remembers
  | 'not_revoked' // a receipt of something that the log has not revoked
  | 'not_equivocation' // two entries that do not contradict each other

/** A refusal of the protocol. The message names a field or a place, never content. */
export class MipError extends Error {
  override name = 'MipError'
  readonly code: MipReason

  constructor(code: MipReason, where = '', options?: ErrorOptions) {
    super(where === '' ? code : `${code}: ${where}`, options)
    this.code = code
  }
}
