import type { Cid } from '../../schemas/cid.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX, MIP_OBJECTS_PER_CALL_MAX } from '../../schemas/limits-mip.ts'
import { codecOf, matchesCid } from '../core/cid.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import type { BlobPart, BlobRange, LogPage, LogRange } from '../core/wire-types.ts'

/** The bytes when they are what the CID names. @throws MipRemoteError `wrong_bytes` */
export function checkedObject(cid: Cid, bytes: Uint8Array): Uint8Array {
  if (matchesCid(cid, bytes)) return bytes
  throw new MipRemoteError('wrong_bytes', `other bytes than ${cid}`)
}

/** @throws MipRemoteError `bad_answer` for more entries than were asked for. */
export function checkedPage(range: LogRange, page: LogPage): LogPage {
  if (page.entries.length <= Math.min(range.limit, MIP_LOG_PAGE_ENTRIES_MAX)) return page
  throw new MipRemoteError('bad_answer', 'more entries than were asked for')
}

/**
 * The part when it is as long as the range and the size say; a raw CID that came whole is checked too.
 * @throws MipRemoteError `bad_answer`, `wrong_bytes`
 */
export function checkedBlobPart(cid: Cid, range: BlobRange, part: BlobPart): BlobPart {
  const expected = Math.max(0, Math.min(range.length, part.size - range.offset))
  if (part.bytes.length !== expected) throw new MipRemoteError('bad_answer', 'a part of another length than was said')
  const isWhole = range.offset === 0 && part.bytes.length === part.size
  if (isWhole && codecOf(cid) === 'raw') checkedObject(cid, part.bytes)
  return part
}

/** CIDs without repetition, in portions that one call may ask for. */
export function portionsOf(cids: readonly Cid[]): Cid[][] {
  const distinct = [...new Set(cids)]
  const portions: Cid[][] = []
  for (let at = 0; at < distinct.length; at += MIP_OBJECTS_PER_CALL_MAX)
    portions.push(distinct.slice(at, at + MIP_OBJECTS_PER_CALL_MAX))
  return portions
}
