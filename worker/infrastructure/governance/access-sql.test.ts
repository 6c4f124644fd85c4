import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SENSITIVITIES } from '../../../schemas/vocabulary.ts'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import type { Row } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import { statement } from '../vault/sql.ts'
import {
  cubeAccess,
  cubeReach,
  KNOWN_SENSITIVITY,
  namespaceAccess,
  namespaceAdministration,
  namespacePart,
} from './access-sql.ts'
import { systemContext } from './system-context.ts'

const NOW_MS = 1000
const organisation = systemContext('o', 'test', NOW_MS, AbortSignal.timeout(60_000)).principal
const bound = (change: Partial<Principal> = {}): Principal => ({
  ...organisation,
  subject: { kind: 'user', id: 'u' },
  clearance: 'secret',
  ...change,
})

let opened: OpenDatabase
const run = (text: string): Promise<Row[]> => opened.database.all({ sql: text, params: [] })

interface Row2 {
  cube?: string
  subject?: [kind: string, id: string]
  access?: string
  clearance?: string
  columns?: Record<string, string | number>
}

const permit = async ({
  cube,
  subject = ['user', 'u'],
  access = 'read',
  clearance = 'personal',
  columns = {},
}: Row2) => {
  const row = {
    id: `p${Math.random()}`,
    org_id: 'o',
    namespace_id: 1,
    cube_id: cube ?? null,
    subject_kind: subject[0],
    subject_id: subject[1],
    access,
    from_template: 0,
    clearance,
    granted_by: 'k',
    created_at_ms: 0,
    ...columns,
  }
  const names = Object.keys(row)
  await opened.database.all({
    sql: `insert into permissions (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
    params: Object.values(row),
  })
}

beforeAll(async () => {
  opened = await openLibsql('default', ':memory:')
  await run(`insert into namespaces (id, org_id, name, layer, owner_kind, owner_id, settings, created_at_ms) values
    (1, 'o', 'shared', 'shared', null, null, '{}', 0), (2, 'o', 'global', 'global', null, null, '{}', 0),
    (3, 'o', 'user:u', 'private', 'user', 'u', '{}', 0), (4, 'o', 'user:v', 'private', 'user', 'v', '{}', 0),
    (5, 'other', 'shared', 'shared', null, null, '{}', 0)`)
  for (const namespace of [1, 2, 3, 4, 5])
    for (const [at, sensitivity] of SENSITIVITIES.entries())
      await run(`insert into cubes (namespace_id, seq, cube_id, revision, cid, state, memory_type, semantic_type, said_at_ms, created_at_ms,
        updated_at_ms, priority, sensitivity, origin_kind, provenance_id, tags, metadata, features, term_count, analyser, content_bytes)
        values (${namespace}, ${at + 1}, '${namespace}${sensitivity}', 1, 'x', 'activated', 'plaintext', 'fact', 0, 0, 0, 'mid', '${sensitivity}',
          'user_input', 'p', '[]', '{}', 0, 1, 1, 1)`)
})
afterAll(() => opened.close())

const namespaces = async (condition: ReturnType<typeof namespaceAccess>) =>
  (await opened.database.all(statement(sql`select n.id from namespaces n where ${condition} order by 1`))).flat()
const cubes = async (condition: ReturnType<typeof cubeReach>) =>
  (
    await opened.database.all(
      statement(
        sql`select c.cube_id from cubes c join namespaces n on n.id = c.namespace_id where ${condition} order by 1`,
      ),
    )
  ).flat()

/** Runs with permissions that are gone afterwards. */
const withPermissions = async (rows: readonly Row2[], body: () => Promise<void>) => {
  for (const row of rows) await permit(row)
  try {
    await body()
  } finally {
    await run('delete from permissions')
    await run('delete from role_members')
  }
}

describe('a key of the organisation', () => {
  it('keeps the conditions of before, text and values', () => {
    const { sql: text, params } = statement(
      sql`${namespaceAccess(organisation, 'read')} and ${cubeAccess(organisation, NOW_MS)}`,
    )
    expect(text).toMatch(/^n\.org_id = \? and c\.state != 'expired' and [^(]*\(c\.expires_at_ms[^()]*\)$/)
    expect(params).toEqual(['o', NOW_MS])
    expect(text).not.toContain('permissions')
  })

  it('reads up to its clearance', async () => {
    for (const [at, clearance] of SENSITIVITIES.entries()) {
      const principal = { ...organisation, clearance }
      const expected = [1, 2, 3, 4].flatMap((id) => SENSITIVITIES.slice(0, at + 1).map((level) => `${id}${level}`))
      expect(await cubes(cubeReach(principal, 'read', NOW_MS))).toEqual(expected)
      const both = sql`${namespaceAccess(principal, 'read')} and ${cubeAccess(principal, NOW_MS)}`
      expect(await cubes(both)).toEqual(expected)
    }
  })
})

describe('a bound key', () => {
  const base = [2, 3].flatMap((id) => SENSITIVITIES.map((level) => `${id}${level}`))

  it('has its own and the global memory, and nothing else', async () => {
    expect(await namespaces(namespaceAccess(bound(), 'read'))).toEqual([2, 3])
    expect(await namespaces(namespaceAccess(bound(), 'write'))).toEqual([3])
    expect(await namespaces(namespacePart(bound()))).toEqual([])
    expect(await cubes(cubeReach(bound(), 'read', NOW_MS))).toEqual(base)
  })

  it.each([
    ['by its name', {}, true],
    ["by another subject's name", { subject: ['user', 'v'] }, false],
    ['as an agent of the same id', { subject: ['agent', 'u'] }, false],
    ['as anybody', { subject: ['org', ''] }, true],
    ['by a role that it holds', { subject: ['role', 'r'] }, true],
    ['by a role that it held', { subject: ['role', 'ended'] }, false],
    ['by a role of another organisation', { subject: ['role', 'foreign'] }, false],
    ['by a row of another organisation', { columns: { org_id: 'other' } }, false],
    ['before it begins', { columns: { not_before_ms: NOW_MS + 1 } }, false],
    ['from its beginning', { columns: { not_before_ms: NOW_MS } }, true],
    ['until its end', { columns: { expires_at_ms: NOW_MS + 1 } }, true],
    ['at its end', { columns: { expires_at_ms: NOW_MS } }, false],
    ['for its purpose', { columns: { purposes: '["x","p"]' } }, true],
    ['for another purpose', { columns: { purposes: '["x"]' } }, false],
    ['in its task', { columns: { tasks: '["t"]' } }, true],
    ['in its task for another purpose', { columns: { tasks: '["t"]', purposes: '["x"]' } }, false],
  ] as [string, Row2, boolean][])('is let into a shared namespace %s: %o', async (_, row, opens) => {
    await run(`insert into role_members (org_id, role, subject_kind, subject_id, expires_at_ms, created_at_ms) values
      ('o', 'r', 'user', 'u', ${NOW_MS + 1}, 0), ('o', 'ended', 'user', 'u', ${NOW_MS}, 0), ('other', 'foreign', 'user', 'u', null, 0)`)
    await withPermissions([row], async () => {
      const principal = bound({ purpose: 'p', task: 't' })
      expect(await namespaces(namespaceAccess(principal, 'read'))).toEqual(opens ? [1, 2, 3] : [2, 3])
      const seen = opens ? ['1none', '1personal', ...base] : base
      expect(await cubes(cubeReach(principal, 'read', NOW_MS))).toEqual(seen)
      expect(await cubes(sql`${namespaceAccess(principal, 'read')} and ${cubeAccess(principal, NOW_MS)}`)).toEqual(seen)
      expect(await namespaces(namespaceAccess(principal, 'write'))).toEqual([3])
    })
  })

  it('needs a claim where a permission asks for one', async () => {
    await withPermissions([{ columns: { tasks: '["t"]' } }], async () => {
      expect(await namespaces(namespaceAccess(bound(), 'read'))).toEqual([2, 3])
    })
  })

  it('takes its clearance from the very permission that lets it write', async () => {
    const rows = [{ access: 'write', clearance: 'none' }, { clearance: 'secret' }]
    await withPermissions(rows, async () => {
      expect(await cubes(sql`n.id = 1 and ${cubeReach(bound(), 'read', NOW_MS)}`)).toEqual([
        '1none',
        '1personal',
        '1secret',
      ])
      expect(await cubes(sql`n.id = 1 and ${cubeReach(bound(), 'write', NOW_MS)}`)).toEqual(['1none'])
    })
  })

  it('reaches one cube of a namespace, and of a private one too, no further than both clearances', async () => {
    await withPermissions(
      [{ cube: '1personal' }, { cube: '1secret' }, { cube: '4none', columns: { namespace_id: 4 } }],
      async () => {
        expect(await cubes(cubeReach(bound(), 'read', NOW_MS))).toEqual(['1personal', ...base, '4none'])
        expect(await cubes(cubeReach(bound({ clearance: 'none' }), 'read', NOW_MS))).toEqual([
          '2none',
          '3none',
          '4none',
        ])
        expect(await namespaces(namespaceAccess(bound(), 'read'))).toEqual([2, 3])
        expect(await namespaces(namespacePart(bound()))).toEqual([1, 4])
        expect(await namespaces(namespacePart(bound({ namespaces: ['shared'] })))).toEqual([1])
      },
    )
  })

  it('knows of personal cubes that it may not read, and of no secret ones', async () => {
    const principal = bound({ clearance: 'none' })
    const known = ['2none', '2personal', '3none', '3personal']
    expect(await cubes(cubeReach(principal, 'read', NOW_MS, KNOWN_SENSITIVITY))).toEqual(known)
    const both = await opened.database.all(
      statement(sql`select c.cube_id from cubes c join namespaces n on n.id = c.namespace_id
        where ${cubeReach(principal, 'read', NOW_MS, KNOWN_SENSITIVITY)} and not (${cubeReach(principal, 'read', NOW_MS)}) order by 1`),
    )
    expect(both.flat(), 'a condition is the contrary of its negation').toEqual(['2personal', '3personal'])
  })

  it('administers what it owns and what it may write without condition', async () => {
    expect(await namespaces(namespaceAdministration(bound()))).toEqual([3])
    const conditional: Row2[] = [
      { access: 'read' },
      { access: 'write', columns: { expires_at_ms: NOW_MS + 1 } },
      { access: 'write', columns: { tasks: '["t"]' } },
      { access: 'write', subject: ['org', ''] },
      { access: 'write', cube: '1none' },
    ]
    await withPermissions(conditional, async () => {
      expect(await namespaces(namespaceAdministration(bound({ task: 't' })))).toEqual([3])
    })
    await withPermissions([{ access: 'write' }], async () => {
      expect(await namespaces(namespaceAdministration(bound()))).toEqual([1, 3])
    })
  })

  it('needs few of the hundred parameters of D1', () => {
    expect(statement(cubeReach(bound({ namespaces: ['a'] }), 'read', NOW_MS)).params.length).toBeLessThan(12)
  })
})
