import type { LogName } from '../protocol/core/wire-types.ts'
import { composeNodeServices, type NodeParts } from './compose-node-services.ts'
import { composeNodes } from './compose-nodes.ts'
import { lifecycleTick, NO_MIP, upkeepSteps } from './compose-upkeep.ts'
import { ArchiveService } from './infrastructure/archive/archive-service.ts'
import { redactCube } from './infrastructure/archive/redaction.ts'
import { KeyRing } from './infrastructure/governance/key-ring.ts'
import { OrganisationDirectory } from './infrastructure/governance/organisation-directory.ts'
import { systemContext } from './infrastructure/governance/system-context.ts'
import { ActivityLog } from './infrastructure/log/activity-log.ts'
import { AuditChain } from './infrastructure/log/audit-chain.ts'
import { Metrics } from './infrastructure/log/metrics.ts'
import { ObservedModel } from './infrastructure/log/observed-model.ts'
import { DatabaseMipSource } from './infrastructure/mip/database-mip-source.ts'
import { delegationWires } from './infrastructure/mip/delegation-wires.ts'
import { mipHints } from './infrastructure/mip/due-subscriptions.ts'
import { IdentityDirectory } from './infrastructure/mip/identity-directory.ts'
import { ProofDesk } from './infrastructure/mip/proof-desk.ts'
import { ReceiptDesk } from './infrastructure/mip/receipt-desk.ts'
import { ServingDesk } from './infrastructure/mip/serving-desk.ts'
import { OrganisationMover } from './infrastructure/placement/organisation-mover.ts'
import { MOVE_TASK, OrganisationMoves } from './infrastructure/placement/organisation-moves.ts'
import { TaskRunner } from './infrastructure/tasks/task-runner.ts'
import { runUpkeep } from './infrastructure/tasks/upkeep.ts'
import { Eraser } from './infrastructure/vault/eraser.ts'
import { encodeVector } from './infrastructure/vault/half-float.ts'
import { MemVault } from './infrastructure/vault/mem-vault.ts'
import { removeUnnamed } from './infrastructure/vault/named-blobs.ts'
import { NamespaceDirectory } from './infrastructure/vault/namespace-directory.ts'
import { blobCidsOf } from './infrastructure/vault/text-blob.ts'
import { type VaultSessions, vaultSessions } from './infrastructure/vault/vault-session.ts'
import { vectorSource } from './infrastructure/vault/vector-source.ts'
import type { Edge } from './interface/edge.ts'
import { Cursors } from './interface/http/cursor.ts'
import { tellTails } from './interface/mip/tail-frames.ts'
import { BlockEvolution } from './operation/blocks/block-evolution.ts'
import { BlocksTick } from './operation/blocks/blocks-tick.ts'
import { FeedbackDesk } from './operation/blocks/feedback-desk.ts'
import { MemBlocks } from './operation/blocks/mem-blocks.ts'
import { pinnedBlocks } from './operation/blocks/pinned-blocks.ts'
import { EMBED_TASK, EmbeddingBuilder } from './operation/embed/embedding-builder.ts'
import { labelsOf, redactSensitive, sensitivityOf } from './operation/governance/sensitive.ts'
import { Watermarks } from './operation/governance/watermarks.ts'
import { FactKeeper } from './operation/knowledge/fact-keeper.ts'
import { factsPlanner } from './operation/knowledge/facts-builder.ts'
import { KNOWLEDGE_TASK, KnowledgeBuilder } from './operation/knowledge/knowledge-builder.ts'
import { MemLifecycle } from './operation/lifecycle/mem-lifecycle.ts'
import { ArchiveImport } from './operation/mip/archive-import.ts'
import { IdentityDesk } from './operation/mip/identity-desk.ts'
import { LogAppender } from './operation/mip/log-appender.ts'
import { OwnHeadGuard } from './operation/mip/own-head-guard.ts'
import { Publisher } from './operation/mip/publisher.ts'
import { Subscriber } from './operation/mip/subscriber.ts'
import { TrustReview } from './operation/mip/trust-review.ts'
import { indexText } from './operation/organise/draft-cube.ts'
import { ExpirySweep } from './operation/organise/expiry-sweep.ts'
import { MemoryWriter, storedCube } from './operation/organise/memory-writer.ts'
import { placeText } from './operation/organise/place-text.ts'
import { orderSteps } from './operation/pipelines/order-steps.ts'
import { PipelineRunner } from './operation/pipelines/pipeline-runner.ts'
import { MemoryPlanner } from './operation/planning/memory-planner.ts'
import { PlanWriter } from './operation/planning/plan-writer.ts'
import { ANALYSER_VERSION } from './operation/retrieval/analyse.ts'
import { packWithBlocks } from './operation/retrieval/context-blocks.ts'
import { featuresOf } from './operation/retrieval/features.ts'
import { DEFAULT_WEIGHTS } from './operation/retrieval/weights.ts'
import { fingerprintOf } from './operation/schedule/fingerprint.ts'
import { heatAt } from './operation/schedule/heat.ts'
import { MemScheduler } from './operation/schedule/mem-scheduler.ts'
import { MemOperator } from './operation/search/mem-operator.ts'
import { memoryPath } from './operation/search/memory-path.ts'
import { Branches, type RemoveUnnamed } from './operation/time-machine/branches.ts'
import { BranchMerge } from './operation/time-machine/merge-branch.ts'
import { SnapshotRestore } from './operation/time-machine/snapshot-restore.ts'
import { cubeAsOf, diffViewOf, pageAsOf } from './operation/time-machine/standing.ts'
import { TimeMachine } from './operation/time-machine/time-machine.ts'
import type { BlobStore } from './ports/blob-store.ts'
import type { Database } from './ports/database.ts'
import type { Embedder } from './ports/embedder.ts'
import type { LanguageModel } from './ports/language-model.ts'
import type { Logger } from './ports/logger.ts'
import type { MipParts } from './ports/mip.ts'
import type { RateLimiter } from './ports/rate-limiter.ts'
import type { Reranker } from './ports/reranker.ts'
import type { Runtime } from './ports/runtime.ts'
import type { TaskHandler, TaskQueue } from './ports/tasks.ts'
import type { VectorIndex, VectorSource } from './ports/vector-index.ts'
import type { Webhook } from './ports/webhook.ts'

