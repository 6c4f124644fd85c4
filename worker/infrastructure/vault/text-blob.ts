import { matchesCid } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'

type TextRendition = Extract<Rendition, { kind: 'text' }>

const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Addresses of all blobs that a revision names. */
export const blobCidsOf = ({ renditions }: Revision): Cid[] =>
  renditions.flatMap((rendition) => {
    if (rendition.kind === 'kv') return [rendition.blob.cid, rendition.tokens.cid]
    return rendition.blob === undefined ? [] : [rendition.blob.cid]
  })

/** Keys of all blobs that a revision names. */
export const blobKeysOf = (orgId: string, revision: Revision): string[] =>
  blobCidsOf(revision).map((cid) => blobKey(orgId, revision.cubeId, cid))

/**
 * The text of a revision, or null when it has none.
 * @throws MemosError blob_missing, data_corrupt
 */
export async function readText(
  blobs: BlobStore,
  orgId: string,
  cubeId: string,
  revision: Revision,
): Promise<string | null> {
  const rendition = revision.renditions.find((one): one is TextRendition => one.kind === 'text')
  if (rendition === undefined) return null
  if (rendition.text !== undefined) return rendition.text
  const cid = rendition.blob?.cid
  if (cid === undefined) return null
  const bytes = await blobs.get(blobKey(orgId, cubeId, cid))
  if (bytes === null)
    throw new MemosError('blob_missing', { detail: `The text of cube ${cubeId} is missing from the blob store.` })
  if (!matchesCid(cid, bytes))
    throw new MemosError('data_corrupt', { detail: `The text of cube ${cubeId} does not match its content address.` })
  return fromUtf8.decode(bytes)
}
