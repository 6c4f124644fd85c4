/** Catches up with a log from nothing as a deployment does: fetched by pages, verified, each page durable with the cursor in one batch. */
import { randomBytes } from 'node:crypto'
import type { VerifyMode } from '../../../protocol/core/log-apply.ts'
import { HttpRemote } from '../../../protocol/host/http-remote.ts'
import type { MipRemote } from '../../../protocol/host/mip-remote.ts'
import { nodeEd25519 } from '../../../protocol/host/native-ed25519.ts'
import { useNativeSha256 } from '../../../protocol/host/native-sha256.ts'
import { startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import type { Did } from '../../../schemas/did.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import { systemContext } from '../../../worker/infrastructure/governance/system-context.ts'
import type { VaultSession } from '../../../worker/infrastructure/vault/vault-session.ts'
import { LogFollower } from '../../../worker/operation/mip/log-follower.ts'
import { LogRewind } from '../../../worker/operation/mip/log-rewind.ts'
import type { MipParts } from '../../../worker/ports/mip.ts'
import { MemoryMipSource } from '../../support/memory-mip-source.ts'
import { ownCpuMs, serveParent } from '../harness/child.ts'
import { BENCH_RUNTIME, benchEdge } from './bench-edge.ts'

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

const ORG = 'default'
/** Of a publisher that is asked over whatever connection there is. */
const ADDRESS = 'https://publisher.example'

useNativeSha256()
await serveParent<FollowerOrder, FollowerReady>(async (order) => {
  const connectMs = performance.now()
  const remote = await connected(order)
  const ready = { connectMs: performance.now() - connectMs }
  const mip: MipParts = { signer: null, ed25519: nodeEd25519(), mirrors: false, remotes: { open: () => remote } }
  const { edge, database } = await benchEdge(order.home, mip)
  const context = systemContext(ORG, 'bench', Date.now(), new AbortController().signal)
  const session = await edge.sessions(context, 'write')
  await subscribe(session, order)
  const rewind = new LogRewind({ blobs: edge.blobs, embeddings: edge.embeddings })
  const follower = new LogFollower({ mip, runtime: BENCH_RUNTIME, rewind, moved: () => {} })
  const answer = async (): Promise<CatchUp> => {
    const startMs = performance.now()
    const startCpuMs = ownCpuMs()
    const place = { did: order.org, log: MAIN_LOG, pagesMax: Number.POSITIVE_INFINITY }
    const { error } = await follower.follow(session, place, context)
    const ms = performance.now() - startMs
    const cpuMs = ownCpuMs() - startCpuMs
    if (error !== null) throw new Error(error)
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

/** A subscription says how the log is verified, and a peer where it is. */
async function subscribe({ vault }: VaultSession, { org, mode }: FollowerOrder): Promise<void> {
  const atMs = Date.now()
  await vault.apply([
    {
      kind: 'put_mip_peer',
      peer: {
        did: org,
        name: null,
        tier: 'known',
        addresses: [ADDRESS],
        strikes: 0,
        createdAtMs: atMs,
        updatedAtMs: atMs,
      },
    },
    {
      kind: 'insert_mip_subscription',
      subscription: {
        id: 'bench',
        did: org,
        log: MAIN_LOG,
        filter: {},
        namespaceId: 1,
        state: 'active',
        epoch: 0,
        seq: -1,
        error: null,
        attempts: 0,
        nextAtMs: atMs,
        verify: mode,
        createdBy: 'bench',
        createdAtMs: atMs,
        updatedAtMs: atMs,
      },
    },
  ])
}
