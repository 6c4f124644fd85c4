/** Why bytes or a value are not MIP-CBOR. The codes are stable: conformance vectors and other implementations use them. */
export type MipCborReason =
  | 'size' // more than 64 KiB
  | 'depth' // more than 16 arrays and maps inside each other
  | 'malformed' // not CBOR, cut short, or followed by more bytes
  | 'indefinite' // a length that is not stated
  | 'not_canonical' // another encoding of the same value is the right one
  | 'float' // any float, NaN, infinity or negative zero
  | 'big_int' // |n| >= 2^53
  | 'undefined'
  | 'simple' // a simple value other than false, true, null
  | 'tag' // any tag but 42
  | 'cid' // not a CIDv1 with codec 0x71 or 0x55 and sha2-256
  | 'key' // a map key that is no string, not [a-z][A-Za-z0-9]*, or there twice
  | 'utf8' // a string with a lone surrogate or a leading byte order mark
  | 'non_nfc'
  | 'type' // a value that the data model does not have (Date, Map, function)

/** Bytes or a value outside the MIP-CBOR profile (MIP 4.2). The message never carries content. */
export class MipCborError extends Error {
  override name = 'MipCborError'
  readonly reason: MipCborReason

  /** `where` is a byte offset or the path of a field. */
  constructor(reason: MipCborReason, where: string, options?: ErrorOptions) {
    super(`not MIP-CBOR: ${reason} at ${where}`, options)
    this.reason = reason
  }
}
