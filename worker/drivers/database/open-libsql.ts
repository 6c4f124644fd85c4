import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@libsql/client'
import { drizzle } from 'drizzle-orm/libsql'
import { migrate } from 'drizzle-orm/libsql/migrator'
import Libsql from 'libsql'
import type { Database } from '../../ports/database.ts'
import { LibsqlDriver } from './libsql.ts'
import { LibsqlFileDriver } from './libsql-file.ts'

const MIGRATIONS_FOLDER = join(import.meta.dirname, '..', '..', '..', 'schemas', 'migrations')
const FILE_PRAGMAS = [
  'journal_mode = wal',
  'synchronous = normal',
  'cache_size = -65536',
  'temp_store = memory',
  // Deleted content is overwritten where that needs no extra write.
  'secure_delete = fast',
  'mmap_size = 268435456',
  // Postings touch pages all over the tree: a checkpoint every 4 MB would write the same pages again and again.
  'wal_autocheckpoint = 16384',
  'journal_size_limit = 67108864',
]

export interface OpenDatabase {
  database: Database
  close(): Promise<void>
}

/**
 * Opens and migrates a libSQL database: `file:PATH`, `:memory:` or a Turso URL. A file uses WAL with synchronous=NORMAL: a commit survives
 * the death of the process; a power loss may take the last commits but never breaks the file.
 */
export async function openLibsql(name: string, url: string, authToken?: string): Promise<OpenDatabase> {
  if (!existsSync(MIGRATIONS_FOLDER))
    throw new Error('the folder schemas/migrations is missing: the installation is not complete')
  const client = createClient({ url, concurrency: 1, ...(authToken === undefined ? {} : { authToken }) })
  if (url.startsWith('file:')) for (const pragma of FILE_PRAGMAS) await client.execute(`pragma ${pragma}`)
  await migrate(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER })
  if (!url.startsWith('file:')) return { database: new LibsqlDriver(name, client), close: async () => client.close() }
  client.close()
  return openFile(name, filePath(url))
}

/** Path of a `file:` URL in either form, `file:PATH` and `file:///PATH`. */
export const filePath = (url: string): string =>
  url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)

function openFile(name: string, path: string): OpenDatabase {
  const engine = new Libsql(path)
  for (const pragma of FILE_PRAGMAS) engine.exec(`pragma ${pragma}`)
  return {
    database: new LibsqlFileDriver(name, engine),
    close: async () => {
      try {
        // Folds the WAL into the file, so that a copy of the file alone is the whole database after a clean stop.
        engine.exec('pragma wal_checkpoint(truncate)')
      } finally {
        engine.close()
      }
    },
  }
}
