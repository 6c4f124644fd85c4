import { getTableColumns } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { blockChanges, blockMembers, blocks, feedback } from '../../../schemas/tables/blocks.ts'
import { cubes, postings, revisions, sessions, tombstones } from '../../../schemas/tables/cubes.ts'
import { auditHeads, permissions, roleMembers, roles } from '../../../schemas/tables/governance.ts'
import {
  entities,
  entityAliases,
  factLinks,
  facts,
  mentions,
  staleKnowledge,
} from '../../../schemas/tables/knowledge.ts'
import { coldEmbeddings, coldPostings, transitions } from '../../../schemas/tables/lifecycle.ts'
import { auditLog, idempotency, tasks, usage } from '../../../schemas/tables/log.ts'
import {
  mipDenied,
  mipEntries,
  mipErasures,
  mipIngested,
  mipLogs,
  mipMirrors,
  mipObjects,
  mipPeers,
  mipProofs,
  mipReceipts,
  mipServers,
  mipSubscriptions,
} from '../../../schemas/tables/mip.ts'
import { nodeTasks } from '../../../schemas/tables/nodes.ts'
import { outbox, pipelineRuns, pipelines } from '../../../schemas/tables/pipelines.ts'
import { kvRenditions, kvSources } from '../../../schemas/tables/renditions.ts'
import { decisions, hotCubes, schedules } from '../../../schemas/tables/schedule.ts'
import { namespaces, principals } from '../../../schemas/tables/tenancy.ts'
import { branchCubes, branches, snapshotCubes, snapshots } from '../../../schemas/tables/time-machine.ts'
import { embeddings, vectorSpaces } from '../../../schemas/tables/vectors.ts'

/** A column as it travels: read as text or number, written from element `at` of a JSON row. */
export interface MovedColumn {
  name: string
  read: string
  write(at: number): string
}

/** A table whose rows move with their organisation. */
export interface MovedTable {
  name: string
  /** FROM clause; the moved rows are `t`. */
  from: string
  /** Equals the organisation's id, or the namespace's. */
  owner: string
  /** Order of the rows, unique within the owner. */
  key: readonly string[]
  columns: readonly MovedColumn[]
  /** Columns that name one row in its database. */
  identity: readonly string[]
  /** Rows of one page, so that a page is some megabytes at most. */
  pageRows: number
  /** The rows that move; others stay behind. */
  only?: string
  /** The rows that may be erased already: those that no other table needs to be found by. */
  erasable?: string
}

interface TableInit {
  owner: string
  key: readonly string[]
  pageRows: number
  from?: string
  only?: string
  erasable?: string
  /** A row number that the target gives out anew; nothing refers to it, but for `sessions.id`, which travels as the session's key. */
  renumbered?: 'id'
}

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

function moved(name: string, table: SQLiteTable, { renumbered, ...init }: TableInit): MovedTable {
  const all = Object.entries(getTableColumns(table)).map(([key, column]) => ({ ...column, name: snakeCase(key) }))
  const primary = all.find((column) => column.primary)?.name
  const names = all.map((column) => column.name).filter((column) => column !== renumbered)
  const namespaceAt = names.indexOf('namespace_id')
  const columns = names.map((column): MovedColumn => {
    if (column === 'session_id')
      return {
        name: column,
        read: '(select s.key from sessions s where s.id = t.session_id)',
        write: (at) =>
          `(select s.id from sessions s where s.namespace_id = j.value->>${namespaceAt} and s.key = j.value->>${at})`,
      }
    const isBytes = all.find((one) => one.name === column)?.dataType === 'buffer'
    return isBytes
      ? { name: column, read: `hex(t.${column})`, write: (at) => `unhex(j.value->>${at})` }
      : { name: column, read: `t.${column}`, write: (at) => `j.value->>${at}` }
  })
  // Never a row number together with another column: SQLite 3.45 finds nothing by (org_id, id) in an index that holds both.
  // The owner of rows that are found through another table is no column of theirs.
  const keys = [init.owner, ...init.key].map((column) => column.slice(2)).filter((column) => names.includes(column))
  const identity = primary === undefined ? keys : [primary]
  return { name, from: `${name} t`, ...init, columns, identity }
}

