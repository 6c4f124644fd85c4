import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { blobKeys, copyBlobs } from './copy-blobs.ts'
import { countRows, sha256OfFile, syncFile } from './inspect-database.ts'
import { type BackupManifest, BLOBS_FOLDER, MANIFEST_FILE, ROOT_KEY_FILE } from './layout.ts'

const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

/**
 * Puts a backup into a home that does not exist yet or is empty. Everything is copied beside it and checked, then moved into place in one
 * step, so a restore that fails leaves no half of a home.
 * @throws Error when the home holds something, or the backup is incomplete or damaged
 */
export async function restoreHome({ folder, home }: { folder: string; home: string }): Promise<BackupManifest> {
  if (existsSync(home) && (await readdir(home)).length > 0)
    throw new Error(`${home} is not empty: a restore never overwrites. Move it away first.`)
  const manifest = await readManifest(folder)
  const target = resolve(home)
  const staging = `${target}.restoring`
  await mkdir(dirname(target), { recursive: true })
  await mkdir(staging, { mode: PRIVATE_FOLDER })
  try {
    const files = [...Object.keys(manifest.databases), ...(manifest.rootKey ? [ROOT_KEY_FILE] : [])]
    for (const file of files) await copyPrivately(join(folder, file), join(staging, file))
    await copyBlobs(join(folder, BLOBS_FOLDER), join(staging, BLOBS_FOLDER))
    await verify(staging, manifest)
    await rename(staging, target)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    throw error
  }
  return manifest
}

async function readManifest(folder: string): Promise<BackupManifest> {
  const text = await readFile(join(folder, MANIFEST_FILE), 'utf8').catch(() => {
    throw new Error(`${folder} has no ${MANIFEST_FILE}: it is not a backup, or one that was interrupted`)
  })
  const manifest = JSON.parse(text) as BackupManifest
  if (manifest.format !== 1) throw new Error(`${folder} has format ${manifest.format}; this version reads format 1`)
  return manifest
}

async function verify(staging: string, manifest: BackupManifest): Promise<void> {
  for (const [name, expected] of Object.entries(manifest.databases)) {
    const database = join(staging, name)
    if ((await sha256OfFile(database)) !== expected.sha256)
      throw new Error(`${name} of the backup is damaged: its checksum differs`)
    const found = await countRows(database)
    const wrong = Object.keys({ ...expected.tables, ...found }).filter(
      (table) => expected.tables[table] !== found[table],
    )
    if (wrong.length > 0) throw new Error(`${name} of the backup is damaged: other row counts in ${wrong.join(', ')}`)
  }
  const blobs = (await blobKeys(join(staging, BLOBS_FOLDER))).length
  if (blobs !== manifest.blobs) throw new Error(`the backup is incomplete: ${blobs} blobs of ${manifest.blobs}`)
}

async function copyPrivately(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  await chmod(to, PRIVATE_FILE)
  await syncFile(to)
}
