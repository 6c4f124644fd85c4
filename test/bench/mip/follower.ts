/** Catches up with a log from nothing: fetched by pages, verified, each page durable with the cursor in one batch before the next. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type OpenedEntry, openEntryParts } from '../../../protocol/core/entry.ts'
import { applyEntries, type VerifyMode } from '../../../protocol/core/log-apply.ts'
import { logPages } from '../../../protocol/core/log-pages.ts'
import { newLogState } from '../../../protocol/core/log-state.ts'
import type { LogPosition } from '../../../protocol/core/wire-types.ts'
import { HttpRemote } from '../../../protocol/host/http-remote.ts'
import type { MipRemote } from '../../../protocol/host/mip-remote.ts'
import { nodeEd25519 } from '../../../protocol/host/native-ed25519.ts'
import { useNativeSha256 } from '../../../protocol/host/native-sha256.ts'
import { startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import { openLibsql } from '../../../worker/drivers/database/open-libsql.ts'
import { MemVault, type OrgVault } from '../../../worker/infrastructure/vault/mem-vault.ts'
import { MemoryMipSource } from '../../support/memory-mip-source.ts'
import { ownCpuMs, serveParent } from '../harness/child.ts'
import { entryRow, logRow } from './log-rows.ts'

export interface FollowerOrder {
  home: string
  org: Did
  mode: VerifyMode
  via: { addresses: string[] } | { url: string }
}

export interface FollowerReady {
  /** Starting a node and connecting it; nothing over HTTP. */
  connectMs: number
}

export interface CatchUp {
  entries: number
  ms: number
  cpuMs: number
}

const ORG = 'follower'

useNativeSha256()
await serveParent<FollowerOrder, FollowerReady>(async (order) => {
  const { database } = await openLibsql('default', `file:${join(order.home, 'memos.db')}`)
  await database.all({
    sql: `insert into organisations (id, name, "database", state, created_at_ms) values (?, ?, 'default', 'active', 0)`,
    params: [ORG, ORG],
  })
  const vault = await new MemVault({ databases: new Map([['default', database]]) }).of(ORG, Date.now())
  const connectMs = performance.now()
  const remote = await connected(order)
  const ready = { connectMs: performance.now() - connectMs }
  const answer = async (): Promise<CatchUp> => {
    const startMs = performance.now()
    const startCpuMs = ownCpuMs()
    await catchUp(remote, vault, order)
    const ms = performance.now() - startMs
    const cpuMs = ownCpuMs() - startCpuMs
    const [row] = await database.all({ sql: 'select count(*), max(seq) from mip_entries', params: [] })
    return { entries: Number(row?.[0]), ms, cpuMs }
  }
  return { ready, answer }
})

async function connected({ via }: FollowerOrder): Promise<MipRemote> {
  if ('url' in via) return new HttpRemote({ url: via.url, fetch, allowPrivate: true })
  const node = await startMipNode({
    seed: randomBytes(32),
    source: new MemoryMipSource(),
    listen: [],
    ...nodeParts(),
    gossip: { network: 'bench' },
  })
  return node.remote(await node.dial(via.addresses, { signal: AbortSignal.timeout(10_000) }))
}

async function catchUp(remote: MipRemote, vault: OrgVault, { org, mode }: FollowerOrder): Promise<void> {
  const { signal } = new AbortController()
  const ed25519 = nodeEd25519()
  const delegations = new Map<Cid, Uint8Array>()
  const row = logRow({ orgId: ORG, did: org, role: 'followed' })
  let state = newLogState(org, MAIN_LOG)
  await vault.apply([{ kind: 'insert_mip_log', log: row }])
  const read = (from: LogPosition) =>
    remote.log({ org, log: MAIN_LOG, from, limit: MIP_LOG_PAGE_ENTRIES_MAX }, { signal })
  for await (const page of logPages(read, { epoch: 0, seq: 0 })) {
    const { epoch, seq } = state
    if (!page || page.entries.length === 0) return
    const opened = page.entries.map(([bytes, signature]) => openEntryParts(bytes, signature))
    const added = await missingDelegations(remote, opened, delegations, signal)
    const outcome = await applyEntries(state, opened, {
      mode,
      ed25519,
      delegations: (cid) => delegations.get(cid) ?? null,
      nowMs: Date.now(),
    })
    if (outcome.problem) throw new Error(`${outcome.problem.code} at ${state.seq + outcome.problem.at}`)
    state = outcome.state
    await vault.apply([
      {
        kind: 'append_mip_entries',
        logId: row.id,
        expected: { epoch, seq },
        head: { epoch: state.epoch, seq: state.seq, cid: state.cid as string, state: { ...state } },
        entries: outcome.accepted.map(entryRow),
        atMs: Date.now(),
      },
      {
        kind: 'put_mip_objects',
        objects: [...added].map(([cid, bytes]) => ({ cid, did: org, cube: '', source: '', bytes: bytes as Buffer })),
      },
    ])
  }
}

async function missingDelegations(
  remote: MipRemote,
  opened: readonly OpenedEntry[],
  known: Map<Cid, Uint8Array>,
  signal: AbortSignal,
): Promise<ReadonlyMap<Cid, Uint8Array>> {
  const named = new Set(opened.flatMap(({ entry }) => (entry.dlg === null || known.has(entry.dlg) ? [] : [entry.dlg])))
  if (named.size === 0) return new Map()
  const found = await remote.objects([...named], { signal })
  for (const [cid, wire] of found) known.set(cid, wire)
  return found
}
