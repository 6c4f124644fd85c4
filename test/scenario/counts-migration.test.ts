import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import { expect, it } from 'vitest'

const MIGRATIONS = join(import.meta.dirname, '../../schemas/migrations')

it('snapshots and decisions of before tell no number of what nobody knows the sensitivity of', async () => {
  const client = createClient({ url: ':memory:' })
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).toSorted()
  const at = names.findIndex((name) => name.startsWith('0004'))
  const apply = async (list: readonly string[]) => {
    for (const name of list) await client.executeMultiple(await readFile(join(MIGRATIONS, name), 'utf8'))
  }
  await apply(names.slice(0, at))
  const decision = 'insert into decisions (org_id, namespace_id, at_ms, kind, strategy, inputs, choice, reason, caller)'
  await client.executeMultiple(`
    insert into snapshots (id, namespace_id, name, cube_count, created_by, created_at_ms) values ('s', 1, 'then', 3, 'k', 0);
    insert into snapshot_cubes (snapshot_id, cube_id, namespace_id, seq, revision, cid, state) values ('s', 'c', 1, 1, 1, 'x', 'activated');
    ${decision} values ('o', 1, 0, 'hot_set', 'lru', '{}', '{}', '1 of 2 cubes, those with the latest use.', 'k');
    ${decision} values ('o', 1, 0, 'promote', 'lru', '{}', '{}', 'used 5 of 6 times, those with care', 'k')`)
  await apply(names.slice(at))
  const snapshots = 'select cube_count, erased_none, erased_personal, erased_secret from snapshots'
  expect((await client.execute(snapshots)).rows).toMatchObject([
    { cube_count: 1, erased_none: 0, erased_personal: 0, erased_secret: 2 },
  ])
  expect((await client.execute('select reason from decisions order by id')).rows).toMatchObject([
    { reason: 'Those with the latest use.' },
    { reason: 'used 5 of 6 times, those with care' },
  ])
  client.close()
})
