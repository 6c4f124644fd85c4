import { portableEd25519 } from '../protocol/core/ed25519-rule.ts'
import {
  BLOCKS_PER_TICK_MAX,
  LIFECYCLE_NAMESPACES_PER_TICK_MAX,
  LIFECYCLE_ROUND_MS,
  SCHEDULES_PER_TICK_MAX,
} from '../schemas/limits.ts'
import { MIP_PULLS_PER_TICK_MAX, MIP_RECEIPTS_PER_TICK_MAX } from '../schemas/limits-mip.ts'
import type { HostParts } from './components.ts'
import { dueBlocks } from './infrastructure/blocks/due-blocks.ts'
import { systemContext } from './infrastructure/governance/system-context.ts'
import { dueNamespaces } from './infrastructure/lifecycle/due-namespaces.ts'
import { sealAudit } from './infrastructure/log/audit-chain.ts'
import { purgeIdempotency } from './infrastructure/log/idempotency-store.ts'
import { delegationWires } from './infrastructure/mip/delegation-wires.ts'
import { claimSubscriptions, organisationsToReview } from './infrastructure/mip/due-subscriptions.ts'
import { IdentityDirectory } from './infrastructure/mip/identity-directory.ts'
import { claimErasures } from './infrastructure/mip/receipt-rows.ts'
import { Outbox } from './infrastructure/pipelines/outbox.ts'
import { claimSchedules } from './infrastructure/schedule/due-schedules.ts'
import { planMissingEmbeddings } from './infrastructure/tasks/missing-embeddings.ts'
import { planMissingKnowledge } from './infrastructure/tasks/missing-knowledge.ts'
import { purgeRecords } from './infrastructure/tasks/purge-records.ts'
import { purgeTasks } from './infrastructure/tasks/purge-tasks.ts'
import type { UpkeepStep } from './infrastructure/tasks/upkeep.ts'
import { BlobSweep } from './infrastructure/vault/blob-sweep.ts'
import { expiredCubes } from './infrastructure/vault/expired-cubes.ts'
import { removeUnnamed } from './infrastructure/vault/named-blobs.ts'
import type { VaultSessions } from './infrastructure/vault/vault-session.ts'
import type { Edge } from './interface/edge.ts'
import type { BlocksTick } from './operation/blocks/blocks-tick.ts'
import { EMBED_TASK, type EmbeddingBuilder } from './operation/embed/embedding-builder.ts'
import { KNOWLEDGE_TASK } from './operation/knowledge/knowledge-builder.ts'
import { Consolidator } from './operation/lifecycle/consolidator.ts'
import { LifecycleTick } from './operation/lifecycle/lifecycle-tick.ts'
import { RevisionPurge } from './operation/lifecycle/revision-purge.ts'
import { ErasureReceipts } from './operation/mip/erasure-receipts.ts'
import { MipTick } from './operation/mip/mip-tick.ts'
import { missingBefore } from './operation/mip/trust-review.ts'
import { EXPIRED_PER_SWEEP_MAX, type ExpirySweep } from './operation/organise/expiry-sweep.ts'
import type { Database } from './ports/database.ts'
import type { MipParts } from './ports/mip.ts'

export const NO_MIP: MipParts = {
  signer: null,
  ed25519: portableEd25519,
  mirrors: false,
  remotes: { open: () => null },
}

const LIFECYCLE_ROUND = { limit: LIFECYCLE_NAMESPACES_PER_TICK_MAX, roundMs: LIFECYCLE_ROUND_MS }

