import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { NAMESPACE_TABLES, ORGANISATION_TABLES } from '../../worker/infrastructure/placement/moved-tables.ts'
import { RowWalk, START } from '../../worker/infrastructure/placement/row-walk.ts'
import type { Database } from '../../worker/ports/database.ts'
import type { Tenant } from './edge.ts'

/** A text that becomes a blob. */
export const LARGE_TEXT = 'The harbour at night. '.repeat(2000)

/** A file answers within one turn of the event loop; a database on a network lets others run meanwhile. */
export const asIfRemote = (database: Database): Database => ({
  name: database.name,
  vectorDistance: database.vectorDistance,
  all: (statement) => turn().then(() => database.all(statement)),
  read: (statements) => turn().then(() => database.read(statements)),
  batch: (statements) => turn().then(() => database.batch(statements)),
})

/** Users, agents, a shared and a global namespace, sessions, long texts, updates, deletions, vectors, log and usage. */
export async function fillOrganisation({ admin }: Tenant, talks: number): Promise<void> {
  await admin.ok('createUser', { body: { id: 'ana' } })
  await admin.ok('createNamespace', { body: { name: 'team', layer: 'shared' } })
  await admin.ok('setGrants', {
    params: { name: 'team' },
    body: { grants: [{ subject: { kind: 'user', id: 'ana' }, access: 'write' }] },
  })
  for (let talk = 0; talk < talks; talk++) {
    const messages = Array.from({ length: 100 }, (_, at) => ({
      content: `Boat ${talk}-${at} leaves the harbour at ${at} o'clock with ${at * 7 + talk} sailors`,
      speaker: at % 2 ? 'Ana' : 'Bo',
    }))
    await admin.ok('remember', { body: { session: `talk ${talk}`, messages } })
  }
  const embedding = { model: 'test', values: [0.6, 0.8, 0] }
  await admin.ok('createCube', { body: { namespace: 'team', content: 'A red lighthouse', embedding } })
  const long = await admin.ok('createCube', { body: { userId: 'ana', content: LARGE_TEXT } })
  await admin.ok('updateCube', {
    params: { cubeId: long.cubeId },
    body: { mode: 'append', content: 'And a fog horn.' },
  })
  const gone = await admin.ok('createCube', { body: { content: 'A buoy that is lost', session: 'talk 0' } })
  await admin.ok('deleteCube', { params: { cubeId: gone.cubeId } })
}

/** A digest of every row of an organisation in a database, by table; row numbers and session numbers are local and left out. */
export async function digests(
  database: Database,
  orgId: string,
  without: string[] = [],
): Promise<Record<string, string>> {
  const hashes: Record<string, { rows: number; hash: ReturnType<typeof createHash> }> = {}
  const walk = await RowWalk.over(database, orgId)
  for (let at: typeof START | null = START; at !== null; ) {
    const { pages, next } = await walk.next(at)
    for (const { table, rows } of pages) {
      const entry = hashes[table.name] ?? { rows: 0, hash: createHash('sha256') }
      hashes[table.name] = entry
      entry.rows += rows.length
      for (const row of rows) entry.hash.update(JSON.stringify(row))
    }
    at = next
  }
  return Object.fromEntries(
    Object.entries(hashes)
      .filter(([name]) => !without.includes(name))
      .map(([name, { rows, hash }]) => [name, `${rows} ${hash.digest('hex')}`]),
  )
}

/** Rows that any moved table still holds for an organisation, its deleted namespaces included. */
export async function rowsLeft(database: Database, orgId: string, namespaceIds: readonly unknown[]): Promise<number> {
  let count = 0
  for (const { name, from, owner } of [...ORGANISATION_TABLES, ...NAMESPACE_TABLES]) {
    const ids = owner === 't.org_id' ? [orgId] : namespaceIds
    const sql = `select count(*) from ${from} where ${owner} in (select value from json_each(?))`
    const [[rows] = []] = await database.all({ sql, params: [JSON.stringify(ids)] })
    count += Number(rows)
    if (name === 'revisions') {
      const orphans =
        'select count(*) from revisions r left join cubes c on c.cube_id = r.cube_id where c.cube_id is null'
      count += Number((await database.all({ sql: orphans, params: [] }))[0]?.[0])
    }
  }
  return count
}