/** Rows that belong to the organisation itself. Keys and the directory stay in the default database. */
export const ORGANISATION_TABLES: readonly MovedTable[] = [
  moved('principals', principals, { owner: 't.org_id', key: ['t.kind', 't.id'], pageRows: 1000 }),
  moved('usage', usage, { owner: 't.org_id', key: ['t.period', 't.metric'], pageRows: 1000 }),
  // A claim without an answer belongs to a request whose write the fence has refused: its retry must be free to run.
  moved('idempotency', idempotency, { owner: 't.org_id', key: ['t.key'], pageRows: 16, only: 't.status != 0' }),
  moved('audit_log', auditLog, { owner: 't.org_id', key: ['t.id'], pageRows: 500, renumbered: 'id' }),
  moved('audit_heads', auditHeads, { owner: 't.org_id', key: ['t.org_id'], pageRows: 1 }),
  moved('roles', roles, { owner: 't.org_id', key: ['t.name'], pageRows: 500 }),
  moved('role_members', roleMembers, {
    owner: 't.org_id',
    key: ['t.role', 't.subject_kind', 't.subject_id'],
    pageRows: 1000,
  }),
  moved('pipelines', pipelines, { owner: 't.org_id', key: ['t.name'], pageRows: 50 }),
  moved('pipeline_runs', pipelineRuns, { owner: 't.org_id', key: ['t.id'], pageRows: 100 }),
  moved('outbox', outbox, { owner: 't.org_id', key: ['t.id'], pageRows: 100 }),
  moved('mip_logs', mipLogs, { owner: 't.org_id', key: ['t.did', 't.log'], pageRows: 50 }),
  moved('mip_entries', mipEntries, {
    from: 'mip_entries t join mip_logs l on l.id = t.log_id',
    owner: 'l.org_id',
    key: ['t.log_id', 't.epoch', 't.seq'],
    pageRows: 500,
  }),
  moved('mip_objects', mipObjects, { owner: 't.org_id', key: ['t.cid', 't.did', 't.cube'], pageRows: 50 }),
  moved('mip_peers', mipPeers, { owner: 't.org_id', key: ['t.did'], pageRows: 500 }),
  moved('mip_mirrors', mipMirrors, { owner: 't.org_id', key: ['t.did', 't.address'], pageRows: 500 }),
  moved('mip_servers', mipServers, { owner: 't.org_id', key: ['t.did', 't.peer_id'], pageRows: 500 }),
  moved('mip_erasures', mipErasures, { owner: 't.org_id', key: ['t.revoke'], pageRows: 50 }),
  moved('mip_receipts', mipReceipts, { owner: 't.org_id', key: ['t.revoke', 't.did'], pageRows: 100 }),
  moved('mip_denied', mipDenied, { owner: 't.org_id', key: ['t.did', 't.subject'], pageRows: 2000 }),
  moved('mip_proofs', mipProofs, { owner: 't.org_id', key: ['t.cid'], pageRows: 20 }),
  // A task on a node is told of to the database that gave it: in the new place its lease ends and it is given anew.
  moved('node_tasks', nodeTasks, { owner: 't.org_id', key: ['t.id'], pageRows: 4 }),
  moved('tasks', tasks, { owner: 't.org_id', key: ['t.id'], pageRows: 500 }),
  moved('namespaces', namespaces, { owner: 't.org_id', key: ['t.id'], pageRows: 500 }),
]

