import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import { drizzle } from 'drizzle-orm/libsql'
import { migrate } from 'drizzle-orm/libsql/migrator'
import { LibsqlDriver } from './libsql.ts'

const MIGRATIONS_FOLDER = join(import.meta.dirname, '..', '..', '..', 'schemas', 'migrations')

export interface OpenDatabase {
  database: LibsqlDriver
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
  if (url.startsWith('file:')) {
    for (const pragma of [
      'journal_mode = wal',
      'synchronous = normal',
      'cache_size = -65536',
      'temp_store = memory',
      'mmap_size = 268435456',
    ]) {
      await client.execute(`pragma ${pragma}`)
    }
  }
  await migrate(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER })
  return {
    database: new LibsqlDriver(name, client),
    // Folds the WAL into the file, so that a copy of the file alone is the whole database after a clean stop.
    close: async () => {
      if (url.startsWith('file:')) await client.execute('pragma wal_checkpoint(truncate)').catch(() => undefined)
      client.close()
    },
  }
}
