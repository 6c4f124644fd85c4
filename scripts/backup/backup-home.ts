import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyBlobs } from './copy-blobs.ts'
import { countRows, sha256OfFile, syncFile, withDatabase } from './inspect-database.ts'
import { type BackupManifest, BLOBS_FOLDER, type DatabaseFacts, MANIFEST_FILE, ROOT_KEY_FILE } from './layout.ts'

const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

interface BackupInit {
  /** MEMOS_HOME: blobs and root key. */
  home: string
  /** Paths of the database files by their name in the backup, in the order of copying. */
  databases: ReadonlyMap<string, string>
  /** Where the backup goes: absent or empty. */
  folder: string
}

/**
 * Copies a home while its server may be running. `VACUUM INTO` reads one snapshot: what was committed before it began is in the copy whole,
 * what was committed later is not in it at all. Blobs are copied before, since a deletion may remove some meanwhile, and again after, since
 * a blob is written before the row that names it.
 * @throws Error when the folder holds something, a database is missing, or the copy does not pass its check
 */
export async function backupHome({ home, databases, folder }: BackupInit): Promise<BackupManifest> {
  const missing = [...databases.values()].find((path) => !existsSync(path))
  if (missing !== undefined) throw new Error(`${missing} does not exist: name the home with --home`)
  await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER })
  if ((await readdir(folder)).length > 0)
    throw new Error(`${folder} is not empty: a backup goes into a folder of its own`)
  await chmod(folder, PRIVATE_FOLDER)

  const blobs = [join(home, BLOBS_FOLDER), join(folder, BLOBS_FOLDER)] as const
  const before = await copyBlobs(...blobs)
  for (const [name, path] of databases) await copyDatabase(path, join(folder, name))
  const after = await copyBlobs(...blobs)

  const facts: Record<string, DatabaseFacts> = {}
  for (const name of databases.keys()) {
    const copy = join(folder, name)
    facts[name] = { tables: await countRows(copy), sha256: await sha256OfFile(copy) }
  }
  const manifest: BackupManifest = {
    format: 1,
    createdAt: new Date().toISOString(),
    databases: facts,
    blobs: before + after,
    rootKey: await copyPrivately(join(home, ROOT_KEY_FILE), join(folder, ROOT_KEY_FILE)),
  }
  await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, {
    mode: PRIVATE_FILE,
    flush: true,
  })
  return manifest
}

async function copyDatabase(path: string, copy: string): Promise<void> {
  // The file exists with its final permissions before the first byte of memory is in it; VACUUM INTO accepts an empty file.
  await writeFile(copy, '', { mode: PRIVATE_FILE })
  await withDatabase(path, (client) => client.execute({ sql: 'vacuum into ?', args: [copy] }))
  await syncFile(copy)
}

/** Copies a file that only its owner may read. Returns whether there was one: MEMOS_ROOT_KEY may hold the key instead. */
async function copyPrivately(from: string, to: string): Promise<boolean> {
  if (!existsSync(from)) return false
  await writeFile(to, '', { mode: PRIVATE_FILE })
  await copyFile(from, to)
  await chmod(to, PRIVATE_FILE)
  await syncFile(to)
  return true
}
