import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemosError } from '../../schemas/errors.ts'
import { type Database, GuardError, type SqlValue, UniqueError } from '../../worker/ports/database.ts'

const LARGE_TEXT_BYTES = 900_000
const LISTED_VALUES = 20_000

/** One opened, migrated database. */
export interface DatabaseHarness {
  database: Database
  /** Takes the write lock from another connection; the answer gives it back. */
  lock(): Promise<() => Promise<void>>
  close(): Promise<void>
}

const FALSE_GUARD = { sql: 'insert into guard (ok) select 0', params: [] }
const TRUE_GUARD = { sql: 'insert into guard (ok) select 1', params: [] }

/**
 * What every Database must do. `skip` maps a title to the reason why a driver cannot do it. Imports nothing of Node, so it also runs in
 * workerd.
 */
export function testDatabase(
  name: string,
  open: () => Promise<DatabaseHarness>,
  skip: Record<string, string> = {},
): void {
  const on = (title: string, body: () => Promise<void>) =>
    title in skip ? it.skip(`${title} (${skip[title]})`, body) : it(title, body)

  describe(`Database: ${name}`, () => {
    let harness: DatabaseHarness
    let database: Database
    let nextTable = 0
    /** A table of its own for each test, so that databases without a reset can run all of them. */
    const newTable = async () => {
      const table = `probe_${nextTable++}`
      await database.batch([
        { sql: `create table ${table} (id integer primary key, name text unique, data blob, price real)`, params: [] },
      ])
      return table
    }
    const insert = (table: string, id: number, label: string | null, data: SqlValue = null) => ({
      sql: `insert into ${table} (id, name, data) values (?, ?, ?)`,
      params: [id, label, data],
    })
    const idsOf = async (table: string) =>
      (await database.all({ sql: `select id from ${table} order by id`, params: [] })).map(([id]) => id)

    beforeAll(async () => {
      harness = await open()
      database = harness.database
    })
    afterAll(() => harness.close())

    on('answers rows with the values in the order of the select', async () => {
      const query = { sql: "select 3 as z, 'b' as a, null as m, 0.5 as b", params: [] }
      expect(await database.all(query)).toEqual([[3, 'b', null, 0.5]])
      expect(await database.read([query, query])).toEqual([[[3, 'b', null, 0.5]], [[3, 'b', null, 0.5]]])
      expect(await database.batch([query])).toEqual([[[3, 'b', null, 0.5]]])
    })

    on('keeps null, numbers, text and bytes as they are', async () => {
      const table = await newTable()
      const values: SqlValue[] = [
        Number.MAX_SAFE_INTEGER,
        'Zoë 東京 \u{1F9E0} "quoted"\n',
        new Uint8Array([0, 255, 7]),
        -0.125,
      ]
      await database.batch([
        { sql: `insert into ${table} (id, name, data, price) values (?, ?, ?, ?)`, params: values },
        { sql: `insert into ${table} (id, name, data, price) values (?, ?, ?, ?)`, params: [1, null, null, null] },
        {
          sql: `insert into ${table} (id, name, data, price) values (?, ?, ?, ?)`,
          params: [-1, '', new Uint8Array(), 0],
        },
      ])
      const query = { sql: `select id, name, data, price from ${table} order by id desc`, params: [] }
      const expected = [values, [1, null, null, null], [-1, '', new Uint8Array(), 0]]
      expect(await database.all(query)).toEqual(expected)
      expect((await database.read([query]))[0]).toEqual(expected)
      expect(
        await database.all({ sql: `select typeof(id), typeof(data) from ${table} where id = 1`, params: [] }),
      ).toEqual([['integer', 'null']])
    })

    on('answers bytes that may be changed without changing what is stored', async () => {
      const table = await newTable()
      await database.batch([insert(table, 1, 'a', new Uint8Array([1, 2, 3]))])
      const read = async () =>
        (await database.all({ sql: `select data from ${table}`, params: [] }))[0]?.[0] as Uint8Array
      const first = await read()
      expect(first).toBeInstanceOf(Uint8Array)
      first.fill(9)
      expect(await read()).toEqual(new Uint8Array([1, 2, 3]))
    })

    on('applies a batch in order and answers the rows of each statement', async () => {
      const table = await newTable()
      const answers = await database.batch([
        insert(table, 1, 'a'),
        { sql: `update ${table} set name = 'b' where id = 1 returning name`, params: [] },
        { sql: `select count(*) as rows_found from ${table}`, params: [] },
      ])
      expect(answers).toEqual([[], [['b']], [[1]]])
    })

    on('takes all of a batch back when one statement breaks a unique constraint', async () => {
      const table = await newTable()
      await database.batch([insert(table, 1, 'a')])
      await expect(
        database.batch([insert(table, 2, 'b'), insert(table, 3, 'a'), insert(table, 4, 'd')]),
      ).rejects.toThrow(UniqueError)
      expect(await idsOf(table)).toEqual([1])
    })

    on('takes all of a batch back when a statement is not valid', async () => {
      const table = await newTable()
      await expect(
        database.batch([insert(table, 1, 'a'), { sql: 'insert into no_such_table values (1)', params: [] }]),
      ).rejects.toThrow()
      expect(await idsOf(table)).toEqual([])
    })

    on('aborts a batch at a false guard, wherever it stands, and goes on after a true one', async () => {
      const table = await newTable()
      await expect(database.batch([FALSE_GUARD, insert(table, 1, 'a')])).rejects.toThrow(GuardError)
      await expect(database.batch([insert(table, 2, 'b'), FALSE_GUARD])).rejects.toThrow(GuardError)
      await database.batch([TRUE_GUARD, insert(table, 3, 'c'), TRUE_GUARD])
      expect(await idsOf(table)).toEqual([3])
      expect(await database.all({ sql: 'select count(*) from guard', params: [] })).toEqual([[0]])
    })

    on('tells a write into a fenced organisation from every other refusal', async () => {
      const fence = { sql: "insert into fences (org_id, move_id) values ('fenced', 'move')", params: [] }
      const check = {
        sql: 'insert into fences (org_id, move_id) select org_id, move_id from fences where org_id = ?',
        params: ['fenced'],
      }
      const table = await newTable()
      await database.batch([check, insert(table, 1, 'a')])
      await database.batch([fence])
      await expect(database.batch([check, insert(table, 2, 'b')])).rejects.toMatchObject({
        code: 'organisation_moving',
        facts: { retryAfterS: expect.any(Number) },
      })
      await database.batch([{ sql: "delete from fences where org_id = 'fenced'", params: [] }])
      expect(await idsOf(table)).toEqual([1])
    })

    on('answers an empty batch with nothing', async () => {
      expect(await database.batch([])).toEqual([])
      expect(await database.read([])).toEqual([])
    })

    on('takes many values in one parameter', async () => {
      const values = JSON.stringify(Array.from({ length: LISTED_VALUES }, (_, at) => at * 3))
      const sum = (LISTED_VALUES * (LISTED_VALUES - 1) * 3) / 2
      const query = { sql: 'select count(*), sum(value) from json_each(?)', params: [values] }
      expect(await database.all(query)).toEqual([[LISTED_VALUES, sum]])
    })

    on('takes a large parameter and answers it whole', async () => {
      const table = await newTable()
      const text = 'é'.repeat(LARGE_TEXT_BYTES / 2)
      const bytes = Uint8Array.from({ length: LARGE_TEXT_BYTES }, (_, at) => at % 251)
      await database.batch([insert(table, 1, text, bytes)])
      const [[storedText, storedBytes] = []] = await database.all({
        sql: `select name, data from ${table}`,
        params: [],
      })
      // Compared by hand: a failed assertion over megabytes would take minutes to print.
      expect(storedText === text).toBe(true)
      expect(storedBytes instanceof Uint8Array && storedBytes.every((byte, at) => byte === bytes[at])).toBe(true)
    })

    on('runs concurrent batches one after the other', async () => {
      const table = await newTable()
      await database.batch([insert(table, 1, null)])
      const increment = { sql: `update ${table} set price = coalesce(price, 0) + 1`, params: [] }
      await Promise.all(Array.from({ length: 20 }, () => database.batch([increment, TRUE_GUARD])))
      expect(await database.all({ sql: `select price from ${table}`, params: [] })).toEqual([[20]])
    })

    on('reads one state of the data in one read', async () => {
      const table = await newTable()
      await database.batch([insert(table, 1, 'a')])
      const count = { sql: `select count(*) as rows_found from ${table}`, params: [] }
      const write = database.batch([insert(table, 2, 'b'), insert(table, 3, 'c')])
      const [first, second] = await database.read([count, count])
      expect(first).toEqual(second)
      await write
    })

    on('says that the database is busy while another process writes, and works again after', async () => {
      const table = await newTable()
      const unlock = await harness.lock()
      const error = await database.batch([insert(table, 1, 'a')]).catch((reason: unknown) => reason)
      await unlock()
      expect(error).toBeInstanceOf(MemosError)
      expect(error).toMatchObject({ code: 'database_busy', facts: { retryAfterS: expect.any(Number) } })
      expect(await idsOf(table)).toEqual([])
      await database.batch([insert(table, 2, 'b')])
      expect(await idsOf(table)).toEqual([2])
    })

    on('goes on reading while another process writes', async () => {
      const table = await newTable()
      await database.batch([insert(table, 1, 'a')])
      const unlock = await harness.lock()
      try {
        expect(await idsOf(table)).toEqual([1])
        expect(await database.read([{ sql: `select id from ${table}`, params: [] }])).toEqual([[[1]]])
      } finally {
        await unlock()
      }
    })
  })
}
