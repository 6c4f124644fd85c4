import { describe, expect, it } from 'vitest'
import type { Database, Row } from '../../ports/database.ts'
import { MemVault } from '../vault/mem-vault.ts'
import { KeyRing } from './key-ring.ts'
import { hashSecret } from './key-secret.ts'

const SECRETS = ['A', 'B', 'C'].map((letter) => `memos_${letter.repeat(26)}_${'0'.repeat(64)}`)

/** A directory of the keys above that counts how often a row was read. */
function directory() {
  const reads: string[] = []
  const rowOf = (id: string): Row => {
    const secret = SECRETS.find((one) => one.includes(id)) ?? ''
    return [
      id,
      'org',
      'key',
      hashSecret(secret),
      null,
      null,
      '["read"]',
      null,
      null,
      null,
      'personal',
      null,
      null,
      600,
      0,
      null,
      null,
    ]
  }
  const database: Database = {
    name: 'default',
    vectorDistance: false,
    all: async ({ params }) => {
      const id = String(params[0])
      reads.push(id.slice(0, 1))
      return [rowOf(id)]
    },
    read: async () => [],
    batch: async () => [],
  }
  return { vault: new MemVault({ databases: new Map([['default', database]]) }), reads }
}

describe('KeyRing', () => {
  const runtime = { nowMs: () => 1, randomBytes: (length: number) => new Uint8Array(length), defer: () => {} }

  it('keeps no more rows in memory than its bound', async () => {
    const { vault, reads } = directory()
    const ring = new KeyRing({ vault, runtime }, { rootHash: '', cacheRows: true, rowsMax: 2 })
    const [a = '', b = '', c = ''] = SECRETS
    for (const secret of [a, b, a, b]) expect((await ring.authenticate(secret, null)).orgId).toBe('org')
    expect(reads.join('')).toBe('AB')
    for (const secret of [c, a, c]) await ring.authenticate(secret, null)
    expect(reads.join('')).toBe('ABCA')
  })

  it('reads the row for every request where other processes may revoke a key', async () => {
    const { vault, reads } = directory()
    const ring = new KeyRing({ vault, runtime }, { rootHash: '', cacheRows: false })
    for (let i = 0; i < 3; i++) await ring.authenticate(SECRETS[0] ?? '', null)
    expect(reads.join('')).toBe('AAA')
  })
})