export const VERSION = '0.1.0'
const ACTIVITY_FLUSH_MS = 250

/** What a host brings: drivers and what only it knows. */
export interface HostParts {
  databases: ReadonlyMap<string, Database>
  blobs: BlobStore
  /** First the model that embeds; a further one answers queries while the first one's vectors are being built. */
  embedders: readonly Embedder[]
  reranker: Reranker | null
  /** Refines what rules read; null: rules alone. */
  languageModel: LanguageModel | null
  webhook: Webhook | null
  /** How peers and mirrors are reached; absent: no log of others is followed. */
  rateLimiter: RateLimiter
  runtime: Runtime
  logger: Logger
  queue: TaskQueue
  vectorIndex(source: VectorSource): VectorIndex
  rootHash: string
  /** Whether one process serves the database alone, so that it may keep in memory what only it changes. */
  singleProcess: boolean
  logRequests: boolean
  /** Default: nothing is published, and no peer is asked. */
  mip?: MipParts
  /** Default: no GPU node may connect. */
  nodes?: NodeParts
  /** How background work waits; tests that step the clock bring their own. */
  sleep?(ms: number): Promise<void>
}

export interface Components {
  edge: Edge
  tasks: TaskRunner
  vectorIndex: VectorIndex
  /** To be called every minute: forgets what is too old and plans work that no request planned. `only` names the steps; default: all. */
  tick(only?: readonly string[]): Promise<void>
}

const waitMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const SENSITIVE = { labelsOf, sensitivityOf, redactSensitive }

