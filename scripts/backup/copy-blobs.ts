import { constants } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { syncFile } from './inspect-database.ts'
import { DERIVED_BLOBS } from './layout.ts'

/** Copies every blob that the target lacks; a blob never changes under its key. Returns how many were copied. */
export async function copyBlobs(from: string, to: string): Promise<number> {
  const found = await blobKeys(from)
  let copied = 0
  for (const key of found) copied += (await copyBlob(join(from, key), join(to, key))) ? 1 : 0
  return copied
}

/** Paths of the blobs below a folder that are not derived. A file that ends in `.part` is one that is being written. */
export async function blobKeys(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((key) => !DERIVED_BLOBS.test(key))
    .sort()
}

async function copyBlob(from: string, to: string): Promise<boolean> {
  await mkdir(dirname(to), { recursive: true })
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
  } catch (error) {
    // ENOENT: its cube was deleted since the folder was listed. EEXIST: an earlier pass has it.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EEXIST') return false
    throw error
  }
  await syncFile(to)
  return true
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
