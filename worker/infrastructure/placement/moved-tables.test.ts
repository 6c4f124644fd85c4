import { getTableName, is } from 'drizzle-orm'
import { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { expect, it } from 'vitest'
import * as blocks from '../../../schemas/tables/blocks.ts'
import * as cubes from '../../../schemas/tables/cubes.ts'
import * as directory from '../../../schemas/tables/directory.ts'
import * as governance from '../../../schemas/tables/governance.ts'
import * as guard from '../../../schemas/tables/guard.ts'
import * as knowledge from '../../../schemas/tables/knowledge.ts'
import * as lifecycle from '../../../schemas/tables/lifecycle.ts'
import * as log from '../../../schemas/tables/log.ts'
import * as mip from '../../../schemas/tables/mip.ts'
import * as nodes from '../../../schemas/tables/nodes.ts'
import * as pipelines from '../../../schemas/tables/pipelines.ts'
import * as placement from '../../../schemas/tables/placement.ts'
import * as renditions from '../../../schemas/tables/renditions.ts'
import * as schedule from '../../../schemas/tables/schedule.ts'
import * as tenancy from '../../../schemas/tables/tenancy.ts'
import * as timeMachine from '../../../schemas/tables/time-machine.ts'
import * as vectors from '../../../schemas/tables/vectors.ts'
import { NAMESPACE_TABLES, ORGANISATION_TABLES } from './moved-tables.ts'

/** Tables of the deployment, not of an organisation's memory. */
const STAYS = [
  'organisations',
  'api_keys',
  'guard',
  'fences',
  'mip_identities',
  'nodes',
  'node_organisations',
  'node_tokens',
]

it('moves every table that holds rows of an organisation', () => {
  const all = [
    blocks,
    cubes,
    directory,
    governance,
    guard,
    knowledge,
    lifecycle,
    log,
    mip,
    nodes,
    pipelines,
    placement,
    renditions,
    schedule,
    tenancy,
    timeMachine,
    vectors,
  ]
    .flatMap((module) => Object.values(module))
    .flatMap((value) => (is(value, SQLiteTable) ? [getTableName(value)] : []))
  const moved = [...ORGANISATION_TABLES, ...NAMESPACE_TABLES].map(({ name }) => name)
  expect([...moved, ...STAYS].sort()).toEqual(all.sort())
})

it('carries a session by its key and bytes as hex, and leaves row numbers behind', () => {
  const columnsOf = (table: string) =>
    NAMESPACE_TABLES.find(({ name }) => name === table)?.columns.map(({ name, read }) => [name, read]) ?? []
  expect(columnsOf('cubes')).toContainEqual(['session_id', '(select s.key from sessions s where s.id = t.session_id)'])
  expect(columnsOf('revisions')).toContainEqual(['bytes', 'hex(t.bytes)'])
  for (const table of ['sessions', 'revisions', 'embeddings'])
    expect(columnsOf(table).map(([name]) => name)).not.toContain('id')
})