/** The composition root: the one place that knows which class stands behind which interface. */
export function composeEdge(parts: HostParts): Components {
  const { databases, blobs, runtime, logger, embedders, queue } = parts
  const metrics = new Metrics()
  const host = { ...parts, languageModel: observed(parts, metrics) }
  const vault = new MemVault({ databases })
  const vectorIndex = host.vectorIndex(vectorSource(vault, runtime.nowMs))
  const sessions = vaultSessions({ vault, blobs, vectorIndex, logger, redact: redactSensitive })
  const embeddings = embeddingBuilder(host, sessions, vectorIndex)
  const keyRing = new KeyRing({ vault, runtime }, { rootHash: host.rootHash, cacheRows: host.singleProcess })
  const knowledge = new KnowledgeBuilder({
    sessions,
    systemContext,
    planFacts: factsPlanner(host.languageModel),
    languageModel: host.languageModel,
    runtime,
    shared: host.singleProcess,
  })
  const mover = new OrganisationMover({ vault, runtime, sleep: host.sleep ?? waitMs })
  const operator = new MemOperator({ embedders, reranker: host.reranker, logger })
  const reader = readerParts(host, embeddings)
  const nodes = composeNodes({ ...host, ...reader, vault, sessions, operator, embeddings })
  const handlers: [string, TaskHandler][] = [
    [EMBED_TASK, (task, progress) => embeddings.run(task, progress)],
    [MOVE_TASK, (task, progress) => mover.run(task, progress)],
    [KNOWLEDGE_TASK, (task, progress) => knowledge.run(task, progress)],
    ...nodes.handlers,
  ]
  const expiry = new ExpirySweep({ blobs, sessions, systemContext, embeddings, runtime, logger })
  const services = composeNodeServices({ ...host, vault, metrics, nodes: host.nodes })
  const edge: Edge = {
    version: VERSION,
    logRequests: host.logRequests,
    vault,
    sessions,
    keyRing,
    organisations: new OrganisationDirectory({ vault, runtime }),
    moves: new OrganisationMoves({ vault, runtime, queue, mover }),
    namespaces: new NamespaceDirectory(vault, runtime),
    ...reader,
    lifecycle: new MemLifecycle({ embeddings }),
    ...timeMachineParts(host, embeddings),
    operator,
    ...pipelineParts(host, { operator, embeddings }),
    ...interchangeParts(host, vault, embeddings),
    ...blockParts(host, { operator, embeddings }),
    scheduler: new MemScheduler({ embedders, sessions, systemContext, runtime, logger }),
    heatAt,
    embeddings,
    facts: new FactKeeper(),
    ...archiveParts(host, keyRing, embeddings),
    packContext: packWithBlocks,
    pinnedBlocks,
    memoryPath,
    weightNames: Object.keys(DEFAULT_WEIGHTS),
    ...logParts(host, vault, metrics),
    ...nodes.edge,
    nodes: services.services,
    blobs,
    rateLimiter: host.rateLimiter,
    runtime,
    logger,
  }
  const lifecycle = lifecycleTick(host, { sessions, embeddings, expiry })
  const blocks = new BlocksTick({ evolution: edge.evolution, sessions, systemContext, runtime, logger })
  const upkeep = [...upkeepSteps(host, { expiry, lifecycle, blocks, edge }), ...services.upkeep, ...nodes.upkeep]
  return {
    edge,
    tasks: new TaskRunner({ databases, runtime, logger, handlers: new Map(handlers) }),
    vectorIndex,
    tick: (only) => runUpkeep(only === undefined ? upkeep : upkeep.filter(({ name }) => only.includes(name)), logger),
  }
}

const embeddingBuilder = (
  { embedders, runtime, queue, singleProcess }: HostParts,
  sessions: VaultSessions,
  vectorIndex: VectorIndex,
): EmbeddingBuilder =>
  new EmbeddingBuilder({
    ...{ embedder: embedders[0] ?? null, vectorIndex, sessions, systemContext, encodeVector },
    ...{ runtime, queue, singleProcess },
  })

const observed = ({ languageModel: model, logger }: HostParts, metrics: Metrics): LanguageModel | null =>
  model && new ObservedModel({ model, logger, metrics })

/** MemReader: plans operations from what was said, and carries them out. */
function readerParts(
  { blobs, runtime, languageModel }: HostParts,
  embeddings: EmbeddingBuilder,
): Pick<Edge, 'writer' | 'languageModel' | 'planner' | 'planWriter'> {
  const writer = new MemoryWriter({ blobs, runtime, encodeVector })
  return {
    writer,
    languageModel,
    planner: new MemoryPlanner({ languageModel }),
    planWriter: new PlanWriter({ blobs, runtime, writer, embeddings }),
  }
}

function timeMachineParts({ blobs, runtime }: HostParts, embeddings: EmbeddingBuilder) {
  const unnamed: RemoveUnnamed = ({ vault: { database, organisation } }, byCube) =>
    removeUnnamed({ database, blobs, orgId: organisation.id }, byCube)
  return {
    timeMachine: new TimeMachine({ runtime, embeddings }),
    snapshotRestore: new SnapshotRestore({ runtime, embeddings }),
    branches: new Branches({ blobs, runtime, removeUnnamed: unnamed }),
    branchMerge: new BranchMerge({ blobs, runtime, embeddings, removeUnnamed: unnamed }),
    cubeAsOf,
    pageAsOf,
    diffViewOf,
  }
}

