import type { Run } from '../../../protocol/core/bitfield.ts'
import { type BlobShape, chunkCount } from '../../../protocol/core/manifest.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { BlobStore } from '../../ports/blob-store.ts'

/** Chunks that lie in one object. */
export type Segment = Run

/** Keys of one page of a listing. */
const KEYS_PER_PAGE = 1000

/** `AREAparts/CID/FROM-TO`: chunks `from` to below `to` of the manifest. */
export const segmentKey = ({ area, cid }: { area: string; cid: Cid }, { from, to }: Segment): string =>
  `${area}parts/${cid}/${from}-${to}`

/** The segments that are there. A name that says anything else than chunks of the blob is none. */
export async function segmentsOf(blobs: BlobStore, init: BlobShape & { area: string; cid: Cid }): Promise<Segment[]> {
  const keys = await allKeys(blobs, `${init.area}parts/${init.cid}/`)
  return keys.flatMap((key) => {
    const [, from, to] = /\/(\d{1,7})-(\d{1,7})$/.exec(key)?.map(Number) ?? []
    const isRun = from !== undefined && to !== undefined && from < to && to <= chunkCount(init)
    return isRun ? [{ from, to }] : []
  })
}

/** The one that holds a chunk and goes on the furthest. @throws RangeError when none does. */
export function segmentOf(segments: readonly Segment[], index: number): Segment {
  let best: Segment | undefined
  for (const one of segments) if (one.from <= index && index < one.to && one.to > (best?.to ?? index)) best = one
  if (best === undefined) throw new RangeError('"sink" expected every chunk')
  return best
}

/**
 * Notes durably that a download takes room: `AREAreserved/CID/SIZE`. It is noted first and counted after, so that of two that do not fit together at
 * least one sees the other.
 * @throws MemosError `storage_full` when all that is noted is more than `bytesMax`; an earlier note of the same download stays.
 */
export async function reserveRoom(
  blobs: BlobStore,
  { area, cid, size, bytesMax }: { area: string; cid: Cid; size: number; bytesMax: number },
): Promise<void> {
  const note = `${area}reserved/${cid}/${size}`
  const isNew = (await blobs.size(note)) === null
  if (isNew) await blobs.put(note, new Uint8Array())
  const notes = await allKeys(blobs, `${area}reserved/`)
  const taken = notes.reduce((sum, key) => sum + Number(key.slice(key.lastIndexOf('/') + 1)), 0)
  if (taken <= bytesMax) return
  if (isNew) await blobs.delete([note])
  throw new MemosError('storage_full', { detail: 'What is being fetched already takes the room that there is.' })
}

export async function allKeys(blobs: BlobStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for (;;) {
    const after = keys.at(-1)
    const page = await blobs.list(prefix, { limit: KEYS_PER_PAGE, ...(after === undefined ? {} : { after }) })
    keys.push(...page)
    if (page.length < KEYS_PER_PAGE) return keys
  }
}
