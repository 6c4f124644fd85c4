import { afterEach, beforeEach, expect, it } from 'vitest'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import { systemContext } from '../governance/system-context.ts'
import { LexicalReader } from './lexical-reader.ts'
import { MemVault } from './mem-vault.ts'

const TERMS = { few: [3, 8], exact: [1, 2, 4, 9], many: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], none: [] }

let opened: OpenDatabase

beforeEach(async () => {
  opened = await openLibsql('default', ':memory:')
  const run = (sql: string, ...params: string[]) => opened.database.all({ sql, params })
  await run(
    `insert into organisations (id, name, database, state, created_at_ms) values ('o', 'o', 'default', 'active', 0)`,
  )
  await run(
    `insert into postings (namespace_id, term, seq, frequency, length, session_id)
     select 1, j.key, s.value, 1 + s.value % 3, 1023, nullif(s.value % 4, 0) from json_each(?) j cross join json_each(j.value) s`,
    JSON.stringify(TERMS),
  )
})
afterEach(() => opened.close())

it('postings of a term come whole and in order, however few of them one value holds', async () => {
  const vault = await new MemVault({ databases: new Map([['default', opened.database]]) }).of('o', 0)
  const { principal } = systemContext('o', 'test', 0, new AbortController().signal)
  const terms = Object.keys(TERMS)
  const read = (postingsPerValueMax: number, among?: number[]) =>
    new LexicalReader(vault, principal, 0, { postingsPerValueMax }).postings(1, terms, {
      sessions: true,
      ...(among === undefined ? {} : { among }),
    })
  const whole = await read(1000)
  expect(whole.map(({ packed }) => packed.map((value) => Math.floor(value / (64 * 1024))))).toEqual(
    Object.values(TERMS),
  )
  expect(whole[2]?.sessions).toEqual([1, 2, 3, null, 1, 2, 3, null, 1, 2, 3])
  expect(whole[2]?.packed[2]).toBe((3 * 64 + 1) * 1024 + 1023)
  for (const max of [1, 2, 4, 5]) {
    expect(await read(max)).toEqual(whole)
    const among = await read(max, [2, 3, 9, 11])
    expect(among.map(({ packed }) => packed.map((value) => Math.floor(value / (64 * 1024))))).toEqual([
      [3],
      [2, 9],
      [2, 3, 9, 11],
      [],
    ])
  }
})
