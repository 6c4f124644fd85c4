import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import { expect, it } from 'vitest'

const MIGRATIONS = join(import.meta.dirname, '../../schemas/migrations')

it('entries of logs come through the migration that gives them a rowid, and keep their place', async () => {
  const client = createClient({ url: ':memory:' })
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).toSorted()
  const at = names.findIndex((name) => name.includes('entries-by-rowid'))
  const apply = async (list: readonly string[]) => {
    for (const name of list) await client.executeMultiple(await readFile(join(MIGRATIONS, name), 'utf8'))
  }
  await apply(names.slice(0, at))
  const insert = 'insert into mip_entries (log_id, epoch, seq, cid, bytes, signature, op, cube, body_cid, ts)'
  await client.executeMultiple(`
    ${insert} values (7, 0, 1, 'b', x'02', x'12', 'cube.publish', 'cube', 'body', 6);
    ${insert} values (7, 0, 0, 'a', x'01', x'11', 'org.genesis', null, null, 5);`)
  const all = async () => JSON.stringify((await client.execute('select * from mip_entries order by epoch, seq')).rows)
  const before = await all()
  await apply(names.slice(at))
  expect(await all()).toBe(before)
  await expect(
    client.execute(`${insert} values (7, 0, 1, 'c', x'02', x'12', 'cube.publish', null, null, 6)`),
  ).rejects.toThrow('UNIQUE')
  const plan = await client.execute("explain query plan select cid from mip_entries where log_id = 7 and cube = 'cube'")
  expect(String(plan.rows[0]?.detail)).toContain('mip_entries_cube')
  client.close()
})
