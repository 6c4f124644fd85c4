import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { sql } from 'drizzle-orm'
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core'
import { describe, expect, test } from 'vitest'
import { cubes } from '../../../schemas/tables/cubes.ts'
import { statement, toHex } from './sql.ts'

const dialect = new SQLiteAsyncDialect({ casing: 'snake_case' })
const BYTES = Uint8Array.of(1, 2)

describe('statement', () => {
  test.each([
    ['text and values', sql`select ${1}, ${'two'}, ${null}, ${BYTES}`],
    ['fragments in fragments', sql`select ${sql`max(${sql`min(${3}, ${4})`}, ${5})`} from t where ${sql.raw('a = 1')}`],
    ['joined parts', sql`select ${sql.join([sql`${1}`, sql`${2}`], sql`, `)}`],
    [
      'names, tables and columns',
      sql`select ${sql.identifier('odd name')}, ${cubes.createdAtMs} from ${cubes} where ${6}`,
    ],
    ['lists', sql`select ${7} where 1 in ${[1, 2]}`],
    ['inlined values', sql`select ${8}, ${sql`${9}`.inlineParams()}`],
    ['nothing', sql``],
  ])('writes %s as drizzle does', (_, fragment) => {
    const { sql: text, params } = dialect.sqlToQuery(fragment)
    expect(statement(fragment)).toEqual({ sql: text, params })
  })
})

describe('toHex', () => {
  test('writes every byte as two digits', () => {
    expect(toHex(Uint8Array.from({ length: 256 }, (_, i) => i))).toMatch(/^000102.*090a0b.*7f8081.*fdfeff$/)
    expect(toHex(Uint8Array.of(0, 15, 16, 171, 255))).toBe('000f10abff')
    expect(toHex(new Uint8Array())).toBe('')
  })

  test('makes a string about as large as its digits', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const bytes = new Uint8Array(100_000)
    const before = used()
    const texts = Array.from({ length: 20 }, () => toHex(bytes))
    expect((used() - before) / texts.length).toBeLessThan(2 * bytes.length * 1.5)
    expect(texts[19]).toHaveLength(200_000)
  })
})
