import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const DATABASE = /\.db(-wal|-shm)?$/

/** Bytes under a stopped server's home: its database with the write-ahead log folded in, and everything else (blobs, keys). */
export function diskBytes(home: string): { database: number; blobs: number } {
  const files = () =>
    readdirSync(home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  for (const path of files().filter((file) => file.endsWith('.db'))) {
    const database = new DatabaseSync(path)
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
  }
  const sum = (paths: string[]) => paths.reduce((bytes, path) => bytes + statSync(path).size, 0)
  const [database, blobs] = [true, false].map((is) => sum(files().filter((file) => DATABASE.test(file) === is)))
  return { database: database ?? 0, blobs: blobs ?? 0 }
}
