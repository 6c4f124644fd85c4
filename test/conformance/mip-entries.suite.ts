import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LogRows } from '../../worker/infrastructure/mip/log-rows.ts'
import { MemVault, type OrgVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import { GuardError } from '../../worker/ports/database.ts'
import type { MipEntryRow } from '../../worker/ports/writes/mip.ts'
import type { DatabaseHarness } from './database.suite.ts'

const ORG = 'entries'
const LOG_ID = 77

/** Entries of every length that a log may have, with bytes that no text could carry. */
const entry = (seq: number): Omit<MipEntryRow, 'logId'> => ({
  epoch: 0,
  seq,
  cid: `cid-${seq}`,
  bytes: new Uint8Array(1 + ((seq * 61) % 4096)).map((_, i) => i + seq) as Buffer,
  signature: new Uint8Array(64).fill(seq) as Buffer,
  op: 'cube.publish',
  cube: seq % 2 ? `cube "${seq}"` : null,
  bodyCid: seq % 3 ? 'body' : null,
  ts: 1_760_000_000_000 + seq,
})

/** Entries come out of every database as they went in, also where one batch needs several parameters. Runs in workerd too. */
export function testMipEntries(name: string, open: () => Promise<DatabaseHarness>): void {
  describe(`entries of a log: ${name}`, () => {
    let harness: DatabaseHarness
    let vault: OrgVault
    beforeAll(async () => {
      harness = await open()
      const { database } = harness
      const sql = `insert into organisations (id, name, "database", state, created_at_ms) values (?, ?, 'default', 'active', 0)`
      await database.all({ sql, params: [ORG, ORG] })
      vault = await new MemVault({ databases: new Map([['default', database]]) }).of(ORG, 0)
      const log = { id: LOG_ID, did: 'did:key:z', log: 'main', role: 'followed' as const, epoch: 0, seq: -1 }
      await vault.apply([
        { kind: 'insert_mip_log', log: { ...log, headCid: null, state: {}, stopped: null, updatedAtMs: 0 } },
      ])
    })
    afterAll(() => harness.close())

    const append = (entries: Omit<MipEntryRow, 'logId'>[], from: number, to: number) =>
      vault.apply([
        {
          kind: 'append_mip_entries',
          logId: LOG_ID,
          expected: { epoch: 0, seq: from },
          head: { epoch: 0, seq: to, cid: `cid-${to}`, state: { seq: to } },
          entries,
          atMs: 1,
        },
      ])

    it('are stored with the cursor and read back byte for byte', async () => {
      const entries = Array.from({ length: 600 }, (_, seq) => entry(seq))
      await append(entries, -1, 599)
      const read = await new LogRows(vault).page({ id: LOG_ID, epoch: 0 }, { epoch: 0, seq: 0 }, 1000)
      expect(read.map(([bytes, signature]) => [[...bytes], [...signature]])).toEqual(
        entries.map(({ bytes, signature }) => [[...bytes], [...signature]]),
      )
      const rows = await vault.database.all({
        sql: 'select epoch, seq, cid, op, cube, body_cid, ts from mip_entries where log_id = ? order by seq',
        params: [LOG_ID],
      })
      expect(rows).toEqual(
        entries.map(({ epoch, seq, cid, op, cube, bodyCid, ts }) => [epoch, seq, cid, op, cube, bodyCid, ts]),
      )
    })

    it('are refused where somebody else was first, and none of them is kept', async () => {
      await expect(append([entry(600)], 500, 600)).rejects.toThrow(GuardError)
      await append([], 599, 599)
      const read = await new LogRows(vault).page({ id: LOG_ID, epoch: 0 }, { epoch: 0, seq: 600 }, 10)
      expect(read).toEqual([])
    })
  })
}
