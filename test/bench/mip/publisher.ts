/** A deployment with a published log: database on disk, stream protocols on loopback TCP, HTTP twin. */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { OpenedEntry } from '../../../protocol/core/entry.ts'
import { applyEntries } from '../../../protocol/core/log-apply.ts'
import { newLogState } from '../../../protocol/core/log-state.ts'
import { nodeEd25519 } from '../../../protocol/host/native-ed25519.ts'
import { useNativeSha256 } from '../../../protocol/host/native-sha256.ts'
import { startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import { createApp } from '../../../worker/app.ts'
import { PeerKeySigner } from '../../../worker/drivers/signer/peer-key-signer.ts'
import { IdentityDirectory } from '../../../worker/infrastructure/mip/identity-directory.ts'
import { MemVault } from '../../../worker/infrastructure/vault/mem-vault.ts'
import type { Database } from '../../../worker/ports/database.ts'
import { serveParent } from '../harness/child.ts'
import { slices } from '../harness/statistics.ts'
import { benchEdge } from './bench-edge.ts'
import { entryRow, logRow } from './log-rows.ts'
import { type SignedLog, signedLog } from './signed-log.ts'

export interface PublisherOrder {
  home: string
  entries: number
}

export interface PublisherReady {
  addresses: string[]
  url: string
  org: string
  /** Mean bytes of an entry with its signature. */
  entryBytes: number
}

const ENTRIES_PER_BATCH = 1000
const ORG = 'default'

useNativeSha256()
await serveParent<PublisherOrder, PublisherReady>(async ({ home, entries }) => {
  const signer = new PeerKeySigner(randomBytes(32), nodeEd25519())
  const { edge, database } = await benchEdge(home, {
    signer,
    ed25519: nodeEd25519(),
    mirrors: false,
    remotes: { open: () => null },
  })
  const log = await signedLog(entries, await signer.publishing(ORG))
  await publish(database, log)
  const node = await startMipNode({
    seed: randomBytes(32),
    source: edge.mipSource,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    ...nodeParts(),
    gossip: { network: 'bench' },
    onError: (error) => console.error(error),
  })
  const app = createApp(edge, {
    openApi: () => ({}),
    asset: async () => null,
    ready: async () => ({ database: true, blobs: true }),
  })
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const bytes = log.entries.reduce((sum, entry) => sum + entry.bytes.length + entry.signature.length, 0)
  return {
    ready: {
      addresses: node.addresses(),
      url: `http://127.0.0.1:${port}`,
      org: log.org,
      entryBytes: bytes / log.entries.length,
    },
  }
})

/** Writes the log as the deployment would have: entries with the head, batch by batch. */
async function publish(database: Database, { org, entries, delegation }: SignedLog): Promise<void> {
  const memVault = new MemVault({ databases: new Map([['default', database]]) })
  await new IdentityDirectory(memVault).claim(ORG, org, { nowMs: Date.now(), replaces: null })
  const vault = await memVault.of(ORG, Date.now())
  const row = logRow({ orgId: ORG, did: org, role: 'own' })
  await vault.apply([
    { kind: 'insert_mip_log', log: row },
    {
      kind: 'put_mip_objects',
      objects: [{ cid: delegation.address, did: org, cube: '', source: '', bytes: Buffer.from(delegation.wire) }],
    },
  ])
  let state = newLogState(org, MAIN_LOG)
  for (const batch of slices<OpenedEntry>(entries, ENTRIES_PER_BATCH)) {
    const { epoch, seq } = state
    const outcome = await applyEntries(state, batch, {
      ed25519: nodeEd25519(),
      mode: 'head',
      delegations: (cid) => (cid === delegation.address ? delegation.wire : null),
      nowMs: Date.now(),
    })
    if (outcome.problem) throw new Error(`the log of the bench is wrong: ${outcome.problem.code}`)
    state = outcome.state
    await vault.apply([
      {
        kind: 'append_mip_entries',
        logId: row.id,
        expected: { epoch, seq },
        head: { epoch: state.epoch, seq: state.seq, cid: state.cid as string, state: { ...state } },
        entries: batch.map(entryRow),
        atMs: Date.now(),
      },
    ])
  }
}
