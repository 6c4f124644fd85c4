import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { MemosError } from '../../../schemas/errors.ts'
import { type BlobStore, exactly } from '../../ports/blob-store.ts'

/** Blobs as files below one folder. A blob is written beside its place, synced and renamed, so a reader never sees half of one. */
export class FileSystemBlobStore implements BlobStore {
  readonly #root: string

  constructor(root: string) {
    this.#root = resolve(root)
  }

  put(key: string, bytes: Uint8Array) {
    return this.#write(key, (file) => file.writeFile(bytes))
  }

  putPieces(key: string, size: number, pieces: AsyncIterable<Uint8Array>) {
    return this.#write(key, (file) => file.writeFile(exactly(size, pieces)))
  }

  async #write(key: string, write: (file: FileHandle) => Promise<void>) {
    const path = this.#pathOf(key)
    const temporary = `${path}.${randomUUID()}.part`
    try {
      await mkdir(dirname(path), { recursive: true })
      const file = await open(temporary, 'wx')
      try {
        await write(file)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT'
        ? new MemosError('storage_full', {}, { cause: error })
        : error
    }
  }

  async get(key: string) {
    try {
      return new Uint8Array(await readFile(this.#pathOf(key)))
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
  }

  async slice(key: string, offset: number, length: number) {
    try {
      const file = await open(this.#pathOf(key), 'r')
      try {
        const { size } = await file.stat()
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
        // A file under its name is whole and is never written again, so what its size says is there.
        for (let at = 0; at < bytes.length; )
          at += (await file.read(bytes, at, bytes.length - at, offset + at)).bytesRead || cutShort(key)
        return { size, bytes }
      } finally {
        await file.close()
      }
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
  }

  async size(key: string) {
    try {
      const found = await stat(this.#pathOf(key))
      return found.isFile() ? found.size : null
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
  }

  async delete(keys: readonly string[]) {
    const remove = (key: string) =>
      unlink(this.#pathOf(key)).catch((error: unknown) => {
        if (!isAbsent(error)) throw error
      })
    await Promise.all(keys.map(remove))
  }

  async list(prefix: string, { after = '', limit = 1000 }: { after?: string; limit?: number } = {}) {
    const folder = this.#pathOf(prefix.slice(0, prefix.lastIndexOf('/') + 1) || '.')
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return []
      throw error
    })
    return entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
      .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix) && key > after)
      .sort()
      .slice(0, limit)
  }

  #pathOf(key: string): string {
    const path = resolve(this.#root, key)
    // A key comes from our own code, but a path outside the root would be a way out of the store whatever its origin.
    if (path !== this.#root && !path.startsWith(this.#root + sep))
      throw new RangeError('"key" expected a path inside the store')
    return path
  }
}

/** A disk that loses bytes under a file would otherwise be read for ever. */
function cutShort(key: string): never {
  throw new Error(`the file of ${key} is shorter than its size says`)
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

// A key that is only the beginning of others is a folder here, and one below another key leads through a file: both name no blob.
const ABSENT = new Set<unknown>(['ENOENT', 'EISDIR', 'ENOTDIR'])
const isAbsent = (error: unknown): boolean => ABSENT.has(codeOf(error))
