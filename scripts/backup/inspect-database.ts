import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createClient } from '@libsql/client'

/** How long a copy waits while the server folds its WAL into the file. */
const BUSY_MS_MAX = 10_000

/** Opens one connection to a database file and closes it again. */
export async function withDatabase<T>(
  path: string,
  use: (client: ReturnType<typeof createClient>) => Promise<T>,
): Promise<T> {
  const client = createClient({ url: `file:${path}`, concurrency: 1 })
  try {
    await client.execute(`pragma busy_timeout = ${BUSY_MS_MAX}`)
    return await use(client)
  } finally {
    client.close()
  }
}

/**
 * Rows per table of a database that passes SQLite's integrity check.
 * @throws Error naming what the check found
 */
export function countRows(path: string): Promise<Record<string, number>> {
  return withDatabase(path, async (client) => {
    const check = (await client.execute('pragma integrity_check')).rows.map((row) => String(row[0]))
    if (check.join() !== 'ok')
      throw new Error(`${path} does not pass the integrity check: ${check.slice(0, 3).join('; ')}`)
    const names = (
      await client.execute(
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name",
      )
    ).rows
    const counts: [string, number][] = []
    for (const { name } of names) {
      const [row] = (await client.execute(`select count(*) as rows from "${String(name).replaceAll('"', '""')}"`)).rows
      counts.push([String(name), Number(row?.rows)])
    }
    return Object.fromEntries(counts)
  })
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Waits until a file is on the disk: VACUUM INTO and copyFile leave that to the operating system. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
