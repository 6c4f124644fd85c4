import type { MipSource } from '../../protocol/host/mip-source.ts'
import type { ArchiveService } from '../infrastructure/archive/archive-service.ts'
import type { KeyRing } from '../infrastructure/governance/key-ring.ts'
import type { OrganisationDirectory } from '../infrastructure/governance/organisation-directory.ts'
import type { systemContext } from '../infrastructure/governance/system-context.ts'
import type { ActivityLog } from '../infrastructure/log/activity-log.ts'
import type { AuditChain } from '../infrastructure/log/audit-chain.ts'
import type { Metrics } from '../infrastructure/log/metrics.ts'
import type { OrganisationMoves } from '../infrastructure/placement/organisation-moves.ts'
import type { Eraser } from '../infrastructure/vault/eraser.ts'
import type { MemVault } from '../infrastructure/vault/mem-vault.ts'
import type { NamespaceDirectory } from '../infrastructure/vault/namespace-directory.ts'
import type { VaultSessions } from '../infrastructure/vault/vault-session.ts'
import type { BlockEvolution } from '../operation/blocks/block-evolution.ts'
import type { FeedbackDesk } from '../operation/blocks/feedback-desk.ts'
import type { MemBlocks } from '../operation/blocks/mem-blocks.ts'
import type { pinnedBlocks } from '../operation/blocks/pinned-blocks.ts'
import type { ChatDesk } from '../operation/chat/chat-desk.ts'
import type { EmbeddingBuilder } from '../operation/embed/embedding-builder.ts'
import type { Watermarks } from '../operation/governance/watermarks.ts'
import type { FactKeeper } from '../operation/knowledge/fact-keeper.ts'
import type { MemLifecycle } from '../operation/lifecycle/mem-lifecycle.ts'
import type { ArchiveImport } from '../operation/mip/archive-import.ts'
import type { IdentityDesk } from '../operation/mip/identity-desk.ts'
import type { Publisher } from '../operation/mip/publisher.ts'
import type { Subscriber } from '../operation/mip/subscriber.ts'
import type { TrustReview } from '../operation/mip/trust-review.ts'
import type { NodeDispatcher } from '../operation/nodes/node-dispatcher.ts'
import type { MemoryWriter } from '../operation/organise/memory-writer.ts'
import type { orderSteps } from '../operation/pipelines/order-steps.ts'
import type { PipelineRunner } from '../operation/pipelines/pipeline-runner.ts'
import type { MemoryPlanner } from '../operation/planning/memory-planner.ts'
import type { PlanWriter } from '../operation/planning/plan-writer.ts'
import type { packWithBlocks } from '../operation/retrieval/context-blocks.ts'
import type { heatAt } from '../operation/schedule/heat.ts'
import type { MemScheduler } from '../operation/schedule/mem-scheduler.ts'
import type { MemOperator } from '../operation/search/mem-operator.ts'
import type { memoryPath } from '../operation/search/memory-path.ts'
import type { Branches } from '../operation/time-machine/branches.ts'
import type { BranchMerge } from '../operation/time-machine/merge-branch.ts'
import type { SnapshotRestore } from '../operation/time-machine/snapshot-restore.ts'
import type { cubeAsOf, diffViewOf, pageAsOf } from '../operation/time-machine/standing.ts'
import type { TimeMachine } from '../operation/time-machine/time-machine.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { Database } from '../ports/database.ts'
import type { LanguageModel } from '../ports/language-model.ts'
import type { Logger } from '../ports/logger.ts'
import type { HeadHints, LogEnds } from '../ports/mip.ts'
import type { RateLimiter } from '../ports/rate-limiter.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Tails } from '../ports/tails.ts'
import type { Webhook } from '../ports/webhook.ts'
import type { Cursors } from './http/cursor.ts'
import type { NodeServices } from './nodes/node-services.ts'

/** Everything that routes may call. Built once per process by components.ts. */
export interface Edge {
  version: string
  /** Whether every request is logged, or only those that failed on our side. */
  logRequests: boolean
  vault: MemVault
  sessions: VaultSessions
  eraser: Eraser
  packContext: typeof packWithBlocks
  pinnedBlocks: typeof pinnedBlocks
  memoryPath: typeof memoryPath
  heatAt: typeof heatAt
  /** Names of the retrieval weights that a namespace may set. */
  weightNames: readonly string[]
  keyRing: KeyRing
  cursors: Cursors
  organisations: OrganisationDirectory
  moves: OrganisationMoves
  namespaces: NamespaceDirectory
  writer: MemoryWriter
  /** Refines what rules read; null where none is configured. */
  languageModel: LanguageModel | null
  planner: MemoryPlanner
  planWriter: PlanWriter
  lifecycle: MemLifecycle
  blocks: MemBlocks
  evolution: BlockEvolution
  feedback: FeedbackDesk
  operator: MemOperator
  timeMachine: TimeMachine
  snapshotRestore: SnapshotRestore
  branches: Branches
  branchMerge: BranchMerge
  cubeAsOf: typeof cubeAsOf
  pageAsOf: typeof pageAsOf
  diffViewOf: typeof diffViewOf
  scheduler: MemScheduler
  embeddings: EmbeddingBuilder
  facts: FactKeeper
  archives: ArchiveService
  activity: ActivityLog
  auditChain(database: Database): AuditChain
  metrics: Metrics
  blobs: BlobStore
  rateLimiter: RateLimiter
  watermarks: Watermarks
  pipelines: PipelineRunner
  orderSteps: typeof orderSteps
  subscriber: Subscriber
  archiveImport: ArchiveImport
  tails: Tails | null
  trustReview: TrustReview
  /** To be told by whatever hears of other logs. */
  mipHints: HeadHints
  systemContext: typeof systemContext
  /** Null where no GPU nodes are taken. */
  dispatcher: NodeDispatcher | null
  chat: ChatDesk | null
  /** Null where no GPU node may connect. */
  nodes: NodeServices | null
  webhook: Webhook | null
  mipSource: MipSource & LogEnds
  identityDesk: IdentityDesk
  publisher: Publisher
  runtime: Runtime
  logger: Logger
}
