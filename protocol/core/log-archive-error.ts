/** Why a log archive is refused. The codes are stable. */
export type LogArchiveReason =
  | 'malformed' // not a CAR file of version 1
  | 'block' // a block above 4 MiB, or an address that MIP does not know
  | 'hash' // bytes that are not what their CID names
  | 'header' // the first block does not describe an archive, or is not the root
  | 'frame' // blocks that are not in the order of the format
  | 'truncated' // the file ends before the last entry that its header names

/** A log archive that is refused. */
export class LogArchiveError extends Error {
  override name = 'LogArchiveError'
  readonly reason: LogArchiveReason

  constructor(reason: LogArchiveReason, options?: ErrorOptions) {
    super(`not a log archive: ${reason}`, options)
    this.reason = reason
  }
}
