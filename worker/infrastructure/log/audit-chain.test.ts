import { beforeEach, describe, expect, test } from 'vitest'
import { openLibsql } from '../../drivers/database/open-libsql.ts'
import type { Database } from '../../ports/database.ts'
import { AuditChain, sealAudit } from './audit-chain.ts'

const SIGNAL = new AbortController().signal

describe('audit chain over rows', () => {
  let database: Database
  let chain: AuditChain
  const run = (sql: string) => database.all({ sql, params: [] })
  const write = async (orgId: string, count: number) => {
    for (let at = 0; at < count; at++)
      await run(`insert into audit_log (org_id, at_ms, request_id, caller, operation, outcome, cube_count, cube_ids)
        values ('${orgId}', ${at}, 'r${at}', 'key', 'createCube', 'ok', 1, '["c${at}"]')`)
  }

  beforeEach(async () => {
    database = (await openLibsql('default', ':memory:')).database
    chain = new AuditChain(database)
    await write('a', 6)
    await write('b', 3)
    await sealAudit(database, 1)
    await write('a', 2)
  })

  test('seals every organisation apart and goes on where it stood', async () => {
    expect(await chain.verify('a', SIGNAL)).toMatchObject({ checked: 6, unsealed: 2, fault: null })
    expect(await chain.verify('b', SIGNAL)).toMatchObject({ checked: 3, unsealed: 0, fault: null })
    await sealAudit(database, 2)
    expect(await chain.verify('a', SIGNAL)).toMatchObject({
      checked: 8,
      unsealed: 0,
      fault: null,
      head: { rowCount: 8 },
    })
  })

  test('of two that seal at once one wins, and every row is sealed once', async () => {
    const sealed = await Promise.all([chain.seal('a', 2), chain.seal('a', 2)])
    expect(sealed.sort()).toEqual([0, 2])
    expect(await chain.verify('a', SIGNAL)).toMatchObject({ checked: 8, fault: null })
  })

  test.each([
    ['an altered row', `update audit_log set outcome = 'forbidden' where id = 3`, { kind: 'altered', requestId: 'r2' }],
    ['an altered hash', `update audit_log set hash = 'x' where id = 3`, { kind: 'altered', requestId: 'r2' }],
    ['a dropped row', 'delete from audit_log where id = 3', { kind: 'altered', requestId: 'r3' }],
    ['a dropped end', 'delete from audit_log where id between 5 and 6', { kind: 'missing', requestId: undefined }],
    [
      'two rows that changed places',
      `update audit_log set request_id = case id when 2 then 'r2' else 'r1' end where id in (2, 3)`,
      { kind: 'altered', requestId: 'r2' },
    ],
    [
      'a row without its hash',
      'update audit_log set hash = null where id = 3',
      { kind: 'unsealed_inside', requestId: 'r3' },
    ],
    ['a head that is gone', `delete from audit_heads where org_id = 'a'`, { kind: 'missing', requestId: undefined }],
    ['all rows gone', `delete from audit_log where org_id = 'a'`, { kind: 'missing', requestId: undefined }],
  ])('finds %s', async (_, tamper, fault) => {
    await run(tamper)
    const found = (await chain.verify('a', SIGNAL)).fault
    expect({ kind: found?.kind, requestId: found?.row?.requestId }).toEqual(fault)
    expect((await chain.verify('b', SIGNAL)).fault).toBeNull()
  })

  test('leaves an organisation on the move alone', async () => {
    await run(`insert into fences (org_id, move_id) values ('a', 'm')`)
    await sealAudit(database, 2)
    expect(await chain.verify('a', SIGNAL)).toMatchObject({ checked: 6, unsealed: 2 })
  })
})
