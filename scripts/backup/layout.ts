import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Names inside MEMOS_HOME; a backup folder has the same. */
export const DATABASE_FILE = 'memos.db'
export const BLOBS_FOLDER = 'blobs'
export const ROOT_KEY_FILE = 'root.key'
/** Says what a backup holds. Written last, so a folder without it is an interrupted backup. */
export const MANIFEST_FILE = 'backup.json'
/** Below the blobs: chunks of the vector index, rebuilt from rows when absent. Not backed up. */
export const DERIVED_BLOBS = /^vectors\//

export interface BackupManifest {
  format: 1
  createdAt: string
  databaseSha256: string
  /** Rows per table. */
  tables: Record<string, number>
  blobs: number
  rootKey: boolean
}

/**
 * The database file that the node host uses for a home and a MEMOS_DATABASE_URL.
 * @throws Error when the database is not a file
 */
export function databasePathOf(home: string, databaseUrl: string | undefined): string {
  if (databaseUrl === undefined || databaseUrl === '') return join(home, DATABASE_FILE)
  if (!databaseUrl.startsWith('file:'))
    throw new Error(
      'MEMOS_DATABASE_URL names a server, not a file: use the backups of that server (docs/operations.md)',
    )
  return databaseUrl.startsWith('file://') ? fileURLToPath(databaseUrl) : databaseUrl.slice('file:'.length)
}
