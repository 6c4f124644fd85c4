import { sql } from 'drizzle-orm'
import { readStoredRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { Database } from '../../ports/database.ts'
import { renditionBlobKeys } from '../renditions/rendition-blobs.ts'
import { inJson, statement } from './sql.ts'
import { blobKeysOf } from './text-blob.ts'

/**
 * Which blobs the revisions of cubes and their KV caches name, revisions in branches included: a test of a key. Everything of a cube whose bytes cannot be read counts
 * as named.
 */
export async function namedBlobs(
  database: Database,
  orgId: string,
  cubeIds: readonly string[],
): Promise<(key: string) => boolean> {
  // The CBOR text key `blob`; a text that happens to hold these bytes only costs a look.
  const rows = await database.all(
    statement(sql`select cube_id, cid, bytes from revisions where cube_id in ${inJson(cubeIds)} and instr(bytes, x'64626c6f62') > 0
      union all select cube_id, cid, bytes from branch_cubes where cube_id in ${inJson(cubeIds)} and instr(bytes, x'64626c6f62') > 0`),
  )
  const keys = new Set<string>(await renditionBlobKeys(database, orgId, cubeIds))
  const unreadable: string[] = []
  for (const [cubeId, cid, bytes] of rows) {
    try {
      for (const key of blobKeysOf(orgId, readStoredRevision(cid as Cid, bytes as Uint8Array))) keys.add(key)
    } catch {
      unreadable.push(blobKey(orgId, String(cubeId), ''))
    }
  }
  return (key) => keys.has(key) || unreadable.some((prefix) => key.startsWith(prefix))
}

/**
 * Removes those of the given blobs of living cubes that no revision names. A write that brings the very same bytes back meanwhile has put its blob
 * before and its row after: then the blob is put back.
 */
export async function removeUnnamed(
  { database, blobs, orgId }: { database: Database; blobs: BlobStore; orgId: string },
  byCube: ReadonlyMap<string, readonly string[]>,
): Promise<string[]> {
  const isNamed = await namedBlobs(database, orgId, [...byCube.keys()])
  const gone = [...byCube].flatMap(([cubeId, keys]) =>
    keys.filter((key) => !isNamed(key)).map((key) => ({ cubeId, key })),
  )
  for (const { cubeId, key } of gone) {
    const bytes = await blobs.get(key)
    await blobs.delete([key])
    if (bytes !== null && (await namedBlobs(database, orgId, [cubeId]))(key)) await blobs.put(key, bytes)
  }
  return gone.map(({ key }) => key)
}
