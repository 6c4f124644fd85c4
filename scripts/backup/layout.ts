import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Names inside MEMOS_HOME; a backup folder has the same. */
export const DATABASE_FILE = 'memos.db'
export const BLOBS_FOLDER = 'blobs'
export const ROOT_KEY_FILE = 'root.key'
/** Says what a backup holds. Written last, so a folder without it is an interrupted backup. */
export const MANIFEST_FILE = 'backup.json'
/** Below the blobs: chunks of the vector index, rebuilt from rows when absent, and the mark of the readiness check. Not backed up. */
export const DERIVED_BLOBS = /^(vectors\/|\.ready$)/

export interface DatabaseFacts {
  sha256: string
  /** Rows per table. */
  tables: Record<string, number>
}

export interface BackupManifest {
  format: 1
  createdAt: string
  /** By file name. */
  databases: Record<string, DatabaseFacts>
  blobs: number
  rootKey: boolean
}

/** What names the databases of the node host (worker/entry/node/config.ts). */
export interface DatabaseSettings {
  MEMOS_DATABASE_URL?: string | undefined
  MEMOS_DATABASES?: string | undefined
}

/**
 * The database files of a home, by the name they have in a backup. The default database comes last: an organisation that is created during
 * a backup is then in the directory and has no rows yet, which is harmless; the other way round its rows would belong to nobody.
 * @throws Error when a database is not a file
 */
export function databaseFiles(home: string, settings: DatabaseSettings): Map<string, string> {
  const further = (settings.MEMOS_DATABASES ?? '').split(',').filter((pair) => pair !== '')
  const shards = further.map((pair): [string, string] => {
    const at = pair.indexOf('=')
    return [`database-${pair.slice(0, at)}.db`, pathOf(pair.slice(at + 1))]
  })
  const main = settings.MEMOS_DATABASE_URL ? pathOf(settings.MEMOS_DATABASE_URL) : join(home, DATABASE_FILE)
  return new Map([...shards, [DATABASE_FILE, main]])
}

function pathOf(url: string): string {
  if (!url.startsWith('file:'))
    throw new Error('A database is on a server, not in a file: use the backups of that server (docs/operations.md)')
  return url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)
}
