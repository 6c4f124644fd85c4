import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import { expect, it } from 'vitest'

const MIGRATIONS = join(import.meta.dirname, '../../schemas/migrations')

it('grants of before become permissions that open the same, as far as each key is cleared', async () => {
  const client = createClient({ url: ':memory:' })
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).toSorted()
  const at = names.findIndex((name) => name.startsWith('0003'))
  const apply = async (list: readonly string[]) => {
    for (const name of list) await client.executeMultiple(await readFile(join(MIGRATIONS, name), 'utf8'))
  }
  await apply(names.slice(0, at))
  await client.executeMultiple(`
    insert into namespaces (id, org_id, name, layer, settings, created_at_ms) values (7, 'acme', 'team', 'shared', '{}', 1);
    insert into grants (namespace_id, subject_kind, subject_id, access, created_at_ms) values (7, 'user', 'ana', 'write', 5), (7, 'agent', 'bot', 'read', 6);
    insert into api_keys (id, org_id, name, hash, scopes, rate_per_minute, created_at_ms) values ('k', 'acme', 'k', 'h', '[]', 1, 1)`)
  await apply(names.slice(at))
  const { rows } = await client.execute('select * from permissions order by created_at_ms')
  const common = {
    org_id: 'acme',
    namespace_id: 7,
    cube_id: null,
    purposes: null,
    tasks: null,
    clearance: 'secret',
    from_template: 0,
  }
  const always = { not_before_ms: null, expires_at_ms: null, granted_by: 'migration' }
  expect(rows).toMatchObject([
    { ...common, ...always, subject_kind: 'user', subject_id: 'ana', access: 'write', created_at_ms: 5 },
    { ...common, ...always, subject_kind: 'agent', subject_id: 'bot', access: 'read', created_at_ms: 6 },
  ])
  for (const row of rows) expect(row.id).toMatch(/^[0-9A-F]{26}$/)
  expect((await client.execute('select clearance, purposes, tasks from api_keys')).rows).toMatchObject([
    { clearance: 'personal', purposes: null, tasks: null },
  ])
  expect((await client.execute("select name from sqlite_master where name like 'grants%'")).rows).toEqual([])
  client.close()
})
