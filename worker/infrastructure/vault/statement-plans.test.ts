import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import type { Database, Statement } from '../../ports/database.ts'
import type { NamespaceRow, SnapshotRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { systemContext } from '../governance/system-context.ts'
import { EntityReader } from '../knowledge/entity-reader.ts'
import { FactReader } from '../knowledge/fact-reader.ts'
import { AuditChain } from '../log/audit-chain.ts'
import { LogReader } from '../log/log-reader.ts'
import { Outbox } from '../pipelines/outbox.ts'
import { purgeRecords } from '../tasks/purge-records.ts'
import { PinReader } from '../time-machine/pin-reader.ts'
import { eraseCubes, eraseNamespace } from './erase-statements.ts'
import { MemVault } from './mem-vault.ts'
import { NamespaceReader } from './namespace-reader.ts'
import { statementsOf } from './write-statements.ts'

/**
 * Goal: what a statement costs follows from what it is about, not from how much a namespace, an organisation or a database holds.
 * Method: the plan that SQLite makes of each statement. Joining a list of ids into an update, or asking for a pair of columns, makes it walk
 * everything under the first column; sealing two thousand rows of the log took half a minute that way.
 */
let opened: OpenDatabase
/** Apart from the one that runs statements: one that was explained may not be over yet. */
let explaining: OpenDatabase
let watched: Database
const plans = new Map<string, string[]>()

async function explain({ sql, params }: Statement): Promise<void> {
  const rows = await explaining.database.all({ sql: `explain query plan ${sql}`, params })
  plans.set(
    sql,
    rows.map((row) => String(row[3])),
  )
}

/** Steps that read a whole table, or all of a namespace's or an organisation's part of it, by statement; vector spaces (v), snapshots (p) and signed logs (w) are few. */
function walks(): string[] {
  const isWalk = (step: string) =>
    /^SCAN (?!.*VIRTUAL)(facts|fact_links|cubes|revisions|embeddings|sessions|mentions|entities|entity_aliases|audit_log|permissions|branch_cubes|snapshot_cubes|outbox|pipeline_runs|[flckm])\b/.test(
      step,
    ) || /^SEARCH (?!n\b|vector_spaces\b|v\b|p\b|w\b).*\((namespace_id|org_id)=\?\)$/.test(step)
  return [...plans].flatMap(([sql, steps]) => steps.filter(isWalk).map((step) => `${step} of ${sql.slice(0, 200)}`))
}

beforeAll(async () => {
  opened = await openLibsql('default', ':memory:')
  explaining = await openLibsql('default', ':memory:')
  const all = (sql: string) => opened.database.all({ sql, params: [] })
  await all(
    `insert into organisations (id, name, database, state, created_at_ms) values ('o', 'o', 'default', 'active', 0)`,
  )
  await all(
    `insert into namespaces (id, org_id, name, layer, settings, next_seq, created_at_ms) values (1, 'o', 'n', 'shared', '{}', 2, 0)`,
  )
  await all(
    `insert into audit_log (org_id, at_ms, request_id, caller, operation, outcome, cube_count, cube_ids) values ('o', 1, 'r', 'k', 'search', 'ok', 0, '[]')`,
  )
  watched = {
    ...{ name: 'default', vectorDistance: false },
    all: async (one) => {
      await explain(one)
      return opened.database.all(one)
    },
    read: async (statements) => {
      for (const one of statements) await explain(one)
      return opened.database.read(statements)
    },
    batch: async (statements) => {
      for (const one of statements) await explain(one)
      return opened.database.batch(statements)
    },
  }
})
afterAll(async () => {
  await opened.close()
  await explaining.close()
})

const link = { fromId: 'a', toId: 'b', relation: 'supersedes' as const }
const WRITES: VaultWrite[] = [
  { kind: 'end_facts', namespaceId: 1, facts: [{ id: 'a', validToMs: 1, supersededBy: 'b' }] },
  { kind: 'retract_facts', namespaceId: 1, ids: ['a'], atMs: 1, by: 'k' },
  {
    kind: 'expect_facts',
    namespaceId: 1,
    groups: [{ subject: 's', slot: 't', facts: 1, retracted: 0, superseded: 0 }],
  },
  { kind: 'unlink_facts', namespaceId: 1, links: [link], atMs: 1, by: 'k' },
  { kind: 'change_usefulness', namespaceId: 1, changes: [{ cubeId: 'c', keep: 1, add: 1 }] },
  { kind: 'merge_entities', namespaceId: 1, from: 'a', into: 'b', by: 'k', atMs: 1 },
  { kind: 'split_entity', namespaceId: 1, alias: 'a', by: 'k', atMs: 1 },
  { kind: 'purge_revisions', namespaceId: 1, revisions: [{ cubeId: 'c', number: 1 }] },
]

const STORED = {
  ...{ namespaceId: 1, seq: 1, cubeId: 'c', cid: 'x', revision: 1, sessionId: null, contentBytes: 1, terms: ['a'] },
  ...{ termCount: 1, blobs: [] },
}

async function vaultOf() {
  return new MemVault({ databases: new Map([['default', watched]]) }).of('o', 1)
}
const { principal } = systemContext('o', 'test', 1, new AbortController().signal)

describe('statements look up what they are about', () => {
  it.each(WRITES.map((write) => [write.kind, write] as const))('of the write %s', async (_, write) => {
    plans.clear()
    for (const one of statementsOf('o', write)) await explain(one)
    expect(plans.size).toBeGreaterThan(0)
    expect(walks()).toEqual([])
  })

  it('of cubes that are erased', async () => {
    plans.clear()
    for (const one of eraseCubes([STORED], 1, 'deleted')) await explain(one)
    expect(plans.size).toBeGreaterThan(20)
    expect(walks()).toEqual([])
  })

  it('of a namespace that is erased', async () => {
    plans.clear()
    for (const one of eraseNamespace(1)) await explain(one)
    expect([...plans.values()].flat().filter((step) => step.startsWith('SCAN'))).toEqual([])
  })

  it('of facts, their links and the end that each reader sees', async () => {
    plans.clear()
    const facts = new FactReader(await vaultOf(), principal, 1)
    await facts.ofCubes([{ namespaceId: 1, seq: 1 }])
    await facts.known(1, [{ subject: 's', slot: 't' }])
    await facts.links({ namespaceId: 1, id: 'a' })
    await new EntityReader(await vaultOf(), principal, 1).people(1, ['ana'])
    expect(walks()).toEqual([])
    expect([...plans.values()].flat().join('\n')).not.toContain('SEARCH k USING INDEX facts_time')
  })

  it('of the permissions that a bound key holds, by itself and by its roles', async () => {
    plans.clear()
    const bound = { ...principal, subject: { kind: 'user' as const, id: 'ana' } }
    await new FactReader(await vaultOf(), bound, 1).ofCubes([{ namespaceId: 1, seq: 1 }])
    expect(walks()).toEqual([])
    const steps = [...plans.values()].flat().join('\n')
    expect(steps).toContain('SEARCH m USING INDEX role_members_subject (org_id=? AND subject_kind=? AND subject_id=?)')
    expect(steps).toContain('SEARCH g USING INDEX permissions_subject (org_id=? AND subject_kind=? AND subject_id=?)')
  })

  it('of cubes that a count leaves out', async () => {
    const vault = await vaultOf()
    const narrow = { ...principal, clearance: 'personal' as const }
    for (const reader of [narrow, { ...narrow, subject: { kind: 'user' as const, id: 'ana' } }]) {
      plans.clear()
      await new NamespaceReader(vault, reader).readable([{ id: 1 } as NamespaceRow])
      await new PinReader(vault, reader, 1).counts([{ id: 'p' } as SnapshotRow])
      await new LogReader(vault, reader).usage(1)
      const steps = [...plans.values()].flat()
      expect(steps.filter((step) => /^(SCAN|SEARCH) c\b/.test(step) && !step.includes('cubes_sensitive'))).toEqual([])
      expect(steps.filter((step) => step.includes('INDEX cubes_sensitive (namespace_id=?'))).toHaveLength(3)
    }
  })

  it('of audit rows that are sealed', async () => {
    plans.clear()
    expect(await new AuditChain(watched).seal('o', 1)).toBe(1)
    // The rows that wait have an index of their own, and an organisation has one head.
    expect(walks().filter((walk) => !/audit_log_unsealed|^SEARCH audit_heads/.test(walk))).toEqual([])
  })

  it('of side effects and of records that are forgotten', async () => {
    plans.clear()
    const logger = { info() {}, warn() {}, error() {} }
    const webhook = { allows: () => true, send: async () => {} }
    await new Outbox({ webhook, logger }).step(watched, 1)
    expect([...plans.values()].flat().join('\n')).toContain('outbox_due (state=? AND kind=? AND next_at_ms<?)')
    expect(walks()).toEqual([])
    await purgeRecords(watched, 1)
    expect([...plans.values()].flat().filter((step) => step.includes('TEMP B-TREE'))).toEqual([])
  })
})
