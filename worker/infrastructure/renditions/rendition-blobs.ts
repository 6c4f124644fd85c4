import { sql } from 'drizzle-orm'
import { blobKey } from '../../ports/blob-keys.ts'
import type { Database } from '../../ports/database.ts'
import { inJson, statement } from '../vault/sql.ts'

/** Keys of the blobs of the KV caches that belong to cubes. */
export async function renditionBlobKeys(
  database: Database,
  orgId: string,
  cubeIds: readonly string[],
): Promise<string[]> {
  const rows = await database.all(
    statement(
      sql`select cube_id, rendition->>'$.blob.cid', rendition->>'$.tokens.cid' from kv_renditions where cube_id in ${inJson(cubeIds)}`,
    ),
  )
  return keysOf(orgId, rows)
}

/** The same of those that go when the given cubes go: their own, and those of the conversations that they take part in. */
export async function dependentBlobKeys(
  database: Database,
  orgId: string,
  cubeIds: readonly string[],
): Promise<{ cubeId: string; key: string }[]> {
  const ids = inJson(cubeIds)
  const rows = await database.all(
    statement(sql`select cube_id, rendition->>'$.blob.cid', rendition->>'$.tokens.cid', cube_id from kv_renditions where cube_id in ${ids}
      union all select k.cube_id, k.rendition->>'$.blob.cid', k.rendition->>'$.tokens.cid', s.source_id
        from kv_sources s cross join kv_renditions k on k.cube_id = s.cube_id where s.source_id in ${ids}`),
  )
  return rows.flatMap((row) => keysOf(orgId, [row]).map((key) => ({ cubeId: String(row[3]), key })))
}

const keysOf = (orgId: string, rows: readonly (readonly unknown[])[]): string[] =>
  rows.flatMap(([cubeId, blob, tokens]) => [blob, tokens].map((cid) => blobKey(orgId, String(cubeId), String(cid))))