/** What is done every minute, in this order. */
export function upkeepSteps(
  { databases, blobs, runtime, embedders, logger, webhook, mip: parts }: HostParts,
  {
    expiry,
    lifecycle,
    blocks,
    edge,
  }: {
    expiry: ExpirySweep
    lifecycle: LifecycleTick
    blocks: BlocksTick
    edge: Edge
  },
): UpkeepStep[] {
  const embedder = embedders[0] ?? null
  const everyDatabase = (work: (database: Database) => Promise<unknown>) => async () => {
    for (const database of databases.values()) await work(database)
  }
  const outbox = new Outbox({ webhook, logger })
  const mip = mipTick({ blobs, ...(parts && { mip: parts }) }, edge)
  const blobSweep = new BlobSweep({ vault: edge.vault, blobs, runtime })
  return [
    { name: 'idempotency', run: everyDatabase((database) => purgeIdempotency(database, runtime.nowMs())) },
    { name: 'tasks', run: everyDatabase((database) => purgeTasks(database, runtime.nowMs())) },
    { name: 'records', run: everyDatabase((database) => purgeRecords(database, runtime.nowMs())) },
    {
      name: 'expiry',
      run: everyDatabase(async (database) =>
        expiry.erase(await expiredCubes(database, runtime.nowMs(), EXPIRED_PER_SWEEP_MAX)),
      ),
    },
    {
      name: 'lifecycle',
      run: everyDatabase(async (database) =>
        lifecycle.run(await dueNamespaces(database, runtime.nowMs(), LIFECYCLE_ROUND)),
      ),
    },
    ...(embedder === null
      ? []
      : [
          {
            name: 'embeddings',
            run: everyDatabase((database) =>
              planMissingEmbeddings(database, { kind: EMBED_TASK, model: embedder.model }, runtime),
            ),
          },
        ]),
    {
      name: 'schedule',
      run: everyDatabase(async (database) =>
        edge.scheduler.tick(await claimSchedules(database, runtime.nowMs(), SCHEDULES_PER_TICK_MAX)),
      ),
    },
    {
      name: 'blocks',
      run: everyDatabase(async (database) =>
        blocks.run(await dueBlocks(database, runtime.nowMs(), BLOCKS_PER_TICK_MAX)),
      ),
    },
    {
      name: 'mip',
      run: everyDatabase(async (database) => {
        await mip.pull(await claimSubscriptions(database, runtime.nowMs(), MIP_PULLS_PER_TICK_MAX))
        await mip.confirm(await claimErasures(database, runtime.nowMs(), MIP_RECEIPTS_PER_TICK_MAX))
        await mip.review(await organisationsToReview(database, missingBefore(runtime.nowMs()), MIP_PULLS_PER_TICK_MAX))
      }),
    },
    { name: 'effects', run: everyDatabase((database) => outbox.step(database, runtime.nowMs())) },
    { name: 'audit', run: everyDatabase((database) => sealAudit(database, runtime.nowMs())) },
    { name: 'knowledge', run: everyDatabase((database) => planMissingKnowledge(database, KNOWLEDGE_TASK, runtime)) },
    { name: 'blobs', run: () => blobSweep.step() },
  ]
}

/** What the policies of namespaces ask for, minute by minute. */
export function lifecycleTick(
  { blobs, runtime, logger }: HostParts,
  parts: { sessions: VaultSessions; embeddings: EmbeddingBuilder; expiry: ExpirySweep },
): LifecycleTick {
  const revisionPurge = new RevisionPurge({
    removeUnnamed: ({ vault: { database, organisation } }, byCube) =>
      removeUnnamed({ database, blobs, orgId: organisation.id }, byCube),
  })
  const consolidator = new Consolidator({ embeddings: parts.embeddings, runtime })
  return new LifecycleTick({ ...parts, systemContext, consolidator, revisionPurge, runtime, logger })
}

const mipTick = (
  { blobs, mip = NO_MIP }: Pick<HostParts, 'blobs' | 'mip'>,
  { vault, subscriber, trustReview: review, sessions, runtime, logger }: Edge,
): MipTick =>
  new MipTick({
    sessions,
    systemContext,
    subscriber,
    review,
    receipts: new ErasureReceipts({ mip, identities: new IdentityDirectory(vault), delegationWires, blobs }),
    runtime,
    logger,
  })