/** Rows of one namespace, in the order in which they refer to each other. */
export const NAMESPACE_TABLES: readonly MovedTable[] = [
  moved('sessions', sessions, { owner: 't.namespace_id', key: ['t.key'], pageRows: 1000, renumbered: 'id' }),
  moved('cubes', cubes, {
    owner: 't.namespace_id',
    key: ['t.seq'],
    pageRows: 500,
    erasable: 'not exists (select 1 from revisions r where r.cube_id = t.cube_id)',
  }),
  moved('revisions', revisions, {
    from: 'revisions t join cubes c on c.cube_id = t.cube_id',
    owner: 'c.namespace_id',
    key: ['c.seq', 't.number'],
    pageRows: 100,
    renumbered: 'id',
  }),
  moved('postings', postings, { owner: 't.namespace_id', key: ['t.term', 't.seq'], pageRows: 5000 }),
  moved('tombstones', tombstones, { owner: 't.namespace_id', key: ['t.cube_id'], pageRows: 1000 }),
  moved('vector_spaces', vectorSpaces, { owner: 't.namespace_id', key: ['t.model'], pageRows: 100 }),
  moved('embeddings', embeddings, {
    owner: 't.namespace_id',
    key: ['t.model', 't.seq'],
    pageRows: 250,
    renumbered: 'id',
  }),
  moved('transitions', transitions, {
    owner: 't.namespace_id',
    key: ['t.seq', 't.id'],
    pageRows: 1000,
    renumbered: 'id',
  }),
  moved('cold_postings', coldPostings, { owner: 't.namespace_id', key: ['t.term', 't.seq'], pageRows: 5000 }),
  moved('cold_embeddings', coldEmbeddings, { owner: 't.namespace_id', key: ['t.seq', 't.model'], pageRows: 250 }),
  moved('snapshots', snapshots, { owner: 't.namespace_id', key: ['t.id'], pageRows: 500 }),
  moved('snapshot_cubes', snapshotCubes, {
    owner: 't.namespace_id',
    key: ['t.snapshot_id', 't.cube_id'],
    pageRows: 2000,
  }),
  moved('branches', branches, { owner: 't.namespace_id', key: ['t.id'], pageRows: 500 }),
  moved('branch_cubes', branchCubes, { owner: 't.namespace_id', key: ['t.branch_id', 't.cube_id'], pageRows: 100 }),
  moved('entities', entities, { owner: 't.namespace_id', key: ['t.key'], pageRows: 2000 }),
  moved('entity_aliases', entityAliases, { owner: 't.namespace_id', key: ['t.alias'], pageRows: 2000 }),
  moved('mentions', mentions, { owner: 't.namespace_id', key: ['t.key', 't.seq'], pageRows: 5000 }),
  moved('stale_knowledge', staleKnowledge, { owner: 't.namespace_id', key: ['t.seq'], pageRows: 5000 }),
  moved('facts', facts, { owner: 't.namespace_id', key: ['t.id'], pageRows: 1000 }),
  moved('fact_links', factLinks, {
    owner: 't.namespace_id',
    key: ['t.from_id', 't.to_id', 't.relation', 't.created_at_ms'],
    pageRows: 1000,
  }),
  moved('hot_cubes', hotCubes, { owner: 't.namespace_id', key: ['t.seq'], pageRows: 2000 }),
  moved('schedules', schedules, { owner: 't.namespace_id', key: ['t.namespace_id'], pageRows: 1000 }),
  moved('decisions', decisions, { owner: 't.namespace_id', key: ['t.id'], pageRows: 200, renumbered: 'id' }),
  moved('permissions', permissions, { owner: 't.namespace_id', key: ['t.id'], pageRows: 1000 }),
  moved('blocks', blocks, { owner: 't.namespace_id', key: ['t.id'], pageRows: 200 }),
  moved('block_members', blockMembers, { owner: 't.namespace_id', key: ['t.block_id', 't.cube_id'], pageRows: 2000 }),
  moved('block_changes', blockChanges, { owner: 't.namespace_id', key: ['t.id'], pageRows: 100 }),
  moved('mip_subscriptions', mipSubscriptions, { owner: 't.namespace_id', key: ['t.id'], pageRows: 100 }),
  moved('mip_ingested', mipIngested, {
    owner: 't.namespace_id',
    key: ['t.subscription_id', 't.cube'],
    pageRows: 2000,
  }),
  moved('kv_renditions', kvRenditions, {
    owner: 't.namespace_id',
    key: ['t.cube_id', 't.model', 't.session'],
    pageRows: 500,
  }),
  moved('kv_sources', kvSources, { owner: 't.namespace_id', key: ['t.source_id', 't.cube_id'], pageRows: 2000 }),
  moved('feedback', feedback, { owner: 't.namespace_id', key: ['t.id'], pageRows: 2000 }),
]
