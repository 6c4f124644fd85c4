import { randomFillSync } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import { systemContext } from '../governance/system-context.ts'
import { LexicalReader } from './lexical-reader.ts'
import type { OrgVault } from './mem-vault.ts'

describe('LexicalReader.statistics', () => {
  let opened: OpenDatabase | null = null
  afterEach(async () => {
    await opened?.close()
    opened = null
  })

  // The bound on counting is a share of the number of cubes: SQLite takes whole numbers only as a limit.
  it.each([0, 1, 4097, 5001, 16_385, 100_003])('answers in a namespace of %i cubes', async (cubes) => {
    opened = await openLibsql('default', ':memory:')
    const { database } = opened
    const id = randomFillSync(new Uint8Array(1))[0] ?? 1
    await database.batch([
      {
        sql: `insert into namespaces (id, org_id, name, layer, settings, cube_count, term_total, created_at_ms) values (?, 'default', 'n', 'shared', '{}', ?, ?, 0)`,
        params: [id, cubes, cubes * 7],
      },
      {
        sql: `insert into postings (namespace_id, term, seq, frequency, length) values (?, 'lisbon', 1, 1, 7), (?, 'lisbon', 2, 1, 7)`,
        params: [id, id],
      },
    ])
    const { principal } = systemContext('default', 'test', 0, AbortSignal.timeout(10_000))
    const reader = new LexicalReader({ database } as unknown as OrgVault, principal, 0)
    const statistics = await reader.statistics({ id, nextSeq: 3, nextChange: 1, cubeCount: cubes }, ['lisbon', 'osaka'])
    expect(statistics.cubes).toBe(cubes)
    expect(Object.fromEntries(statistics.documents)).toEqual({ lisbon: 2 })
  })
})