/** What comes from others and what goes to them. */
function interchangeParts(host: HostParts, vault: MemVault, embeddings: EmbeddingBuilder) {
  const published = publishingParts(host, vault)
  return { ...published, ...followParts(host, embeddings, published) }
}

function followParts(
  { blobs, runtime, logger, embedders, databases, mip = NO_MIP }: HostParts,
  embeddings: EmbeddingBuilder,
  { mipSource }: Pick<Edge, 'mipSource'>,
): Pick<Edge, 'subscriber' | 'archiveImport' | 'tails' | 'trustReview' | 'mipHints' | 'systemContext'> {
  const tails = mip.tails ?? null
  const moved = (log: LogName) => {
    if (mip.mirrors) tellTails({ mipSource, tails, runtime, logger }, log)
  }
  const parts = { mip, blobs, runtime, embeddings, moved, embedder: embedders[0] ?? null }
  const subscriber = new Subscriber(parts)
  return {
    subscriber,
    archiveImport: new ArchiveImport(parts, subscriber),
    tails,
    trustReview: new TrustReview(parts),
    mipHints: mipHints(databases, runtime.nowMs),
    systemContext,
  }
}

function blockParts(
  { blobs, runtime, languageModel }: HostParts,
  { operator, embeddings }: { operator: MemOperator; embeddings: EmbeddingBuilder },
): Pick<Edge, 'blocks' | 'evolution' | 'feedback'> {
  const blocks = new MemBlocks({ runtime, embeddings, writer: new MemoryWriter({ blobs, runtime, encodeVector }) })
  return {
    blocks,
    evolution: new BlockEvolution({ blocks, operator, embeddings, languageModel, runtime }),
    feedback: new FeedbackDesk({ runtime, embeddings }),
  }
}

const pipelineParts = (
  { blobs, runtime, webhook }: HostParts,
  parts: { operator: MemOperator; embeddings: EmbeddingBuilder },
): Pick<Edge, 'pipelines' | 'orderSteps' | 'webhook'> => ({
  pipelines: new PipelineRunner({ blobs, runtime, ...parts }),
  orderSteps,
  webhook,
})

const logParts = (
  { runtime, logger, singleProcess, rootHash }: HostParts,
  vault: MemVault,
  metrics: Metrics,
): Pick<Edge, 'activity' | 'auditChain' | 'cursors' | 'metrics' | 'watermarks'> => ({
  metrics,
  activity: new ActivityLog(
    { vault, runtime, logger, fingerprintOf },
    { flushMs: singleProcess ? ACTIVITY_FLUSH_MS : 0 },
  ),
  auditChain: (database) => new AuditChain(database),
  cursors: new Cursors(rootHash),
  watermarks: new Watermarks(rootHash),
})

/** What peers are served, and what is published to them. */
function publishingParts(
  { blobs, runtime, logger, mip = NO_MIP, sleep = waitMs }: HostParts,
  vault: MemVault,
): Pick<Edge, 'mipSource' | 'identityDesk' | 'publisher'> {
  const { signer, ed25519, mirrors, remotes, announce = () => {} } = mip
  const identities = new IdentityDirectory(vault)
  const proofs = new ProofDesk({ vault, ed25519, runtime })
  const receipts = new ReceiptDesk({ vault, identities, ed25519, runtime })
  const serving = new ServingDesk({ vault, ed25519, runtime })
  const guard = new OwnHeadGuard({ remotes, logger })
  const appender = new LogAppender({ signer, identities, delegationWires, guard, announce, runtime, sleep })
  return {
    mipSource: new DatabaseMipSource(
      { vault, blobs, identities, proofs, receipts, serving, signer, runtime },
      { mirrors },
    ),
    identityDesk: new IdentityDesk({ appender, identities, delegationWires, guard, announce, runtime }),
    publisher: new Publisher({
      appender,
      blobCidsOf,
      redactCube: (source, redaction) => redactCube(source, redaction, { placeText }),
    }),
  }
}

const archiveParts = (
  { blobs }: HostParts,
  keyRing: KeyRing,
  embeddings: EmbeddingBuilder,
): Pick<Edge, 'eraser' | 'archives'> => ({
  eraser: new Eraser({
    blobs,
    keyRing,
    forgetVectors: (session, orgId, id) => embeddings.forgetNamespace(session, orgId, id),
  }),
  archives: new ArchiveService({
    blobs,
    organise: { analyserVersion: ANALYSER_VERSION, indexText, featuresOf, placeText, storedCube, ...SENSITIVE },
    embeddings,
  }),
})
