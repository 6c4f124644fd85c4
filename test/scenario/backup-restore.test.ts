/**
 * Goal: a backup taken while rows are being written is a whole database that holds every row committed before it began.
 * Method: this process writes like the server does, the backup runs as the separate process that an operator starts.
 */
import { execFile } from 'node:child_process'
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { FileSystemBlobStore } from '../../worker/drivers/blob-store/file-system.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { tempDir } from '../support/temp-dir.ts'

const SCRIPTS = join(import.meta.dirname, '../../scripts')
const ROWS_BEFORE = 2000
/** Settings of the scripts; one test adds a second database. */
const ENVIRONMENT: Record<string, string> = {}
const BLOB_KEY = 'cubes/org/cube/cid'

const script = (name: 'backup' | 'restore', ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(SCRIPTS, `${name}.ts`), ...args], { env: ENVIRONMENT })

async function newHome(root: string) {
  const home = join(root, 'home')
  const blobs = new FileSystemBlobStore(join(home, 'blobs'))
  await blobs.put(BLOB_KEY, new Uint8Array([1, 2, 3]))
  await blobs.put('vectors/1/model@8/manifest', new Uint8Array([4]))
  await writeFile(join(home, 'root.key'), 'secret', { mode: 0o600 })
  const { database, close } = await openLibsql('default', `file:${join(home, 'memos.db')}`)
  /** One batch as a memory makes it: the row and what belongs to it, both or none. */
  const insert = (seq: number) =>
    database.batch([
      {
        sql: 'insert into tombstones (cube_id, namespace_id, cid, deleted_at_ms, reason) values (?, 1, ?, 0, ?)',
        params: [`c${seq}`, `cid${seq}`, 'deleted'],
      },
      {
        sql: 'insert into postings (namespace_id, term, seq, frequency, length) values (1, ?, ?, 1, 1)',
        params: [`t${seq % 7}`, seq],
      },
    ])
  return { home, insert, close }
}

async function numbersIn(home: string) {
  const { database, close } = await openLibsql('default', `file:${join(home, 'memos.db')}`)
  const seqs = (await database.all({ sql: 'select seq from postings order by seq', params: [] })).map(([seq]) =>
    Number(seq),
  )
  const halves = await database.all({
    sql: "select count(*) from postings p left join tombstones t on t.cube_id = 'c' || p.seq where t.cube_id is null",
    params: [],
  })
  const check = await database.all({ sql: 'pragma integrity_check', params: [] })
  await close()
  return { seqs, halves: Number(halves[0]?.[0]), check: check[0]?.[0] }
}

it('backs up under concurrent writes: committed rows, whole batches, blobs and root key, but no derived index', async () => {
  await using root = await tempDir()
  const { home, insert, close } = await newHome(root.path)
  for (let seq = 0; seq < ROWS_BEFORE; seq++) await insert(seq)

  let written = ROWS_BEFORE
  let isRunning = true
  const backup = script('backup', join(root.path, 'backup'), '--home', home).finally(() => {
    isRunning = false
  })
  while (isRunning) {
    await insert(written++)
    // The file client answers without ever leaving the microtask queue; without a turn the end of the child would not be heard.
    await turn()
  }
  const { stdout } = await backup
  await close()
  expect(stdout).toContain('1 blobs')
  expect(written).toBeGreaterThan(ROWS_BEFORE)

  const restored = join(root.path, 'restored')
  await script('restore', join(root.path, 'backup'), '--home', restored)
  const { seqs, halves, check } = await numbersIn(restored)
  expect(check).toBe('ok')
  expect(halves).toBe(0)
  // A prefix of what was written: nothing committed before is missing, and nothing is torn out of the middle.
  expect(seqs.length).toBeGreaterThanOrEqual(ROWS_BEFORE)
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, seq) => seq))
  expect(await readFile(join(restored, 'blobs', BLOB_KEY))).toEqual(Buffer.from([1, 2, 3]))
  expect(await readdir(join(restored, 'blobs'))).toEqual(['cubes'])
  expect(await readFile(join(restored, 'root.key'), 'utf8')).toBe('secret')
  for (const file of ['root.key', 'memos.db']) expect((await stat(join(restored, file))).mode & 0o777).toBe(0o600)
})

it('refuses to overwrite: a backup into a folder with files, a restore into a home with files', async () => {
  await using root = await tempDir()
  const { home, insert, close } = await newHome(root.path)
  await insert(0)
  await close()
  const folder = join(root.path, 'backup')
  await script('backup', folder, '--home', home)
  await expect(script('backup', folder, '--home', home)).rejects.toThrow('is not empty')
  await expect(script('restore', folder, '--home', home)).rejects.toThrow('never overwrites')
  expect((await numbersIn(home)).seqs).toEqual([0])
})

it('restores nothing from a backup that is damaged, incomplete or interrupted', async () => {
  await using root = await tempDir()
  const { home, insert, close } = await newHome(root.path)
  await insert(0)
  await close()
  const [damaged, interrupted, target] = ['damaged', 'interrupted', 'target'].map((name) => join(root.path, name)) as [
    string,
    string,
    string,
  ]
  await script('backup', damaged, '--home', home)
  await appendFile(join(damaged, 'memos.db'), 'x')
  await expect(script('restore', damaged, '--home', target)).rejects.toThrow('checksum differs')
  await mkdir(interrupted)
  await expect(script('restore', interrupted, '--home', target)).rejects.toThrow('interrupted')
  expect(await readdir(root.path)).not.toContain('target')
  expect((await readdir(root.path)).filter((name) => name.endsWith('.restoring'))).toEqual([])
})

it('says what to do when there is no file to back up', async () => {
  await using root = await tempDir()
  await expect(script('backup', join(root.path, 'backup'), '--home', join(root.path, 'nowhere'))).rejects.toThrow(
    '--home',
  )
})

it('takes further databases along, and refuses one that lies on a server', async () => {
  await using root = await tempDir()
  const { home, close } = await newHome(root.path)
  await close()
  const shard = await openLibsql('shard', `file:${join(root.path, 'shard.db')}`)
  await shard.database.batch([{ sql: "insert into usage values ('org', 'total', 'cubes', 7)", params: [] }])
  ENVIRONMENT.MEMOS_DATABASES = `shard=file:${join(root.path, 'shard.db')}`
  try {
    await script('backup', join(root.path, 'backup'), '--home', home)
    await script('restore', join(root.path, 'backup'), '--home', join(root.path, 'restored'))
    ENVIRONMENT.MEMOS_DATABASES = 'shard=libsql://db.example.com'
    await expect(script('backup', join(root.path, 'other'), '--home', home)).rejects.toThrow('on a server')
  } finally {
    delete ENVIRONMENT.MEMOS_DATABASES
    await shard.close()
  }
  const { database, close: closeCopy } = await openLibsql(
    'shard',
    `file:${join(root.path, 'restored', 'database-shard.db')}`,
  )
  expect(await database.all({ sql: 'select value from usage', params: [] })).toEqual([[7]])
  await closeCopy()
})
